"""What templates can ask beyond themselves: Systems Manager, Secrets Manager, exports, templates in S3."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from gluonship.local.cloudformation.stacks.register import Register
from gluonship.local.cloudformation.stacks.state import Stack
from gluonship.local.cloudformation.template.dynamic_references import revealed, with_parameters
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.values import NO_VALUE
from gluonship.local.contracts import Clients, Scope

TEMPLATE_URL_BYTES = 1_048_576

_REGION = "[a-z]{2}(?:-[a-z]+)+-[0-9]+"
_S3_HOST = re.compile(
    r"localhost|127\.0\.0\.1|::1"
    rf"|(?:(.+?)\.)?s3(?:-fips|-external-1)?(?:[.-](?:dualstack\.)?{_REGION})?\.(?:amazonaws\.com(?:\.cn)?|localhost)"
    r"|s3\.(?!amazonaws\.com).+"
)
"""The hosts of S3; the group is the bucket of a virtual one."""


class Surroundings:
    def __init__(self, clients: Clients, register: Register) -> None:
        self._clients = clients
        self._register = register

    def pseudo_parameters(
        self, scope: Scope, name: str, stack_id: str, arns: tuple[str, ...]
    ) -> dict[str, Any]:
        return {
            "AWS::AccountId": scope.account_id,
            "AWS::NotificationARNs": list(arns),
            "AWS::NoValue": NO_VALUE,
            "AWS::Partition": "aws",
            "AWS::Region": scope.region,
            "AWS::StackId": stack_id,
            "AWS::StackName": name,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def parameter(self, scope: Scope, reference: str) -> str:
        """A Systems Manager parameter by NAME or NAME:VERSION."""
        try:
            answer = self._clients(scope, "ssm").get_parameter(Name=reference, WithDecryption=False)
        except (ClientError, BotoCoreError) as error:
            raise TemplateError(
                f"Unable to fetch parameters [{reference}] from parameter store for this account. "
                f"({told(error)})"
            ) from None
        parameter = answer["Parameter"]
        if parameter.get("Type") == "SecureString":
            raise TemplateError(f"Parameter {reference} is a SecureString, which templates cannot read")
        return str(parameter["Value"])

    def secret(self, scope: Scope, secret_id: str, stage: str | None, version: str | None) -> str:
        request = {"SecretId": secret_id, "VersionStage": stage, "VersionId": version}
        try:
            answer = self._clients(scope, "secretsmanager").get_secret_value(
                **{name: value for name, value in request.items() if value}
            )
        except (ClientError, BotoCoreError) as error:
            raise TemplateError(f"Secrets Manager can't give {secret_id}: {told(error)}") from None
        if "SecretString" not in answer:
            raise TemplateError(f"Secrets Manager: {secret_id} has no SecretString")
        return str(answer["SecretString"])

    def with_parameters(self, scope: Scope, string: str) -> str:
        return with_parameters(string, lambda reference: self.parameter(scope, reference))

    def revealed(self, scope: Scope, properties: Mapping[str, Any]) -> dict[str, Any]:
        """The properties with their secrets: for the provider's calls only. Raises TemplateError for a secret
        that cannot be had."""
        whole: dict[str, Any] = revealed(
            dict(properties), lambda name, stage, version: self.secret(scope, name, stage, version)
        )
        return whole

    def revealed_if_there(self, scope: Scope, properties: Mapping[str, Any]) -> dict[str, Any]:
        """The same of what a resource has already: its secrets may be gone by now. Those stay references."""
        shown = {}
        for name, value in properties.items():
            try:
                shown.update(self.revealed(scope, {name: value}))
            except TemplateError:
                shown[name] = value
        return shown

    def export(self, scope: Scope, name: str, asking: Stack | None) -> str:
        """Raises TemplateError where no other stack exports the name."""
        export = self._register.exports(scope).get(name)
        if export is None or export.stack is asking:
            raise TemplateError(f"No export named {name} found.")
        return export.value

    def availability_zones(self, scope: Scope, region: str) -> list[str]:
        """Those that EC2 has in a region, in the order of their names. Raises TemplateError."""
        try:
            answer = self._clients(Scope(scope.account_id, region), "ec2").describe_availability_zones()
        except (ClientError, BotoCoreError) as error:
            raise TemplateError(f"Template error: Fn::GetAZs of {region}: {told(error)}") from None
        zones = sorted(str(zone["ZoneName"]) for zone in answer["AvailabilityZones"])
        if not zones:
            raise TemplateError(f"Template error: Fn::GetAZs: there is no region {region}")
        return zones

    def template(self, scope: Scope, url: str) -> str:
        """The text of a template in S3, by an https, s3 or this cloud's own URL."""
        bucket, key, version = s3_object(url)
        of_version = {"VersionId": version} if version else {}
        try:
            body = self._clients(scope, "s3").get_object(Bucket=bucket, Key=key, **of_version)["Body"]
            content = body.read(TEMPLATE_URL_BYTES + 1)
        except (ClientError, BotoCoreError) as error:
            raise TemplateError(f"S3 error: {told(error)} (TemplateURL s3://{bucket}/{key})") from None
        if len(content) > TEMPLATE_URL_BYTES:
            raise TemplateError(
                f"Template may not exceed {TEMPLATE_URL_BYTES} bytes in size (s3://{bucket}/{key})"
            )
        try:
            return bytes(content).decode()
        except UnicodeDecodeError:
            raise TemplateError(f"Template format error: s3://{bucket}/{key} is not UTF-8") from None


def s3_object(url: str) -> tuple[str, str, str | None]:
    """Bucket, key and version id of a template's URL: virtual-hosted, path style, a loopback endpoint's, or
    s3://. Raises TemplateError."""
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
    bucket, key = "", path
    if parts.scheme == "s3":
        bucket = host
    elif parts.scheme in ("http", "https") and (own := _S3_HOST.fullmatch(host)) is not None:
        bucket = own[1] or ""
        if not bucket:
            bucket, _, key = path.partition("/")
    if not bucket or not key:
        raise TemplateError(f"TemplateURL must be a supported URL of an object in Amazon S3: {url}")
    return bucket, key, parse_qs(parts.query).get("versionId", [None])[0]


def told(error: BaseException) -> str:
    """Why a call failed, as CloudFormation puts it into a reason."""
    if isinstance(error, ClientError):
        about = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        what = f"Operation: {error.operation_name}, Status Code: {status}, Error Code: {about.get('Code')}"
        return f"{about.get('Message') or 'no message'} ({what})"
    return str(error) or type(error).__name__
