"""AWS's JSON 1.1 protocol, by botocore's shapes: a request's members in, a response's members out."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from gluonship.local.contracts import AwsError


def parse(operation: OperationModel, body: bytes) -> dict[str, Any]:
    """The request's members, timestamps as aware datetimes and blobs as bytes; unknown ones are dropped.

    Raises AwsError SerializationException where the body is not what the shapes say, as AWS does.
    """
    try:
        document = json.loads(body or b"{}", parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        raise _unreadable("Unexpected character or end of the JSON document") from error
    shape = operation.input_shape
    if not isinstance(document, dict):
        raise _unreadable("Start of structure or map expected")
    try:
        return {} if shape is None else dict(_parse(shape, document))
    except RecursionError as error:  # a shape that holds itself takes any depth
        raise _unreadable("The JSON document is nested too deeply") from error


def serialise(operation: OperationModel, members: Mapping[str, Any]) -> bytes:
    """The response's body; None members are left out. Raises ValueError for what the shape does not have."""
    shape = operation.output_shape
    if shape is None:
        if members:
            raise ValueError(f"{operation.name} answers nothing, but was given {sorted(members)}")
        return b"{}"
    return json.dumps(_written(shape, members, operation.name)).encode()


def _not_json(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _unreadable(message: str) -> AwsError:
    return AwsError("SerializationException", message)


def _parse(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        members = _expect(dict, value, "Start of structure or map expected")
        return {
            name: _parse(shape.members[name], member)
            for name, member in members.items()
            if name in shape.members and member is not None
        }
    if isinstance(shape, ListShape):
        items = _expect(list, value, "Start of list expected")
        return [_parse(shape.member, item) for item in items if item is not None]
    if isinstance(shape, MapShape):
        pairs = _expect(dict, value, "Start of structure or map expected")
        return {_string(key): _parse(shape.value, item) for key, item in pairs.items() if item is not None}
    return _SCALARS[shape.type_name](value)


def _expect(kind: type[Any], value: Any, message: str) -> Any:
    if not isinstance(value, kind):
        raise _unreadable(f"{message}, {_called(value)} found")
    return value


def _called(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper() + "_VALUE"
    if isinstance(value, (int, float)):
        return "NUMBER_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    return "START_OBJECT" if isinstance(value, dict) else "START_ARRAY"


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _unreadable(f"{_called(value)} can not be converted to a String")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair, which JSON can spell
        raise _unreadable("Unexpected character: a lone surrogate is no Unicode text") from error
    return value


def _integer(value: Any) -> int:
    whole = isinstance(value, (int, float)) and math.isfinite(value) and value == int(value)
    if isinstance(value, bool) or not whole:
        raise _unreadable(f"{_called(value)} can not be converted to an Integer")
    return int(value)


def _float(value: Any) -> float:
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _unreadable(f"{_called(value)} can not be converted to a Double")
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _unreadable(f"{_called(value)} can not be converted to a Boolean")
    return value


def _timestamp(value: Any) -> datetime:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return datetime.fromtimestamp(_float(value), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _unreadable(f"{_called(value)} can not be converted to a Timestamp") from error


def _blob(value: Any) -> bytes:
    try:
        return base64.b64decode(_string(value), validate=True)
    except binascii.Error as error:
        raise _unreadable("STRING_VALUE can not be converted to a Blob") from error


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "character": _string,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "blob": _blob,
}


def _written(shape: Shape, value: Any, path: str) -> Any:
    if isinstance(shape, StructureShape):
        unknown = set(value) - set(shape.members)
        if unknown:
            raise ValueError(f"{path}: {shape.name} has no member {sorted(unknown)}")
        return {
            name: _written(shape.members[name], member, f"{path}.{name}")
            for name, member in value.items()
            if member is not None
        }
    if isinstance(shape, ListShape):
        return [_written(shape.member, item, f"{path}[]") for item in value]
    if isinstance(shape, MapShape):
        return {key: _written(shape.value, item, f"{path}.{key}") for key, item in value.items()}
    if shape.type_name == "timestamp":
        return round(value.timestamp(), 3)
    if shape.type_name == "blob":
        return base64.b64encode(value).decode("ascii")
    return value
