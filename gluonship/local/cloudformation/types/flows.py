"""The life of any resource as flows of requests: make it, complete it, change it, remove it, read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gluonship.local.cloudformation.types import placing
from gluonship.local.cloudformation.types.declaration import (
    Call,
    Change,
    Flow,
    Read,
    Request,
    ResourceType,
    Tagging,
)
from gluonship.local.cloudformation.types.facts import filled, found_at, look_up
from gluonship.local.cloudformation.types.mapping import to_shape
from gluonship.local.cloudformation.types.schema import ResourceSchema, differs

Tags = Mapping[str, str]


class Flows:
    """The flows of one type in one scope. `problems` gathers what the mapping could not place."""

    def __init__(
        self,
        kind: ResourceType,
        schema: ResourceSchema,
        shapes: Callable[[str, str], Any],
        problems: list[str] | None = None,
    ) -> None:
        self._kind = kind
        self._schema = schema
        self._shapes = shapes
        self._problems = problems if problems is not None else []

    # --- create ------------------------------------------------------------------------------------------

    def make(self, known: dict[str, Any], properties: Mapping[str, Any], tags: Tags) -> Flow:
        """The create call. Returns the facts."""
        kind = self._kind
        given = yield from self._gathered(known, properties, {})
        known = {**known, **given}
        if not isinstance(kind.create, Call):
            facts = yield from kind.create(Change(known, given))
            return {**known, **(facts or {})}
        shape = self._shape(kind.create)
        request = self._request(kind.create, given, known)
        tag_member = self._tag_member(shape)
        if tag_member and tags:
            renamed = {**kind.members}
            request = Request(
                request.operation,
                {
                    **request.members,
                    tag_member: to_shape(shape.members[tag_member], dict(tags), renamed, "Tags", []),
                },
                request.service,
            )
        answer = yield request
        return _with_answer(known, answer)

    def existing(self, known: Mapping[str, Any], properties: Mapping[str, Any]) -> Flow:
        """What is there already of what the properties name, where the create call would take it over."""
        look = self._kind.must_be_new
        if callable(look):
            return (yield from look(Change(known, placing.prepared(self._kind, properties))))
        return (yield from self.read(known)) if look else None

    def complete(self, known: dict[str, Any], properties: Mapping[str, Any], tags: Tags) -> Flow:
        """What the create call has no place for: parts and tags. Returns the facts."""
        kind = self._kind
        given = placing.prepared(kind, properties)
        if kind.after_create is not None:
            known = {**known, **(yield from kind.after_create(Change(known, given)))}
        create = kind.create if isinstance(kind.create, Call) else None
        shape = self._shape(create) if create is not None and not create.only_fixed else None
        for name, step in kind.parts.items():
            if name in given and placing.place(kind, shape, name) is None:
                yield from step(Change(known, given[name]))
        if tags and not self._tag_member(shape):
            yield from self.retag(known, tags, {})
        return known

    # --- update ------------------------------------------------------------------------------------------

    def change(self, known: dict[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> Flow:
        """The changes in place, without tags. Returns the facts."""
        kind = self._kind
        before = placing.prepared(kind, old)
        after = yield from self._gathered(known, new, old)
        changed = {name for name in {**before, **after} if differs(before.get(name), after.get(name))}
        changed.discard(self._schema.tag_property or "")
        known = {name: value for name, value in known.items() if name not in changed or name in after}
        known.update(after)
        if changed and kind.before_update is not None:
            yield from kind.before_update(Change(known, after, before))
        resets = {name: value for name, value in kind.resets.items() if name in before and name not in after}
        sent = {
            name: value for name, value in {**resets, **after}.items() if name != self._schema.tag_property
        }
        if callable(kind.update):
            if changed:
                facts = yield from kind.update(Change(known, after, before))
                known = {**known, **(facts or {})}
            return known
        for call in kind.update:
            shape = self._shape(call)
            if any(placing.place(kind, shape, name) for name in changed if name not in kind.parts):
                answer = yield self._request(call, sent, {**known, **resets})
                known = _with_answer(known, answer)
        for name, step in kind.parts.items():
            if name in changed:
                yield from step(Change(known, after.get(name), before.get(name)))
        if changed and kind.after_update is not None:
            yield from kind.after_update(Change(known, after, before))
        return known

    def retag(self, known: Mapping[str, Any], new: Tags, old: Tags) -> Flow:
        """Tags by their own calls."""
        tagging = self._kind.tagging
        if tagging is None:
            return
        if not isinstance(tagging, Tagging):
            yield from tagging(Change(known, new, old))
            return
        identity = filled(tagging.identity, known)
        gone = sorted(set(old) - set(new))
        changed = {key: value for key, value in new.items() if old.get(key) != value}
        for operation, value, wanted in (
            (tagging.remove, gone, ("tagkeys", "tags")),
            (tagging.put, changed, ("tags", "tagslist")),
        ):
            if value:
                shape = self._shapes(tagging.service or self._kind.service, operation)
                member = next(each for each in shape.members if each.lower() in wanted)
                yield Request(
                    operation,
                    {**identity, member: to_shape(shape.members[member], value, {}, "Tags", [])},
                    tagging.service,
                )

    # --- delete and read ---------------------------------------------------------------------------------

    def remove(self, known: dict[str, Any], properties: Mapping[str, Any]) -> Flow:
        kind = self._kind
        known = {**placing.prepared(kind, properties), **known}
        if kind.before_delete is not None:
            yield from kind.before_delete(Change(known, None, properties))
        if kind.delete is not None and not isinstance(kind.delete, Call):
            yield from kind.delete(Change(known, None, properties))
        elif kind.delete is not None:
            shape = self._shape(kind.delete)
            members = {
                name: look_up(known, name)
                for name in shape.required_members
                if look_up(known, name) is not None
            }
            fixed = filled(kind.delete.fixed, known)
            yield Request(kind.delete.operation, {**members, **fixed}, gone_is_fine=True)

    def read(self, known: Mapping[str, Any]) -> Flow:
        """What the API shows of the resource; None where it has no read call or does not find it."""
        if self._kind.read is None:
            return None
        return (yield from self.read_of(self._kind.read, known))

    @staticmethod
    def read_of(read: Read, known: Mapping[str, Any]) -> Flow:
        answer = yield Request(read.operation, filled(read.fixed, known), read.service)
        return found_at(read.path, answer)

    # --- calls -------------------------------------------------------------------------------------------

    def _request(self, call: Call, properties: Mapping[str, Any], known: Mapping[str, Any]) -> Request:
        shape = self._shape(call)
        members: dict[str, Any] = {}
        if not call.only_fixed and shape is not None:
            sent = {k: v for k, v in properties.items() if k != self._schema.tag_property}
            members = placing.members(self._kind, shape, sent, self._problems)
        for name in shape.required_members if shape is not None else ():
            if name not in members and look_up(known, name) is not None:
                members[name] = look_up(known, name)
        return Request(call.operation, {**members, **filled(call.fixed, known)})

    def _gathered(self, known: Mapping[str, Any], new: Mapping[str, Any], old: Mapping[str, Any]) -> Flow:
        if self._kind.gather is not None:
            new = yield from self._kind.gather(Change(known, new, old))
        return placing.prepared(self._kind, new)

    def _tag_member(self, shape: Any) -> str | None:
        name = self._schema.tag_property
        if name is None:
            return None
        return placing.place(self._kind, shape, name)

    def _shape(self, call: Call) -> Any:
        return self._shapes(self._kind.service, call.operation)


def _with_answer(known: Mapping[str, Any], answer: Any) -> dict[str, Any]:
    """Facts from an answer: its members, and those of the one structure that holds the resource."""
    facts = dict(known)
    for value in (answer, *answer.values()):
        if isinstance(value, Mapping):
            facts.update({name: each for name, each in value.items() if each is not None})
    return facts


def tags_of(value: Any) -> dict[str, str]:
    """A tag property, list or map, as a map."""
    if isinstance(value, Mapping):
        return {str(key): each for key, each in value.items()}
    if isinstance(value, list):
        return {
            each["Key"]: each.get("Value", "")
            for each in value
            if isinstance(each, Mapping) and "Key" in each
        }
    return {}
