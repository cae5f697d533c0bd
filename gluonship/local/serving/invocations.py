"""InvokeEndpoint: one request of a caller, passed to one instance, and the instance's answer back."""

from __future__ import annotations

import re
import time
import urllib.parse
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gluonship.local.contracts import UNSUPPORTED, Scope
from gluonship.local.serving.routes import (
    Endpoint,
    EndpointRoutes,
    Instance,
    RouteTable,
    VariantRoute,
    choose_instance,
)
from gluonship.local.serving.runtime_errors import (
    RuntimeApiError,
    model_error,
    service_unavailable,
    validation_error,
)

INVOCATION_SECONDS = 60.0  # a container must answer within 60 s

_PATH = re.compile(r"/endpoints/([^/]+)/(invocations|async-invocations|invocations-response-stream)/?")
_PASSED_ON = (
    "Content-Type",
    "Accept",
    "X-Amzn-SageMaker-Custom-Attributes",
    "X-Amzn-SageMaker-Inference-Id",
)
_PASSED_BACK = ("Content-Type", "X-Amzn-SageMaker-Custom-Attributes")
# What an endpoint of single-model containers cannot honour: AWS refuses these too.
_REFUSED_HEADERS = {
    "X-Amzn-SageMaker-Target-Model": "TargetModel is for multi-model endpoints, and {} is none.",
    "X-Amzn-SageMaker-Target-Container-Hostname": (
        "TargetContainerHostname is for endpoints with direct invocation of containers, and {} has none."
    ),
    "X-Amzn-SageMaker-Inference-Component": (
        "InferenceComponentName is for endpoints with inference components, and {} has none."
    ),
    "X-Amzn-SageMaker-Enable-Explanations": (
        "EnableExplanations is for endpoints with an ExplainerConfig, and {} has none."
    ),
    "X-Amzn-SageMaker-Session-Id": "Stateful sessions are not supported by the local cloud (endpoint {}).",
}


