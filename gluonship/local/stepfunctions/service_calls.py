"""A task's call of an AWS API, and AWS's names for what goes wrong in it."""

from __future__ import annotations

from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel, ServiceModel

from gluonship.local.contracts import Clients, Scope
from gluonship.local.stepfunctions import error_names
from gluonship.local.stepfunctions.failures import RUNTIME, StatesError
from gluonship.local.stepfunctions.integrations import OPTIMIZED, SDK, supported_parameters
from gluonship.local.stepfunctions.json_text import compact
from gluonship.local.stepfunctions.parameters import ParameterError, request
from gluonship.local.stepfunctions.resources import Resource
from gluonship.local.stepfunctions.results import metadata, result


class ServiceCall:
    """One resource's API, with clients of one scope."""

    def __init__(self, resource: Resource, clients: Clients, scope: Scope) -> None:
        self._resource = resource
        service = SDK[resource.service] if resource.is_sdk else OPTIMIZED[resource.family]
        self._client = clients(scope, service.boto)

    @property
    def model(self) -> OperationModel | None:
        """The operation that the resource names, or None when the API has no such."""
        service: ServiceModel = self._client.meta.service_model
        name = self._resource.operation
        return service.operation_model(name) if name in service.operation_names else None

    def request(self, parameters: Any) -> dict[str, Any]:
        """boto3's parameters. Raises StatesError States.Runtime for wrong ones, as AWS does."""
        operation = self.model
        assert operation is not None, "checked when the machine was made"
        try:
            return request(operation, parameters, supported_parameters(self._resource))
        except ParameterError as error:
            raise StatesError(
                RUNTIME,
                f"The Parameters '{compact(parameters)}' could not be used to start the Task: [{error}]",
            ) from error

    def submit(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Calls the resource's operation. Raises StatesError by the service's error."""
        operation = self._resource.operation
        response = self.call(operation, parameters)
        made = result(self._output(operation), response)
        return made if self._resource.is_sdk else {**made, **metadata(response)}

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Any operation of the same service; boto3's response. Raises StatesError."""
        try:
            response: dict[str, Any] = getattr(self._client, xform_name(operation))(**parameters)
        except ClientError as error:
            raise self._failure(error) from error
        except BotoCoreError as error:  # no connection, or parameters that only botocore finds wrong
            raise StatesError(f"{self._prefix}.{error_names.SDK_CLIENT}", str(error)) from error
        return response

    def described(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """The JSON of a Describe operation."""
        return result(self._output(operation), self.call(operation, parameters))

    def _output(self, operation: str) -> Any:
        return self._client.meta.service_model.operation_model(operation).output_shape

    def _failure(self, error: ClientError) -> StatesError:
        shape, message = error_names.shape_and_message(error)
        about = error.response.get("ResponseMetadata", {})
        status, request_id = about.get("HTTPStatusCode", 400), about.get("RequestId", "")
        if self._resource.is_sdk:
            where = f"Service: {self._prefix}, Status Code: {status}, Request ID: {request_id}"
        else:
            label = OPTIMIZED[self._resource.family].label
            code = error.response["Error"].get("Code", "Unknown")
            about_error = f"Error Code: {code}; Request ID: {request_id}; Proxy: null"
            where = f"Service: {label}; Status Code: {status}; {about_error}"
        return StatesError(self._error_name(shape), f"{message} ({where})")

    @property
    def _prefix(self) -> str:
        if self._resource.is_sdk:
            return SDK[self._resource.service].error
        return OPTIMIZED[self._resource.family].error

    def _error_name(self, shape: str = "") -> str:
        """`shape` is the model's exception; without one it is the service's own."""
        if self._resource.is_sdk:
            return f"{self._prefix}.{error_names.sdk_class(shape, self._prefix)}"
        base = OPTIMIZED[self._resource.family].base
        return f"{self._prefix}.{error_names.optimized_class(shape, base)}"
