"""A request against botocore's model, with the words of AWS's own validation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from gluonship.local.contracts import AwsError
from gluonship.local.control.patterns import compiled
from gluonship.local.evaluation.aws_patterns import fits

_LONGEST_TRIED = 4096  # characters; of a value that is too long anyway, no pattern is asked


def validate(operation: OperationModel, members: dict[str, Any], code: str = "ValidationException") -> None:
    """Raises AwsError `code` that lists every constraint that `members` breaks.

    Checked are required members, lengths, ranges, patterns (over the whole value) and enums; types are the
    parser's. The wording is that of AWS's services built on the same framework, SageMaker among them.
    """
    shape = operation.input_shape
    if shape is None:
        return
    found = list(_violations(shape, members, ""))
    if found:
        noun = "validation error" if len(found) == 1 else "validation errors"
        raise AwsError(code, f"{len(found)} {noun} detected: {'; '.join(found)}")


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if path:
        for constraint in _broken(shape, value):
            yield f"Value {_shown(value)} at '{path}' failed to satisfy constraint: {constraint}"
    if isinstance(shape, StructureShape):
        yield from _in_structure(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _in_list(shape, value, path)
    elif isinstance(shape, MapShape):
        yield from _in_map(shape, value, path)


def _in_structure(shape: StructureShape, members: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if name not in members:
            where = _joined(path, name)
            yield f"Value null at '{where}' failed to satisfy constraint: Member must not be null"
    for name, member in members.items():
        yield from _violations(shape.members[name], member, _joined(path, name))


def _in_list(shape: ListShape, items: list[Any], path: str) -> Iterator[str]:
    if _is_scalar(shape.member):
        yield from _collection(shape.member, items, path, items, "Member must satisfy constraint")
        return
    for index, item in enumerate(items, 1):
        yield from _violations(shape.member, item, f"{path}.{index}.member")


def _in_map(shape: MapShape, pairs: dict[str, Any], path: str) -> Iterator[str]:
    yield from _collection(shape.key, pairs, path, list(pairs), "Map keys must satisfy constraint")
    if _is_scalar(shape.value):
        yield from _collection(
            shape.value, pairs, path, list(pairs.values()), "Map value must satisfy constraint"
        )
        return
    for key, item in pairs.items():
        yield from _violations(shape.value, item, f"{path}.{key}.member")


def _collection(shape: Shape, whole: Any, path: str, items: list[Any], words: str) -> Iterator[str]:
    """AWS names the whole list or map when one of its plain values is wrong, with all that they must be."""
    if any(True for item in items for _ in _broken(shape, item)):
        rules = ", ".join(_rules(shape))
        yield f"Value {_shown(whole)} at '{path}' failed to satisfy constraint: {words}: [{rules}]"


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    limits = shape.metadata
    if "max" in limits and _size(shape, value) > limits["max"]:
        yield _limit(shape, "less", limits["max"])
    if "min" in limits and _size(shape, value) < limits["min"]:
        yield _limit(shape, "greater", limits["min"])
    too_long = "max" in limits and _size(shape, value) > max(limits["max"], _LONGEST_TRIED)
    if "pattern" in limits and not too_long and not _fits(limits["pattern"], value):
        yield f"Member must satisfy regular expression pattern: {limits['pattern']}"
    if limits.get("enum") and value not in limits["enum"]:
        yield f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]"


def _fits(pattern: str, value: str) -> bool:
    return fits(compiled(pattern), value, whole=True)


def _rules(shape: Shape) -> Iterator[str]:
    limits = shape.metadata
    if "max" in limits:
        yield _limit(shape, "less", limits["max"])
    if "min" in limits:
        yield _limit(shape, "greater", limits["min"])
    if "pattern" in limits:
        yield f"Member must satisfy regular expression pattern: {limits['pattern']}"
    if limits.get("enum"):
        yield f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]"


def _limit(shape: Shape, word: str, bound: float) -> str:
    what = "value" if shape.type_name in ("integer", "long", "float", "double") else "length"
    return f"Member must have {what} {word} than or equal to {bound}"


def _size(shape: Shape, value: Any) -> float:
    return value if isinstance(value, (int, float)) else len(value)


def _is_scalar(shape: Shape) -> bool:
    return not isinstance(shape, (StructureShape, ListShape, MapShape))


def _joined(path: str, name: str) -> str:
    member = name[0].lower() + name[1:]
    return f"{path}.{member}" if path else member


def _shown(value: Any) -> str:
    return f"'{_plain(value)}'"


def _plain(value: Any) -> str:
    """A value as AWS prints it: lists and maps in Java's manner."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_plain(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_plain(item) for item in value) + "]"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
