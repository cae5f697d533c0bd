"""A running local cloud with the CDK command on it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from gluonship_infra.configuration import Configuration, load

from gluonship.aws.account import Account
from gluonship.cli.problems import Problem
from gluonship.local import launcher
from gluonship.local.connection import LocalSession
from gluonship.local.launcher.home import DEFAULT_ACCOUNT_ID, DEFAULT_REGION
from local_account.cdk import Cdk, CdkFailed
from local_account.stacks import Stacks

_CDK_QUALIFIER = "hnb659fds"  # what the CDK takes where nobody chooses another


class OtherAccount(Problem):
    """The environment is for an account that the local cloud does not have."""


class CloudLost(Problem):
    """The cloud ended while it was used."""


@dataclass(frozen=True)
class Place:
    """The cloud, the command on it, its stacks, and an empty folder."""

    account: Account
    cdk: Cdk
    stacks: Stacks
    scratch: Path
    configuration: Configuration

    def client(self, service: str) -> Any:
        return self.account.session.client(service)  # type: ignore[call-overload]

    def is_bootstrapped(self) -> bool:
        """As the CDK command finds out: by the parameter with the bootstrap's version."""
        qualifier = self.configuration.account.bootstrap_qualifier or _CDK_QUALIFIER
        names = [f"/cdk-bootstrap/{qualifier}/version"]
        return bool(self.client("ssm").get_parameters(Names=names)["Parameters"])

    def bootstrap(self) -> None:
        qualifier = self.configuration.account.bootstrap_qualifier
        self.cdk.bootstrap(self.account.account_id, self.account.region, qualifier)


def configured(path: Path, environment: str) -> Configuration:
    """The configuration, for an account that a local cloud has. Raises ConfigurationError, OtherAccount."""
    configuration = load(path, environment)
    account = configuration.account.id
    if account and account != DEFAULT_ACCOUNT_ID:
        raise OtherAccount(
            f"The environment '{environment}' of {path} is for the account {account}, and the local cloud's "
            f"is {DEFAULT_ACCOUNT_ID}: deploy an environment without account.id here."
        )
    return configuration


@contextmanager
def opened(configuration: Configuration, path: Path, say: Callable[[str], None]) -> Iterator[Place]:
    """The place for `configuration`, which is the one of `path`.

    Raises LauncherError where no cloud runs, CloudLost where it ends within the block.
    """
    info = launcher.running()
    region = configuration.account.region or DEFAULT_REGION
    account = Account(LocalSession(info, region), "local")
    variables = {
        **launcher.applied(launcher.environment(), os.environ),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    with tempfile.TemporaryDirectory(prefix="gluonship-account-") as folder:
        scratch = Path(folder)
        cdk = Cdk(variables, scratch / "assembly", path, configuration.environment, say, lambda: _runs(info))
        stacks = Stacks(account.session.client("cloudformation"), configuration)
        try:
            yield Place(account, cdk, stacks, scratch, configuration)
        except (BotoCoreError, ClientError, CdkFailed) as error:
            if _runs(info):
                raise
            raise CloudLost(
                f"The local cloud of {info.home} ended meanwhile, and with it all that it held (its log is "
                f"{info.home / 'cloud.log'}): deploy again, which starts another."
            ) from error


def _runs(cloud: launcher.CloudInfo) -> bool:
    status = launcher.status(cloud.home)
    return status.state is launcher.State.RUNNING and status.info == cloud
