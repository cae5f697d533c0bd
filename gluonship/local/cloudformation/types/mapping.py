"""CloudFormation's properties as the members of an API's operation.

The two mostly have the same names; case may differ (`maxCapacity`), tags may be a map or a list, a policy
may be an object here and JSON text there. What has no place is a problem with its path, never dropped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.model import Shape

from gluonship.local.cloudformation.contract import UNKNOWN
from gluonship.local.cloudformation.template.values import has_unknown


def member_of(shape: Any, name: str, renamed: Mapping[str, str], path: str = "") -> str | None:
    """The member of a structure that a property belongs to."""
    members = shape.members
    if path + name in renamed:
        target = renamed[path + name]
        return target if target in members else None
    if name in members:
        return name
    by_lower = {each.lower(): each for each in members}
    # KMS and some others say TagKey and TagValue.
    return by_lower.get(name.lower()) or by_lower.get(f"tag{name}".lower())


def to_shape(shape: Any, value: Any, renamed: Mapping[str, str], path: str, problems: list[str]) -> Any:
    """A property's value as the shape has it. `path` is dotted, without list indexes."""
    if value is UNKNOWN:
        return value
    convert = _CONVERTERS.get(shape.type_name)
    return convert(shape, value, renamed, path, problems) if convert else value


def _structure(shape: Any, value: Any, renamed: Mapping[str, str], path: str, problems: list[str]) -> Any:
    if not isinstance(value, Mapping):
        problems.append(f"Properties/{_slashed(path)}: is not an object")
        return value
    members = {}
    for name, each in value.items():
        member = member_of(shape, name, renamed, f"{path}.")
        if member is None:
            place = f"Properties/{_slashed(path)}/{name}"
            problems.append(f"{place}: is not supported here (the API's {shape.name} has no place for it)")
            continue
        members[member] = to_shape(shape.members[member], each, renamed, f"{path}.{name}", problems)
    return members


def _list(shape: Any, value: Any, renamed: Mapping[str, str], path: str, problems: list[str]) -> Any:
    if isinstance(value, Mapping):
        value = [{"Key": key, "Value": each} for key, each in value.items()]
    items = value if isinstance(value, list) else [value]
    return [to_shape(shape.member, each, renamed, path, problems) for each in items]


def _map(shape: Any, value: Any, renamed: Mapping[str, str], path: str, problems: list[str]) -> Any:
    if isinstance(value, list):
        value = {each["Key"]: each["Value"] for each in value if each is not UNKNOWN}
    if not isinstance(value, Mapping):
        problems.append(f"Properties/{_slashed(path)}: is not an object")
        return value
    return {
        key: to_shape(shape.value, each, renamed, f"{path}.{key}", problems) for key, each in value.items()
    }


def _text(shape: Any, value: Any, *_: Any) -> Any:
    return as_text(value)


def _integer(shape: Any, value: Any, renamed: Any, path: str, problems: list[str]) -> Any:
    try:
        return int(value)
    except (TypeError, ValueError):
        problems.append(f"Properties/{_slashed(path)}: {value!r} is not a number")
        return value


def _float(shape: Any, value: Any, renamed: Any, path: str, problems: list[str]) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        problems.append(f"Properties/{_slashed(path)}: {value!r} is not a number")
        return value


def _boolean(shape: Any, value: Any, *_: Any) -> Any:
    return value if isinstance(value, bool) else str(value).lower() == "true"


def _blob(shape: Any, value: Any, *_: Any) -> Any:
    text = as_text(value)
    return text.encode() if isinstance(text, str) else text


_CONVERTERS = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _text,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "boolean": _boolean,
    "blob": _blob,
}


def as_text(value: Any) -> Any:
    """Text as an API takes it: JSON for objects, `true` for True; unknown while anything in it is."""
    if has_unknown(value):
        return UNKNOWN
    if isinstance(value, (Mapping, list)):
        return json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _slashed(path: str) -> str:
    return path.replace(".", "/")


# --- stand-ins -------------------------------------------------------------------------------------------


def stand_in(shape: Shape | None, depth: int = 6) -> Any:
    """An answer of this shape of which nothing is known; every list in it has one element."""
    if shape is None:
        return {}
    kind = shape.type_name
    if kind == "structure":
        members = getattr(shape, "members", {}) if depth else {}
        return {name: stand_in(each, depth - 1) for name, each in members.items()}
    if kind == "list":
        return [stand_in(getattr(shape, "member", None), depth - 1)] if depth else []
    return {} if kind == "map" else UNKNOWN


def without_unknown(shape: Any, value: Any) -> Any:
    """A request with something of the right type in place of what is not known, for botocore to validate."""
    if value is UNKNOWN:
        return _sample(shape)
    if shape.type_name == "structure" and isinstance(value, Mapping):
        return {
            name: without_unknown(shape.members[name], each) if name in shape.members else each
            for name, each in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [without_unknown(shape.member, each) for each in value]
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {key: without_unknown(shape.value, each) for key, each in value.items()}
    return value


def _sample(shape: Any) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return {name: _sample(shape.members[name]) for name in shape.required_members}
    if kind == "list":
        return [_sample(shape.member)] * max(1, shape.metadata.get("min", 0))
    smallest = shape.metadata.get("min", 1)
    if kind == "string":
        return (getattr(shape, "enum", None) or ["x" * max(1, smallest)])[0]
    samples = {"map": {}, "boolean": True, "blob": b"x", "timestamp": "2020-01-01T00:00:00Z"}
    if kind in ("float", "double"):
        return float(smallest)
    return samples.get(kind, int(smallest))