@dataclass(frozen=True)
class Request:
    """What came over the wire, whatever server read it. Header names compare without case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | bytearray
    scope: Scope  # whose endpoints are meant


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes | bytearray


@dataclass(frozen=True)
class Invocation:
    """A request that an instance answered, for the taps: data capture and metrics hang on these."""

    endpoint: Endpoint
    variant_name: str
    instance_id: str
    request: Request
    response: Response
    model_seconds: float  # from the request's first byte to the container until its whole answer


class ContainerDown(Exception):
    """No connection: the container did not get a byte of the request."""


class ContainerLost(Exception):
    """The connection ended before the whole answer was there."""


class AnswerTooLong(Exception):
    """The container's answer is longer than the limit of a payload."""

    def __init__(self, status: int, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.status = status
        self.limit = limit


class ContainerClient(Protocol):
    """Sends a request to a container on this machine.

    Raises ContainerDown, ContainerLost, AnswerTooLong, or TimeoutError after `timeout` seconds.
    """

    async def post(
        self, port: int, path: str, headers: Mapping[str, str], body: bytes | bytearray, timeout: float
    ) -> Response: ...


@dataclass
class Invoker:
    table: RouteTable
    client: ContainerClient
    timeout: float = INVOCATION_SECONDS
    taps: list[Callable[[Invocation], None]] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        """The response to any request of the runtime API; errors in AWS's form, never an exception."""
        request_id = str(uuid.uuid4())
        try:
            response = await self._invoke(request)
        except RuntimeApiError as error:
            response = Response(
                error.status,
                {"Content-Type": "application/json", "x-amzn-ErrorType": error.code},
                error.body(),
            )
        return Response(response.status, {**response.headers, "x-amzn-RequestId": request_id}, response.body)

    async def _invoke(self, request: Request) -> Response:
        endpoint = self._endpoint(request)
        routes = self.table.endpoints.get(endpoint)
        if routes is None:
            raise validation_error(f"Endpoint {endpoint.name} of account {endpoint.account_id} not found.")
        for header, message in _REFUSED_HEADERS.items():
            if header in request.headers:
                raise validation_error(message.format(endpoint.name))
        tried: set[Instance] = set()
        while True:
            route, instance = self._choose(endpoint, routes, request, tried)
            tried.add(instance)
            self.table.begin(instance)
            try:
                return await self._send(endpoint, routes, route, instance, request)
            except ContainerDown:
                # Nothing was sent, so another instance may have the request; routes may be new by now.
                routes = self.table.endpoints.get(endpoint, routes)
            finally:
                self.table.end(instance)

    def _endpoint(self, request: Request) -> Endpoint:
        path, _, _ = request.path.partition("?")
        match = _PATH.fullmatch(path)
        if not match or request.method != "POST":
            raise RuntimeApiError(
                "UnknownOperationException",
                f"The data plane of the local cloud answers POST /endpoints/NAME/invocations; "
                f"{request.method} {path} is no operation of it.",
                404,
            )
        name, operation = urllib.parse.unquote(match[1]), match[2]
        if operation == "async-invocations":
            raise validation_error(
                f"Endpoint {name} is not an asynchronous endpoint: it has no AsyncInferenceConfig."
            )
        if operation == "invocations-response-stream":
            raise RuntimeApiError(
                UNSUPPORTED,
                "InvokeEndpointWithResponseStream is not supported by the local cloud; use InvokeEndpoint.",
                400,
            )
        return Endpoint(request.scope.account_id, request.scope.region, name)

    def _choose(
        self, endpoint: Endpoint, routes: EndpointRoutes, request: Request, tried: set[Instance]
    ) -> tuple[VariantRoute, Instance]:
        wanted = request.headers.get("X-Amzn-SageMaker-Target-Variant")
        if wanted is not None and wanted not in routes.variant_names:
            raise validation_error(f"Variant {wanted} of endpoint {endpoint.name} not found.")
        route = routes.choose_route(wanted)
        if route is None:
            raise validation_error(
                f"No variant of endpoint {endpoint.name} has a weight above 0; name one with TargetVariant."
            )
        instance = choose_instance(route, tried)
        if instance is None:
            raise service_unavailable(
                f"No instance of variant {route.variant_name} of endpoint {endpoint.name} is in service; "
                f"see its log group {routes.log_group}."
            )
        return route, instance

    async def _send(
        self,
        endpoint: Endpoint,
        routes: EndpointRoutes,
        route: VariantRoute,
        instance: Instance,
        request: Request,
    ) -> Response:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        started = time.perf_counter()
        try:
            answer = await self.client.post(
                instance.port, "/invocations", headers, request.body, self.timeout
            )
        except TimeoutError:
            message = (
                "Your invocation timed out while waiting for a response from container primary. Review the "
                "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
            )
            raise self._model_error(0, message, endpoint, routes) from None
        except AnswerTooLong as error:
            message = (
                f"The answer of the container exceeds the limit of InvokeEndpoint, {error.limit} bytes. Let "
                "the model answer less, or set GLUONSHIP_PAYLOAD_LIMIT_BYTES when you start the local cloud."
            )
            raise self._model_error(error.status, message, endpoint, routes) from None
        except ContainerLost:
            raise service_unavailable(
                f"Instance {instance.id} of endpoint {endpoint.name} ended while it answered; "
                f"see its log group {routes.log_group}."
            ) from None
        if not 200 <= answer.status < 300:
            text = answer.body.decode("utf-8", "replace")
            raise self._model_error(answer.status, text, endpoint, routes)
        back = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
        response = Response(
            200, {**back, "x-Amzn-Invoked-Production-Variant": route.variant_name}, answer.body
        )
        if self.taps:
            invocation = Invocation(
                endpoint,
                route.variant_name,
                instance.id,
                request,
                response,
                time.perf_counter() - started,
            )
            for tap in self.taps:
                tap(invocation)
        return response

    @staticmethod
    def _model_error(
        status: int, message: str, endpoint: Endpoint, routes: EndpointRoutes
    ) -> RuntimeApiError:
        return model_error(
            status,
            message,
            account_id=endpoint.account_id,
            region=endpoint.region,
            log_group=routes.log_group,
        )
