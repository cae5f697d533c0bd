"""Sessions of boto3 and the SageMaker SDK for one local cloud, whatever the process's AWS settings."""

from __future__ import annotations

import functools
import os
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from gluonship.local.door.keys import HOME_ROLE
from gluonship.local.launcher.environment import NO_AWS_CERTIFICATE, SDK_CONFIG, environment
from gluonship.local.launcher.home import DEFAULT_ACCOUNT_ID, DEFAULT_REGION, CloudInfo, Home

# AWS's settings of the user, each replaced by none: (config file's name, variables, default, conversion).
_IGNORED_SETTINGS = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ca_bundle": (None, None, None, None),
}
# Loopback is never reached through a proxy, nor under a name of its own for a part of a service.
_DIRECT = Config(proxies={}, inject_host_prefix=False)


class LocalSession(boto3.Session):
    """A boto3 session whose clients and resources all belong to one local cloud."""

    def __init__(self, info: CloudInfo, region: str = DEFAULT_REGION) -> None:
        core = botocore.session.Session(session_vars=_IGNORED_SETTINGS)
        key = Home(info.home).key()
        super().__init__(
            aws_access_key_id=key.id,
            aws_secret_access_key=key.secret,
            region_name=region,
            botocore_session=core,
        )
        self._info = info

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        made: Any = super().client
        return made(service_name, *args, **self._local(service_name, kwargs))

    def resource(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        made: Any = super().resource
        return made(service_name, *args, **self._local(service_name, kwargs))

    def _local(self, service: str, given: dict[str, Any]) -> dict[str, Any]:
        # The SDK asks for some clients by AWS's own addresses: they stay here too.
        own = {"sagemaker-runtime": self._info.runtime_url, "s3control": self._info.s3_control_url}
        endpoint = own.get(service, self._info.url)
        config = given.get("config")
        return {
            **given,
            "endpoint_url": endpoint,
            "verify": str(self._info.home / NO_AWS_CERTIFICATE),
            "config": config.merge(_DIRECT) if config else _DIRECT,
        }


class Connection:
    """One local cloud, for a notebook or a script."""

    def __init__(self, info: CloudInfo) -> None:
        self.info = info
        self.url = info.url
        self.runtime_url = info.runtime_url
        self.home = info.home
        self.role = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/{HOME_ROLE}"  # its existence is not checked
        self.bucket = f"sagemaker-{DEFAULT_REGION}-{DEFAULT_ACCOUNT_ID}"  # the SDK's default

    def __repr__(self) -> str:
        return f"<local cloud at {self.url}, home {self.home}>"

    def take_process(self) -> None:
        """Points all of the process's AWS clients that are made from now on at this cloud."""
        for name, value in environment(self.info, Home(self.home).key(), os.environ).items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        boto3.DEFAULT_SESSION = self.boto

    @functools.cached_property
    def boto(self) -> LocalSession:
        """The boto3 session."""
        return LocalSession(self.info)

    @functools.cached_property
    def sagemaker(self) -> Any:
        """The SageMaker SDK's session (sagemaker.Session, 2.x), with its default bucket made."""
        import sagemaker
        from sagemaker.config import load_sagemaker_config

        self.boto.client("s3").create_bucket(Bucket=self.bucket)
        return sagemaker.Session(
            boto_session=self.boto,
            sagemaker_client=self.boto.client("sagemaker"),
            sagemaker_runtime_client=self.boto.client("sagemaker-runtime"),
            default_bucket=self.bucket,
            sagemaker_config=load_sagemaker_config([str(self.home / SDK_CONFIG)]),
        )
