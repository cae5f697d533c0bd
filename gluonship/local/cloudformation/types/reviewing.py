"""What can be said against a resource, and of it, before anything is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN, Review
from gluonship.local.cloudformation.types import placing, schema, validation
from gluonship.local.cloudformation.types.backend import Backend
from gluonship.local.cloudformation.types.declaration import Call, ResourceType
from gluonship.local.cloudformation.types.flows import Flows, tags_of
from gluonship.local.cloudformation.types.schema import ResourceSchema
from gluonship.local.contracts import Scope

Properties = Mapping[str, Any]


def review(
    backend: Backend,
    scope: Scope,
    kind: ResourceType,
    described: ResourceSchema,
    given: Properties,
    before: Properties | None,
) -> Review:
    """`given` and `before` are normalised. The flows are only tried with properties that are valid."""
    refused = validation.problems(described, given)
    refused += placing.refusals(kind, given)
    if not refused and kind.objection is not None:
        refused += filter(None, [kind.objection(given)])
    if not refused:
        refused += _trial(backend, scope, kind, described, given, before)
    return Review(tuple(dict.fromkeys(refused)), tuple(placing.recordings(kind, given)))


def _trial(
    backend: Backend,
    scope: Scope,
    kind: ResourceType,
    described: ResourceSchema,
    given: Properties,
    before: Properties | None,
) -> list[str]:
    problems: list[str] = []

    def shapes(service: str, operation: str) -> Any:
        return backend.input_shape(scope, service, operation)

    flows = Flows(kind, described, shapes, problems)
    problems += placing.without_place(
        kind, lambda name: shapes(kind.service, name), described.tag_property, given
    )
    known: dict[str, Any] = dict.fromkeys(("account", "region", "partition", "generated_id"), UNKNOWN)
    known.update(dict.fromkeys(kind.defaults, UNKNOWN))
    if kind.name is not None:
        known[kind.name.property] = UNKNOWN
    named = {kind.name.property: UNKNOWN, **given} if kind.name is not None else dict(given)
    tags = tags_of(given.get(described.tag_property or ""))

    def whole_life() -> Any:
        facts = yield from flows.make(known, named, tags)
        facts = {**dict.fromkeys(kind.attributes, UNKNOWN), **facts}
        facts = yield from flows.complete(facts, named, tags)
        shown = yield from flows.read(facts)
        facts = {**facts, **(shown if isinstance(shown, Mapping) else {})}
        if before is not None and not _replaced(described, before, given):
            problems.extend(_fixed(kind, shapes, described, before, given))
            yield from flows.change(dict(facts), {**known, **before}, {**known, **given})
            yield from flows.retag(facts, tags, tags_of(before.get(described.tag_property or "")))
        yield from flows.remove(dict(facts), given)

    try:
        problems += backend.objections(scope, kind.service, whole_life())
    except KeyError as missing:
        problems.append(
            f"{described.type_name} is not fully declared here: its {missing.args[0]} is not known"
        )
    return problems


def _replaced(described: ResourceSchema, before: Properties, given: Properties) -> bool:
    paths = (*described.create_only, *described.conditionally_create_only)
    return any(schema.differs(schema.at(before, path), schema.at(given, path)) for path in paths)


def _fixed(
    kind: ResourceType, shapes: Any, described: ResourceSchema, before: Properties, given: Properties
) -> list[str]:
    """Changes for which there is no call."""
    said = []
    create = kind.create.operation if isinstance(kind.create, Call) else ""
    old, new = placing.prepared(kind, before), placing.prepared(kind, given)
    settled = {*kind.parts, *kind.recorded, *kind.takes}
    for name in sorted({**old, **new}):
        if not schema.differs(old.get(name), new.get(name)) or name in settled:
            continue
        if name == described.tag_property:
            if kind.tagging is None:
                said.append(f"Properties/{name}: tags cannot be changed here; recreate the resource")
            continue
        if callable(kind.update):
            continue
        calls = [
            each for each in kind.update if placing.place(kind, shapes(kind.service, each.operation), name)
        ]
        whole = any(each.operation == create for each in calls)
        if not calls:
            said.append(f"Properties/{name}: cannot be changed in place here")
        elif name not in new and name not in kind.resets and not whole:
            said.append(f"Properties/{name}: cannot be taken away in place here; give it a value instead")
    return said
