"""Parameters of an API call, from the JSON of a state, by the service's model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from gluonship.local.stepfunctions.json_text import compact
from gluonship.local.stepfunctions.sdk_names import member_for

# Texts that AWS makes of JSON by itself: messages, bodies, inputs of executions.
_JSON_TEXTS = frozenset(
    ("Message", "MessageBody", "Detail", "Input", "input", "Body", "Payload", "Output", "output")
)
_NUMBERS = ("integer", "long", "float", "double")


class ParameterError(ValueError):
    """What is wrong with a parameter, as AWS says it."""


def unsupported(
    template: Any, shape: Shape, place: str, only: frozenset[str] | None = None
) -> Iterator[tuple[str, str]]:
    """The members of a template that the API does not have, or that are none of `only`: (message, place).
    Values are not looked at."""
    if isinstance(template, dict) and isinstance(shape, StructureShape):
        for key, value in template.items():
            name = key.removesuffix(".$")
            member = member_for(shape, name)
            if member is None or not _taken(name, only):
                yield _not_supported(name, member, only), f"{place}/{key}"
            elif not key.endswith(".$"):
                yield from unsupported(value, shape.members[member], f"{place}/{key}")
    elif isinstance(template, list) and isinstance(shape, ListShape):
        for index, part in enumerate(template):
            yield from unsupported(part, shape.member, f"{place}[{index}]")
    elif isinstance(template, dict) and isinstance(shape, MapShape):
        for key, value in template.items():
            if not key.endswith(".$"):
                yield from unsupported(value, shape.value, f"{place}/{key}")


def request(operation: OperationModel, parameters: Any, only: frozenset[str] | None = None) -> dict[str, Any]:
    """boto3's parameters. Raises ParameterError with all that is wrong."""
    shape = operation.input_shape
    if not isinstance(parameters, dict):
        raise ParameterError("The parameters must be a JSON object")
    if shape is None:
        return {}
    wrong: list[str] = []
    value = _structure(shape, parameters, wrong, only)
    if wrong:
        raise ParameterError(", ".join(wrong))
    return value


def _taken(name: str, only: frozenset[str] | None) -> bool:
    return only is None or name in only


def _not_supported(name: str, member: str | None, only: frozenset[str] | None) -> str:
    message = f'The field "{name}" is not supported by Step Functions'
    if member is None or only is None:
        return message
    return f"{message} (this integration takes {', '.join(sorted(only))}; the AWS SDK's takes all of the API)"


def _structure(
    shape: StructureShape, value: dict[str, Any], wrong: list[str], only: frozenset[str] | None = None
) -> dict[str, Any]:
    made = {}
    for key, part in value.items():
        member = member_for(shape, key)
        if member is None or not _taken(key, only):
            wrong.append(_not_supported(key, member, only))
        elif part is not None:
            made[member] = _value(shape.members[member], part, member, wrong)
    wrong.extend(
        f"The field '{name}' is required but was missing"
        for name in shape.required_members
        if name not in made
    )
    return made


def _value(shape: Shape, value: Any, name: str, wrong: list[str]) -> Any:
    kind = shape.type_name
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return _structure(shape, value, wrong)
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_value(shape.member, part, name, wrong) for part in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _value(shape.value, part, key, wrong) for key, part in value.items()}
    if kind in ("string", "blob", "timestamp") and isinstance(value, str):
        return value
    if kind in ("string", "blob") and name in _JSON_TEXTS:
        return compact(value)
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind in _NUMBERS and isinstance(value, (int, float)) and not isinstance(value, bool):
        if kind in ("float", "double"):
            return float(value)
        if float(value).is_integer():
            return int(value)
    wrong.append(f"The value for the field '{name}' must be {_wanted(shape)}")
    return value


def _wanted(shape: Shape) -> str:
    kinds = {"structure": "an object", "map": "an object", "list": "an array", "blob": "a STRING"}
    return kinds.get(shape.type_name, f"a {shape.type_name.upper()}")
