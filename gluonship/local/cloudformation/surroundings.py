"""What templates can ask beyond themselves: Systems Manager, Secrets Manager, exports, templates in S3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from gluonship.local.cloudformation.stacks.register import Register
from gluonship.local.cloudformation.stacks.state import Stack
from gluonship.local.cloudformation.template.dynamic_references import revealed, with_parameters
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.values import NO_VALUE
from gluonship.local.contracts import Clients, Scope

TEMPLATE_URL_BYTES = 1_048_576


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
        """The properties with their secrets: for the provider's calls only."""
        whole: dict[str, Any] = revealed(
            dict(properties), lambda name, stage, version: self.secret(scope, name, stage, version)
        )
        return whole

    def export(self, scope: Scope, name: str, asking: Stack | None) -> str:
        """Raises TemplateError where no other stack exports the name."""
        export = self._register.exports(scope).get(name)
        if export is None or export.stack is asking:
            raise TemplateError(f"No export named {name} found.")
        return export.value

    def template(self, scope: Scope, url: str) -> str:
        """The text of a template in S3, by an https, s3 or this cloud's own URL."""
        bucket, key = s3_object(url)
        try:
            body = self._clients(scope, "s3").get_object(Bucket=bucket, Key=key)["Body"]
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


def s3_object(url: str) -> tuple[str, str]:
    """Bucket and key of a template's URL: virtual-hosted, path style, a loopback endpoint's, or s3://.

    Raises TemplateError.
    """
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
    labels = host.split(".")
    if parts.scheme == "s3":
        bucket, key = host, path
    elif parts.scheme not in ("http", "https"):
        bucket, key = "", ""
    elif _path_style(host):
        bucket, _, key = path.partition("/")
    else:
        service = next((at for at, label in enumerate(labels) if label == "s3" or label[:3] == "s3-"), None)
        bucket, key = (".".join(labels[:service]), path) if service is not None else ("", "")
    if not bucket or not key:
        raise TemplateError(f"TemplateURL must be a supported URL of an object in Amazon S3: {url}")
    return bucket, key


def _path_style(host: str) -> bool:
    if host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return host.startswith(("s3.", "s3-"))
    return host in ("localhost", "127.0.0.1", "::1") or host.startswith("s3.")


def told(error: BaseException) -> str:
    """Why a call failed, as CloudFormation puts it into a reason."""
    if isinstance(error, ClientError):
        about = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        what = f"Operation: {error.operation_name}, Status Code: {status}, Error Code: {about.get('Code')}"
        return f"{about.get('Message') or 'no message'} ({what})"
    return str(error) or type(error).__name__
