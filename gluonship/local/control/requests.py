"""What an AWS request asks for: the scope it is signed for, its service, its operation, its protocol."""

from __future__ import annotations

import functools
import gzip
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import botocore
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.iam.models import get_account_id_from
from werkzeug.exceptions import HTTPException

from gluonship.local.contracts import Scope
from gluonship.local.control.errors import Protocol

_CREDENTIAL = re.compile(
    r"Credential=([^/,\s]+)/\d{8}/([a-z0-9-]+)/([a-z0-9._-]+)/aws4_request", re.IGNORECASE
)
_METADATA = re.compile(r'"(apiVersion|endpointPrefix|signingName|targetPrefix|protocol)"\s*:\s*"([^"]+)"')
_DEFAULT_REGION = "us-east-1"
ACCOUNT_HEADER = "HTTP_X_MOTO_ACCOUNT_ID"  # moto's own way to act in an account


@dataclass(frozen=True)
class Signature:
    """The SigV4 scope of a request, as it says; `door` has verified it."""

    access_key: str = ""
    region: str = _DEFAULT_REGION
    service: str = ""  # the signing name, lower case; empty for an unsigned request

    @property
    def scope(self) -> Scope:
        """Its account by moto's rule: the one that has made the access key, else 123456789012."""
        return Scope(get_account_id_from(self.access_key), self.region)


def signature(environ: Mapping[str, Any]) -> Signature:
    """From the Authorization header, or from the query of a presigned URL."""
    header = environ.get("HTTP_AUTHORIZATION", "")
    if not header and "X-Amz-Credential" in environ.get("QUERY_STRING", ""):
        header = "Credential=" + parse_qs(environ["QUERY_STRING"]).get("X-Amz-Credential", [""])[0]
    found = _CREDENTIAL.search(header)
    return Signature(found[1], found[2], found[3].lower()) if found else Signature()


@dataclass(frozen=True)
class Identity:
    """The service and operation that a request means, as far as one can tell."""

    service: str = ""  # botocore's name
    operation: str = ""
    protocol: Protocol = "json"
    parameters: Mapping[str, str] = field(default_factory=dict)  # of a REST operation's path


def identify(environ: Mapping[str, Any], form: bytes = b"") -> Identity:
    """Which operation of botocore's models the request is; `form` is its body where that is a form.

    The signing name gives the candidate services; the target header, the Action parameter, or the method and
    path tell the operation.
    """
    candidates = _candidates(signature(environ).service)
    target, path = environ.get("HTTP_X_AMZ_TARGET", ""), environ.get("PATH_INFO", "")
    if environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor":
        service = candidates[0].name if candidates else ""
        return Identity(service, path.rpartition("/")[2], "cbor")
    if target:
        prefix, _, operation = target.rpartition(".")
        named = [each.name for each in candidates if each.target_prefix == prefix]
        return Identity(named[0] if named else prefix, operation, "json")
    fields = parse_qs(form.decode("utf-8", "replace") or environ.get("QUERY_STRING", ""))
    if "Action" in fields:
        version = fields.get("Version", [""])[0]
        versioned = [each for each in candidates if each.api_version == version] or candidates
        protocol: Protocol = "ec2" if versioned and versioned[0].protocol == "ec2" else "query"
        return Identity(versioned[0].name if versioned else "", fields["Action"][0], protocol)
    for each in candidates:
        operation, parameters = _operation_by_path(each.name, environ)
        if operation:
            return Identity(each.name, operation, _rest_protocol(each), parameters)
    if candidates:
        return Identity(candidates[0].name, "", _rest_protocol(candidates[0]))
    return Identity("s3", "", "s3") if not signature(environ).service else Identity(protocol="rest-json")


def _candidates(signing_name: str) -> list[_Service]:
    services = _services_by_signing_name()
    # Some of S3's operations are signed for s3-object-lambda, s3express or s3-outposts.
    return services.get(signing_name) or services["s3" if signing_name.startswith("s3") else ""]


def _rest_protocol(service: _Service) -> Protocol:
    if service.name == "s3":
        return "s3"
    return "rest-xml" if service.protocol == "rest-xml" else "rest-json"


def _operation_by_path(service: str, environ: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    try:
        operation, parameters = get_service_router(service).match(Request(dict(environ)))
    except (HTTPException, NotImplementedError):
        return "", {}
    return str(operation.name), {name: str(value) for name, value in parameters.items()}


@dataclass(frozen=True)
class _Service:
    name: str
    signing_name: str
    target_prefix: str
    protocol: str
    api_version: str


@functools.cache
def _services_by_signing_name() -> dict[str, list[_Service]]:
    """All of botocore's services, from the first lines of their models: reading them whole takes seconds."""
    services: dict[str, list[_Service]] = defaultdict(list)
    for folder in sorted((Path(botocore.__file__).parent / "data").iterdir()):
        models = sorted(folder.glob("*/service-2.json.gz"))
        if not models:
            continue
        with gzip.open(models[-1], "rt", encoding="utf-8") as file:
            head = file.read(2000).partition('"operations"')[0]
        metadata = dict(_METADATA.findall(head))
        signing_name = str(metadata.get("signingName") or metadata.get("endpointPrefix", folder.name)).lower()
        services[signing_name].append(
            _Service(
                folder.name,
                signing_name,
                metadata.get("targetPrefix", ""),
                metadata.get("protocol", "json"),
                metadata.get("apiVersion", ""),
            )
        )
    return services
