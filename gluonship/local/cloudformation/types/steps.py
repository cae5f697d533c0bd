"""The steps that many declarations share: a property with a call of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gluonship.local.cloudformation.types.declaration import Change, Flow, Request, Step
from gluonship.local.cloudformation.types.facts import filled, found_at
from gluonship.local.cloudformation.types.mapping import as_text
from gluonship.local.cloudformation.types.placing import reshaped

Shape = Callable[[Any], Any]


def put(
    operation: str,
    member: str,
    identity: Mapping[str, Any],
    *,
    shape: Shape | None = None,
    remove: str = "",
    reset: Any = None,
) -> Step:
    """One call sets the property. Taken away, `remove` is called, or `reset` is set in its place."""

    def step(change: Change) -> Flow:
        names = filled(identity, change.known)
        if change.new is not None:
            yield Request(operation, {**names, member: reshaped(shape, change.new)})
        elif remove:
            yield Request(remove, names, gone_is_fine=True)
        else:
            yield Request(operation, {**names, member: reset})

    return step


def put_text(operation: str, member: str, identity: Mapping[str, Any], *, remove: str = "") -> Step:
    """As `put`, for a document that the API takes as JSON text."""
    return put(operation, member, identity, shape=as_text, remove=remove)


def attribute(operation: str, identity: Mapping[str, Any], name: str, *, reset: str = "") -> Step:
    """APIs that take one AttributeName and its AttributeValue (SNS)."""

    def step(change: Change) -> Flow:
        value = reset if change.new is None else as_text(change.new)
        yield Request(
            operation, {**filled(identity, change.known), "AttributeName": name, "AttributeValue": value}
        )

    return step


def attached(attach: str, detach: str, member: str, identity: Mapping[str, Any]) -> Step:
    """A list of which each element is attached by one call and detached by another."""

    def step(change: Change) -> Flow:
        names = filled(identity, change.known)
        new, old = listed(change.new), listed(change.old)
        for each in old:
            if each not in new:
                yield Request(detach, {**names, member: each}, gone_is_fine=True)
        for each in new:
            if each not in old:
                yield Request(attach, {**names, member: each})

    return step


def there(operation: str, fixed: Mapping[str, Any], path: str = "") -> Step:
    """Looks for what the properties name, by a call that `read` is not: before it is made, no answer has told
    its id."""

    def step(change: Change) -> Flow:
        names = {**change.known, **(change.new or {})}
        answer = yield Request(operation, filled(fixed, names), gone_is_fine=True)
        return found_at(path, answer)

    return step


def all_or_none(pairs: Iterable[tuple[Request, Request]]) -> Flow:
    """Requests, each with the one that takes it back. Where one fails, those before it are taken back."""
    undo: list[Request] = []
    try:
        for request, back in pairs:
            yield request
            undo.append(back)
    except Exception:
        for each in reversed(undo):
            yield replace(each, gone_is_fine=True)
        raise


def nothing(change: Change) -> Flow:
    """Needs no call: what the create or delete call sends is all."""
    yield from ()


def listed(value: Any) -> Sequence[Any]:
    """A list property's elements; a list that is not known yet has one, unknown."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def first_then(*steps: Step) -> Step:
    """Several steps, one after the other."""

    def step(change: Change) -> Flow:
        for each in steps:
            yield from each(change)

    return step
