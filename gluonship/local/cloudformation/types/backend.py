"""The cloud behind the types: which operations it has, and how a flow of requests is run against it."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Collection, Mapping
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.validate import ParamValidator

from gluonship.local.cloudformation.contract import ProvisioningError
from gluonship.local.cloudformation.types.declaration import Flow, Request
from gluonship.local.cloudformation.types.mapping import stand_in, without_unknown
from gluonship.local.contracts import Clients, Scope

# What this cloud answers itself, beyond moto; a test asks a running cloud for each.
ANSWERED_HERE: Mapping[str, Collection[str]] = {
    "cloudwatch": frozenset({"PutCompositeAlarm"}),
    "logs": frozenset({"AssociateKmsKey", "DisassociateKmsKey"}),
    "sagemaker": frozenset(
        {
            "CreateCodeRepository",
            "DeleteCodeRepository",
            "DeleteModelPackage",
            "DeleteModelPackageGroup",
            "DeleteModelPackageGroupPolicy",
            "DescribeCodeRepository",
            "GetModelPackageGroupPolicy",
            "PutModelPackageGroupPolicy",
            "UpdateCodeRepository",
            "UpdateEndpoint",
            "UpdateNotebookInstance",
            "UpdateNotebookInstanceLifecycleConfig",
        }
    ),
    "stepfunctions": frozenset(
        {
            "CreateStateMachineAlias",
            "DeleteStateMachineAlias",
            "DeleteStateMachineVersion",
            "DescribeStateMachineAlias",
            "PublishStateMachineVersion",
            "UpdateStateMachineAlias",
        }
    ),
}

_MODULES = {"application-autoscaling": "applicationautoscaling"}
# moto's S3 takes requests apart by itself: its methods do not tell.
_ROUTED_OTHERWISE = frozenset({"s3"})
_GONE = re.compile(
    "NotFound|NoSuch|does not exist|DoesNotExist|Could not find|NonExistent|cannot find|InvalidResourceId",
    re.IGNORECASE,
)
_SERVICES = {
    "stepfunctions": "Sfn",
    "application-autoscaling": "ApplicationAutoScaling",
    "logs": "CloudWatchLogs",
}


class ServiceError(ProvisioningError):
    """An API refused; the message is CloudFormation's event for it."""

    def __init__(self, service: str, error: ClientError) -> None:
        answer = error.response.get("Error", {})
        self.code: str = answer.get("Code", "")
        self.reason: str = answer.get("Message", str(error))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        self.gone = bool(_GONE.search(f"{self.code} {self.reason}"))
        shown = _SERVICES.get(service, service.upper() if len(service) < 4 else service.capitalize())
        said = self.reason.rstrip()
        super().__init__(
            f'Resource handler returned message: "{said} (Service: {shown}, Status Code: {status})" '
            f"(HandlerErrorCode: {_handler_code(self)})"
        )


def _handler_code(error: ServiceError) -> str:
    if error.gone:
        return "NotFound"
    if re.search("AlreadyExist|AlreadyOwned|Duplicate", error.code):
        return "AlreadyExists"
    if re.search("Validation|Invalid|Malformed", error.code):
        return "InvalidRequest"
    return "AccessDenied" if "AccessDenied" in error.code else "GeneralServiceException"


@functools.cache
def _of_moto(service: str) -> frozenset[str]:
    from moto.core.responses import BaseResponse

    try:
        module = importlib.import_module(f"moto.{_MODULES.get(service, service)}.responses")
    except ModuleNotFoundError:
        return frozenset()
    classes = [
        each for each in vars(module).values() if isinstance(each, type) and issubclass(each, BaseResponse)
    ]
    return frozenset(name for each in classes for name in dir(each))


def implements(service: str, operation: str) -> bool:
    """Whether anybody in this cloud answers the operation."""
    if service in _ROUTED_OTHERWISE or operation in ANSWERED_HERE.get(service, ()):
        return True
    return xform_name(operation) in _of_moto(service)


class Backend:
    """Runs flows, for real or for review."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def input_shape(self, scope: Scope, service: str, operation: str) -> Any:
        return self._model(scope, service).operation_model(operation).input_shape

    def run(self, scope: Scope, service: str, flow: Flow) -> Any:
        """Runs a flow to its end and gives what it returns. Raises ProvisioningError."""
        answer: Any = None
        failure: Exception | None = None
        while True:
            try:
                request = flow.throw(failure) if failure else flow.send(answer)
            except StopIteration as end:
                return end.value
            except KeyError as missing:
                raise ProvisioningError(f"{missing.args[0]} is not known of this resource") from missing
            try:
                answer, failure = self._answered(scope, service, request), None
            except Exception as error:  # noqa: BLE001 - the flow has the last word, and may take something back
                answer, failure = None, error

    def _answered(self, scope: Scope, service: str, request: Request) -> Any:
        try:
            return self.call(scope, request.service or service, request.operation, request.members)
        except ServiceError as error:
            if request.gone_is_fine and error.gone:
                return {}
            raise

    def call(self, scope: Scope, service: str, operation: str, members: Mapping[str, Any]) -> Any:
        """One call's answer. Raises ServiceError, ProvisioningError."""
        try:
            answer = getattr(self._clients(scope, service), xform_name(operation))(**members)
        except ClientError as error:
            raise ServiceError(service, error) from error
        except BotoCoreError as error:
            raise ProvisioningError(f"{service}:{operation}: {error}") from error
        answer.pop("ResponseMetadata", None)
        return answer

    def objections(self, scope: Scope, service: str, flow: Flow) -> list[str]:
        """What would keep a flow from coming to its end, found without a call."""
        problems: list[str] = []
        answer: Any = None
        while True:
            try:
                request = flow.send(answer)
            except StopIteration:
                return problems
            owner = request.service or service
            model = self._model(scope, owner).operation_model(request.operation)
            if not implements(owner, request.operation):
                problems.append(f"the local cloud does not have {owner}:{request.operation}")
            if model.input_shape is not None:
                members = without_unknown(model.input_shape, dict(request.members))
                report = ParamValidator().validate(members, model.input_shape)
                if report.has_errors():
                    problems.append(f"{owner}:{request.operation}: {report.generate_report()}")
            answer = stand_in(model.output_shape)

    def _model(self, scope: Scope, service: str) -> Any:
        return self._clients(scope, service).meta.service_model
