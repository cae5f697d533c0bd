"""The JSON of a state, from the response of an API call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from gluonship.local.stepfunctions.failures import DATA_LIMIT, RUNTIME, StatesError
from gluonship.local.stepfunctions.json_text import LIMIT_BYTES, timestamp
from gluonship.local.stepfunctions.sdk_names import pascal


def result(shape: Shape | None, response: Mapping[str, Any]) -> dict[str, Any]:
    """Members by their names in states; times as RFC 3339 texts; bodies read as UTF-8.

    Raises StatesError States.Runtime for a body that is no text, States.DataLimitExceeded for a large one.
    """
    members = {name: value for name, value in response.items() if name != "ResponseMetadata"}
    made = _plain(shape, members)
    return made if isinstance(made, dict) else {}


def metadata(response: Mapping[str, Any]) -> dict[str, Any]:
    """What optimised integrations add to an answer."""
    about = response.get("ResponseMetadata", {})
    return {
        "SdkHttpMetadata": {"HttpStatusCode": about.get("HTTPStatusCode", 200)},
        "SdkResponseMetadata": {"RequestId": about.get("RequestId", "")},
    }


def _plain(shape: Shape | None, value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return {pascal(name): _plain(shape.members.get(name), part) for name, part in value.items()}
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {name: _plain(shape.value, part) for name, part in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_plain(shape.member, part) for part in value]
    if hasattr(value, "read"):
        value = value.read(LIMIT_BYTES + 1)
    if isinstance(value, bytes):
        if len(value) > LIMIT_BYTES:
            raise StatesError(DATA_LIMIT, "The response's body is larger than a state's output may be.")
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise StatesError(
                RUNTIME, "The response's body is no UTF-8 text, so no state can hold it."
            ) from None
    return value
