"""AWS's Query protocol, by botocore's shapes: a form in, XML out; moto reads and writes it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import OperationModel, ServiceModel
from moto.core.parse import QueryParser, RequestDict
from moto.core.serialize import QuerySerializer
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers, MultiDict

from gluonship.local.contracts import AwsError

CONTENT_TYPE = "text/xml"


def requested(service: ServiceModel, body: bytes) -> str | None:
    """The service's operation that the form's Action names."""
    action = _form(body).get("Action")
    return action if action in service.operation_names else None


def parse(operation: OperationModel, body: bytes) -> dict[str, Any]:
    """The request's members. Raises AwsError ValidationError where a value is not of its shape's type."""
    request = RequestDict(
        body=body, headers=Headers(), method="POST", url_params={}, url_path="/", values=_form(body)
    )
    try:
        return dict(QueryParser(_moto_model(operation)).parse(request))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise AwsError("ValidationError", f"The request cannot be read: {error}") from error


def serialise(operation: OperationModel, members: Mapping[str, Any]) -> bytes:
    """The response's body; None members are left out. Raises ValueError for what the shape does not have."""
    shape = operation.output_shape
    unknown = set(members) - set(shape.members if shape is not None else ())
    if unknown:
        raise ValueError(f"{operation.name} has no member {sorted(unknown)}")
    written = QuerySerializer(_moto_model(operation)).serialize(_without_none(members))
    return str(written["body"]).encode()


def _moto_model(operation: OperationModel) -> Any:
    """The same operation of moto's loader, whose shapes say what its parser and serialiser ask of them."""
    return _moto_service(operation.service_model.service_name).operation_model(operation.name)


@functools.cache
def _moto_service(service: str) -> Any:
    return get_service_model(service)


def _form(body: bytes) -> MultiDict[str, str]:
    return MultiDict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_none(member) for name, member in value.items() if member is not None}
    if isinstance(value, (list, tuple)):
        return [_without_none(item) for item in value]
    return value
