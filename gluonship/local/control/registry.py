"""The operations that this cloud executes itself, validated and spoken as AWS does."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel

from gluonship.local.contracts import AwsError, Declined, Handler, Scope
from gluonship.local.control import json_protocol, query_protocol
from gluonship.local.control.errors import HttpResponse, Protocol, error_response
from gluonship.local.control.validation import validate

_log = logging.getLogger(__name__)


@functools.cache
def service_model(service: str) -> ServiceModel:
    """botocore's model of a service, with the API's latest version."""
    loader = botocore.session.Session().get_component("data_loader")
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


@dataclass(frozen=True)
class _Wire:
    """How a protocol carries operations."""

    protocol: Protocol
    content_type: str
    parse: Callable[[OperationModel, bytes], dict[str, Any]]
    serialise: Callable[[OperationModel, Mapping[str, Any]], bytes]
    invalid: str  # the error's code for a request that the service's model forbids


_WIRES = {
    "json": _Wire(
        "json",
        "application/x-amz-json-1.1",
        json_protocol.parse,
        json_protocol.serialise,
        "ValidationException",
    ),
    "query": _Wire(
        "query",
        query_protocol.CONTENT_TYPE,
        query_protocol.parse,
        query_protocol.serialise,
        "ValidationError",
    ),
}


class Registry:
    """Handlers by operation, for one service of the JSON or the Query protocol."""

    def __init__(
        self,
        service: str,
        handlers: Mapping[str, Handler],
        *,
        refused: Mapping[str, str] | None = None,
        whole: bool = False,
    ) -> None:
        """`refused`: operations that nobody may answer, each with what to do instead. `whole`: nobody else
        answers for the service; what has no handler is refused.

        Raises ValueError for a handler or a refusal of an operation that the service's model does not have.
        """
        self._model = service_model(service)
        self.refused: Mapping[str, str] = dict(refused or {})
        unknown = sorted((set(handlers) | set(self.refused)) - set(self._model.operation_names))
        if unknown:
            raise ValueError(f"{service} has no operation {', '.join(unknown)}")
        self.service = service
        self.signing_name: str = self._model.signing_name
        self.whole = whole
        self._wire = _WIRES[self._model.metadata["protocol"]]
        self._target_prefix: str | None = self._model.metadata.get("targetPrefix")
        self._handlers = dict(handlers)
        self._operations = frozenset(self._model.operation_names)

    @property
    def protocol(self) -> Protocol:
        return self._wire.protocol

    def find(self, target: str) -> str | None:
        """The service's operation that an X-Amz-Target names, executed or not."""
        prefix, _, name = target.rpartition(".")
        return name if prefix == self._target_prefix and name in self._operations else None

    def find_in_form(self, body: bytes) -> str | None:
        """The service's operation that a form's Action names, executed or not."""
        return query_protocol.requested(self._model, body)

    def executes(self, name: str) -> bool:
        return name in self._handlers

    def objection(self, name: str, body: bytes) -> HttpResponse | None:
        """AWS's error for a request that its model forbids; None for a good one, whoever answers it."""
        try:
            self._members(name, body)
        except AwsError as error:
            return self._error(error)
        return None

    def _members(self, name: str, body: bytes) -> dict[str, Any]:
        model = self._operation(name)
        members = self._wire.parse(model, body)
        validate(model, members, self._wire.invalid)
        return members

    def _error(self, error: AwsError) -> HttpResponse:
        return error_response(self._wire.protocol, error.code, error.message, error.status)

    @functools.cache  # noqa: B019 - a registry lives as long as its cloud
    def _operation(self, name: str) -> OperationModel:
        return self._model.operation_model(name)

    def execute(self, name: str, scope: Scope, body: bytes) -> HttpResponse | None:
        """Parses, validates and runs one operation; every failure is an answer in AWS's form. None where its
        handler declined the request, which is valid."""
        try:
            members = self._members(name, body)
            answer = self._wire.serialise(self._operation(name), self._handlers[name](scope, members))
        except AwsError as error:
            return self._error(error)
        except Declined:
            return None
        except Exception:  # noqa: BLE001 - the boundary to handlers
            # The one place where a defect of a handler becomes AWS's answer; its traceback is the log's.
            _log.exception("%s failed", name)
            return internal_failure(self._wire.protocol, f"{name} failed in the local cloud")
        return HttpResponse(
            200,
            [("Content-Type", self._wire.content_type), ("Content-Length", str(len(answer)))],
            answer,
        )


def internal_failure(protocol: Protocol, what: str) -> HttpResponse:
    """AWS's answer to a defect of its own, which clients may retry."""
    message = f"{what}: cloud.log in GLUONSHIP_HOME says where"
    return error_response(protocol, "InternalFailure", message, 500)
