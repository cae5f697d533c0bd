"""Where each property of a template goes: into the create call, a part of its own, the tags, or nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN
from gluonship.local.cloudformation.template.values import has_unknown
from gluonship.local.cloudformation.types.declaration import Call, Refused, ResourceType
from gluonship.local.cloudformation.types.mapping import member_of, to_shape

Shapes = Callable[[str], Any]
"""The input shape of an operation of the type's service."""


def prepared(kind: ResourceType, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties as the calls want them."""
    given = dict(properties)
    if kind.prepare is not None:
        given = kind.prepare(given)
    return {name: reshaped(kind.shaped.get(name), value) for name, value in given.items()}


def reshaped(shape: Callable[[Any], Any] | None, value: Any) -> Any:
    if shape is None or value is UNKNOWN:
        return value
    try:
        return shape(value)
    except (AttributeError, TypeError, KeyError):
        # A builder that stumbles over what is not known yet is asked again when it is.
        if has_unknown(value):
            return UNKNOWN
        raise


def place(kind: ResourceType, shape: Any, name: str) -> str | None:
    """The member of an operation that a top-level property goes into."""
    return member_of(shape, name, kind.members) if shape is not None else None


def members(
    kind: ResourceType, shape: Any, properties: Mapping[str, Any], problems: list[str]
) -> dict[str, Any]:
    """The members of a call that the properties give."""
    out: dict[str, Any] = {}
    for name, value in properties.items():
        member = place(kind, shape, name)
        if member is not None:
            out[member] = to_shape(shape.members[member], value, kind.members, name, problems)
    return out


def without_place(
    kind: ResourceType, shapes: Shapes, tag_property: str | None, properties: Mapping[str, Any]
) -> list[str]:
    """Properties that nothing would come of, and that nobody says so of."""
    calls = calls_of(kind)
    return [
        f"Properties/{name}: is not supported in the local cloud"
        for name, value in prepared(kind, properties).items()
        if value not in (None, False, "", [], {})
        and name != tag_property
        and name not in kind.parts
        and name not in kind.recorded
        and name not in kind.takes
        and not any(place(kind, shapes(call.operation), name) for call in calls)
    ]


def calls_of(kind: ResourceType) -> list[Call]:
    """The calls that properties are sent with."""
    create = [kind.create] if isinstance(kind.create, Call) else []
    update = [] if callable(kind.update) else [*kind.update]
    return [call for call in (*create, *update) if not call.only_fixed]


def refusals(kind: ResourceType, properties: Mapping[str, Any]) -> list[str]:
    """Sentences for properties that the declaration refuses."""
    said = []
    for path, refused in kind.refused.items():
        rule = refused if isinstance(refused, Refused) else Refused(refused)
        for where, value in occurrences(properties, path.split(".")):
            if value in (None, False, "", [], {}) or value in rule.unless:
                continue
            if value is UNKNOWN and rule.unless:
                continue  # it may come to be one of the good ones; then the service has the last word
            said.append(f"Properties/{where}: {rule.why}")
    return said


def recordings(kind: ResourceType, properties: Mapping[str, Any]) -> list[str]:
    """Sentences for properties that are taken and have no effect."""
    said = [kind.note] if kind.effect == "recorded" and kind.note else []
    for path, why in kind.recorded.items():
        found = [
            where for where, value in occurrences(properties, path.split(".")) if value not in (None, [], {})
        ]
        if found:
            said.append(f"{path.replace('.', '/')}: {why}")
    return said


def occurrences(value: Any, path: Sequence[str], where: str = "") -> Iterator[tuple[str, Any]]:
    """Each place that a dotted path leads to, lists walked, with what is there."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from occurrences(each, path, f"{where}/{index}" if where else str(index))
    elif not path:
        yield where, value
    elif isinstance(value, Mapping) and path[0] in value:
        inner = f"{where}/{path[0]}" if where else path[0]
        if path[1:]:
            yield from occurrences(value[path[0]], path[1:], inner)
        else:
            yield inner, value[path[0]]
