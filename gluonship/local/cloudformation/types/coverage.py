"""What becomes of every property of every resource type: the rows of docs/coverage-cloudformation.md."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import botocore.session
from botocore.model import ServiceModel

from gluonship.local.cloudformation.types import placing, schema
from gluonship.local.cloudformation.types.catalogue import REFUSED, TYPES
from gluonship.local.cloudformation.types.declaration import Refused, ResourceType


@dataclass(frozen=True)
class Row:
    """One resource type. A property may be written with dots: then only this part of one is meant."""

    type: str
    disposition: Literal["executed", "recorded", "refused"]
    executed: Sequence[str] = ()  # of a type that is recorded: kept as given
    recorded: Sequence[tuple[str, str]] = ()  # property, why it has no effect here
    refused: Sequence[tuple[str, str]] = ()  # property, why
    note: str = ""


def rows() -> list[Row]:
    """Every type that is known here, by name; then those that are refused in words of their own."""
    made = [_row(name, kind) for name, kind in sorted(TYPES.items())]
    refused = [
        Row(f"{name}*" if name.endswith("::") else name, "refused", note=why) for name, why in REFUSED.items()
    ]
    return [*made, *refused]


def unplaced(type_name: str) -> list[str]:
    """Properties of CloudFormation's schema that the declaration says nothing about; there must be none."""
    kind, described = TYPES[type_name], schema.load(type_name)
    if described is None:
        raise ValueError(f"AWS has no type {type_name}")
    said = {*kind.recorded, *kind.refused, *kind.takes, *kind.parts}
    if kind.tagging is not None and described.tag_property:
        said.add(described.tag_property)
    sent = _sent(kind)
    return [
        name
        for name in described.writable
        if name not in said and not any(placing.place(kind, shape, name) for shape in sent)
    ]


def unknown(type_name: str) -> list[str]:
    """Properties that the declaration names and CloudFormation's schema does not have."""
    kind, described = TYPES[type_name], schema.load(type_name)
    if described is None:
        raise ValueError(f"AWS has no type {type_name}")
    names = {*kind.recorded, *kind.refused, *kind.takes, *kind.resets, *kind.shaped, *kind.parts}
    missing = []
    for path in sorted(names):
        *above, last = path.split(".")
        walked: tuple[str, ...] = ()
        for step in above:
            walked = (*walked, step)
            if described.is_list(walked):
                walked = (*walked, "*")
        if last not in described.names_below(walked):
            missing.append(path)
    return missing


@functools.cache
def _model(service: str) -> ServiceModel:
    loader = botocore.session.Session().get_component("data_loader")
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


def _sent(kind: ResourceType) -> list[Any]:
    return [
        _model(kind.service).operation_model(call.operation).input_shape for call in placing.calls_of(kind)
    ]


def _row(name: str, kind: ResourceType) -> Row:
    described = schema.load(name)
    if described is None:
        raise ValueError(f"AWS has no type {name}")
    said = {*kind.recorded, *kind.refused}
    return Row(
        name,
        kind.effect,
        tuple(each for each in sorted(described.writable) if each not in said),
        tuple(sorted(kind.recorded.items())),
        tuple(sorted((path, _why(rule)) for path, rule in kind.refused.items())),
        kind.note,
    )


def _why(rule: str | Refused) -> str:
    if not isinstance(rule, Refused):
        return rule
    return f"{rule.why} (taken: {', '.join(map(str, rule.unless))})" if rule.unless else rule.why
