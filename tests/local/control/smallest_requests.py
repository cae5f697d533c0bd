"""Requests with the members that an operation requires and no other, made from botocore's shapes.

Names are plausible ones of things that are not there: `missing`, or an ARN, a number, a digest, where a
shape's pattern and lengths want such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from botocore.model import OperationModel, Shape

from gluonship.local.control.patterns import compiled

ACCOUNT = "123456789012"
_DEEPEST = 8  # some shapes require themselves


def smallest(operation: OperationModel) -> dict[str, Any]:
    """The operation's required members."""
    shape = operation.input_shape
    service = operation.service_model.service_name
    if shape is None:
        return {}
    return {name: _value(shape.members[name], name, service, 0) for name in shape.required_members}


def _value(shape: Shape, name: str, service: str, depth: int) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, service, depth + 1)
    if kind == "list":
        return [_value(shape.member, name, service, depth + 1)] * max(1, shape.metadata.get("min", 1))
    if kind == "map":
        return {_text(shape.key, "key", service): _value(shape.value, "value", service, depth + 1)}
    if kind == "string":
        return _text(shape, name, service)
    if kind in ("integer", "long"):
        return int(max(1, shape.metadata.get("min", 1)))
    if kind in ("float", "double"):
        return float(max(1, shape.metadata.get("min", 1)))
    return {"boolean": False, "timestamp": 1700000000, "blob": b"missing"}[kind]


def _structure(shape: Shape, service: str, depth: int) -> dict[str, Any]:
    if depth > _DEEPEST:
        return {}
    names = list(shape.required_members)
    if shape.is_tagged_union and not names:
        names = list(shape.members)[:1]
    return {name: _value(shape.members[name], name, service, depth) for name in names}


def _text(shape: Shape, name: str, service: str) -> str:
    if shape.enum:
        return str(shape.enum[0])
    limits = shape.metadata
    low, high = limits.get("min", 0), limits.get("max", 10**6)
    for candidate in _candidates(name, service):
        text = candidate + "x" * (low - len(candidate))
        if len(text) <= high and _fits(text, limits.get("pattern")):
            return text
    return ("missing" + "x" * (low - 7))[:high]


def _candidates(name: str, service: str) -> Iterator[str]:
    kind = re.sub(r"(?<!^)(?=[A-Z])", "-", re.sub("A(rn|RN)$", "", name)).lower() or "thing"
    arn = f"arn:aws:{service}:us-east-1:{ACCOUNT}:{kind}/missing"
    if "arn" in name.lower():
        yield arn
    yield from ("missing", arn, f"arn:aws:iam::{ACCOUNT}:role/missing", "s3://missing/key")
    yield from ("1", ACCOUNT, "a" * 32, "0" * 64, "1.0.0", "{}", "ml.m5.large")
    yield f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/missing"


def _fits(text: str, pattern: str | None) -> bool:
    try:
        return pattern is None or compiled(pattern).fullmatch(text) is not None
    except re.error:  # a pattern that Python cannot read
        return True
