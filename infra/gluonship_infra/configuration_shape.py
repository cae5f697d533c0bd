"""What keys a table of the configuration has, read off the types: pydantic's models and dataclasses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel


def keys_at(model: type, path: Sequence[str]) -> list[str]:
    """The keys of the table at a path below a model."""
    for part in path:
        inner = _table(_fields(model).get(part))
        if inner is None:
            return []
        model = inner
    return list(_fields(model))


def with_nulls(model: type, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with null for each `false` of an optional key: TOML has no null to turn a key off with."""
    fields = _fields(model)
    return {key: _with_null(fields.get(key), value) for key, value in document.items()}


def _with_null(annotation: Any, value: Any) -> Any:
    if value is False and NoneType in get_args(annotation):
        return None
    table = _table(annotation)
    if table is not None and isinstance(value, Mapping):
        return with_nulls(table, value)
    if table is not None and isinstance(value, list):
        return [with_nulls(table, one) if isinstance(one, Mapping) else one for one in value]
    return value


def _fields(model: type) -> dict[str, Any]:
    if issubclass(model, BaseModel):
        return {name: field.annotation for name, field in model.model_fields.items()}
    if dataclasses.is_dataclass(model):
        hints = get_type_hints(model)
        return {field.name: hints[field.name] for field in dataclasses.fields(model)}
    return {}


def _table(annotation: Any) -> type | None:
    """The table that an annotation speaks of: itself, or within `X | None` or a sequence of X."""
    if isinstance(annotation, type) and (
        issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation)
    ):
        return annotation
    for inner in get_args(annotation):
        if (found := _table(inner)) is not None:
            return found
    return None
