"""All resource types, as the engine asks for them."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from gluonship.local.cloudformation.contract import (
    UNKNOWN,
    CreateFailed,
    Made,
    Properties,
    PropertyChange,
    ProvisioningError,
    Recreation,
    Review,
    Target,
)
from gluonship.local.cloudformation.types import attributes, coercion, names, reviewing, schema
from gluonship.local.cloudformation.types.backend import Backend, ServiceError
from gluonship.local.cloudformation.types.catalogue import TYPES, unsupported
from gluonship.local.cloudformation.types.declaration import Change, Read, ResourceType
from gluonship.local.cloudformation.types.facts import filled, jsonable, look_up
from gluonship.local.cloudformation.types.flows import Flows, tags_of
from gluonship.local.cloudformation.types.schema import ResourceSchema
from gluonship.local.contracts import Clients, Scope

_TAGS = "aws:tags"  # among a resource's attributes: the tags that it has, the stack's with them
_log = logging.getLogger(__name__)
_POLL_SECONDS = (0.02, 0.5)  # the first wait, and the longest


class ResourceTypes:
    """A contract.Provider over the declarations. Thread-safe: it keeps nothing but what it reads once."""

    def __init__(self, clients: Clients) -> None:
        self._backend = Backend(clients)

    # --- before anything is touched ----------------------------------------------------------------------

    def knows(self, type_name: str) -> bool:
        return type_name in TYPES

    def refuses(self, type_name: str) -> str | None:
        there = type_name in TYPES and schema.load(type_name) is not None
        return None if there else unsupported(type_name)

    def reference_known(self, type_name: str, properties: Properties) -> str | None:
        kind, described = TYPES.get(type_name), schema.load(type_name)
        if kind is None or described is None:
            return None
        template = kind.ref or "|".join(f"{{{name}}}" for name in described.primary_identifier)
        try:
            known = filled(template, properties)
        except KeyError:
            return None
        return None if known is UNKNOWN else str(known)

    def has_attribute(self, type_name: str, attribute: str) -> bool:
        kind, described = TYPES.get(type_name), schema.load(type_name)
        if kind is None or described is None:
            return False
        return attributes.has(kind, described, attribute)

    def review(
        self, scope: Scope, type_name: str, properties: Properties, previous: Properties | None = None
    ) -> Review:
        kind, described = TYPES.get(type_name), schema.load(type_name)
        if kind is None or described is None:
            return Review((unsupported(type_name),))
        given = self.normalise(type_name, properties)
        before = None if previous is None else self.normalise(type_name, previous)
        return reviewing.review(self._backend, scope, kind, described, given, before)

    def normalise(self, type_name: str, properties: Properties) -> dict[str, Any]:
        described = schema.load(type_name)
        return dict(properties) if described is None else coercion.coerce(described, properties)

    def changes(self, type_name: str, old: Properties, new: Properties) -> Sequence[PropertyChange]:
        described = schema.load(type_name)
        if described is None:
            return ()
        old, new = self.normalise(type_name, old), self.normalise(type_name, new)
        return [
            PropertyChange(name, recreation(described, name, old, new), old.get(name), new.get(name))
            for name in sorted({**old, **new})
            if schema.differs(old.get(name), new.get(name))
        ]

    # --- effects -----------------------------------------------------------------------------------------

    def create(self, target: Target, properties: Properties) -> Made:
        kind, described = self._of(target.type)
        given = self.normalise(target.type, properties)
        flows = self._flows(target.scope, kind, described)
        own_name: dict[str, Any] = {}
        if kind.name is not None and kind.name.property not in given:
            generated = names.generated(described, kind.name, target.stack_name, target.logical_id)
            own_name = {kind.name.property: generated}
        else:
            self._refuse_existing(target, kind, flows, given)
        whole = {**given, **own_name}
        tags = self._tags(target, described, whole)
        base = {
            **_base(target),
            **kind.defaults,
            "generated_id": names.generated_id(target.stack_name, target.logical_id),
        }
        known = self._run(target, kind, flows.make(base, whole, tags))
        try:
            made = self._made(target, kind, described, {**known, **own_name, _TAGS: tags}, whole)
        except ProvisioningError:
            self._run(target, kind, flows.remove({**known, **own_name}, whole))  # nobody could name it later
            raise
        try:
            known = self._run(target, kind, flows.complete({**known, **made.attributes}, whole, tags))
            shown = self._settle(target, kind, flows, known)
            return self._made(target, kind, described, {**known, **shown, **own_name, _TAGS: tags}, whole)
        except ProvisioningError as error:
            raise CreateFailed(str(error), made) from error
        except Exception as error:
            _log.error("%s %s, once it was made", target.type, target.logical_id, exc_info=error)
            raise CreateFailed(f"{type(error).__name__}: {error}", made) from error

    def update(self, target: Target, made: Made, old: Properties, new: Properties) -> Made:
        kind, described = self._of(target.type)
        flows = self._flows(target.scope, kind, described)
        own_name = {}
        if kind.name is not None and kind.name.property not in new:
            own_name = {kind.name.property: look_up(made.attributes, kind.name.property)}
        before = {**own_name, **self.normalise(target.type, old)}
        after = {**own_name, **self.normalise(target.type, new)}
        known = {**_base(target), **made.attributes}
        self._wait_for_rest(target, kind, flows, known)
        self._expect(target, kind, known, made.physical_id)
        known = self._run(target, kind, flows.change(known, before, after))
        shown = self._settle(target, kind, flows, known, updated=True)
        tags, tags_before = self._tags(target, described, after), made.attributes.get(_TAGS, {})
        if tags != tags_before:
            self._run(target, kind, flows.retag(known, tags, tags_before))
        changed = self._made(target, kind, described, {**known, **shown, _TAGS: tags}, after)
        return Made(made.physical_id, changed.attributes)  # a resource changed in place keeps its identity

    def _expect(self, target: Target, kind: ResourceType, known: dict[str, Any], physical_id: str) -> None:
        """What somebody has deleted is not made anew by an update, as calls that put things would do."""
        if kind.read is not None and self._shown(target, kind, kind.read, known) is None:
            raise ProvisioningError(
                f"Resource of type '{target.type}' with identifier '{physical_id}' was not found. "
                "(HandlerErrorCode: NotFound)"
            )

    def delete(self, target: Target, made: Made, properties: Properties) -> None:
        kind, described = self._of(target.type)
        flows = self._flows(target.scope, kind, described)
        known = {**_base(target), **made.attributes}
        given = self.normalise(target.type, properties)
        try:
            self._wait_for_rest(target, kind, flows, known)
            self._run(target, kind, flows.remove(known, given))
            wait = _Waiting(target, kind.settling.seconds if kind.settling else 600.0)
            while kind.vanishes and kind.read and self._shown(target, kind, kind.read, known) is not None:
                wait.once("was not deleted in time")
        except ServiceError as error:
            if not error.gone:
                raise

    def snapshot(self, target: Target, made: Made) -> Any:
        kind, _ = self._of(target.type)
        known = {**_base(target), **made.attributes}
        reads = {**({"": kind.read} if kind.read else {}), **kind.snapshot}
        state: dict[str, Any] = {}
        for name, read in reads.items():
            try:
                if isinstance(read, Read):
                    shown = self._shown(target, kind, read, known)
                else:
                    shown = self._run(target, kind, read(Change(known)))
            except ProvisioningError as error:
                shown = str(error)
            state[name] = _stable(shown, kind)
            if kind.read and name == "" and shown is None:
                return dict.fromkeys(reads)  # it is gone, and all of it
        return state

    # --- parts of these ----------------------------------------------------------------------------------

    @staticmethod
    def _of(type_name: str) -> tuple[ResourceType, ResourceSchema]:
        kind, described = TYPES.get(type_name), schema.load(type_name)
        if kind is None or described is None:
            raise ProvisioningError(unsupported(type_name))
        return kind, described

    def _flows(self, scope: Scope, kind: ResourceType, described: ResourceSchema) -> Flows:
        return Flows(kind, described, lambda service, name: self._backend.input_shape(scope, service, name))

    def _run(self, target: Target, kind: ResourceType, flow: Any) -> Any:
        return self._backend.run(target.scope, kind.service, flow)

    def _shown(self, target: Target, kind: ResourceType, read: Read, known: Mapping[str, Any]) -> Any:
        """What a read shows; None for what is gone."""
        try:
            return self._run(target, kind, Flows.read_of(read, known))
        except ServiceError as error:
            if error.gone:
                return None
            raise

    def _refuse_existing(
        self, target: Target, kind: ResourceType, flows: Flows, given: Mapping[str, Any]
    ) -> None:
        known = {**_base(target), **kind.defaults, **given}
        try:
            found = self._run(target, kind, flows.existing(known, given))
        except ServiceError as error:
            if not error.gone:
                raise
            return
        if found:
            name = given.get(kind.name.property) if kind.name else ""
            raise ProvisioningError(
                f"Resource of type '{target.type}' with identifier '{name or target.logical_id}' "
                "already exists. (HandlerErrorCode: AlreadyExists)"
            )

    def _settle(
        self,
        target: Target,
        kind: ResourceType,
        flows: Flows,
        known: Mapping[str, Any],
        updated: bool = False,
    ) -> Mapping[str, Any]:
        """Waits until it is up, and gives what is shown of it then. Raises ProvisioningError."""
        settling = kind.settling
        waiting = _Waiting(target, settling.seconds if settling else 60.0)
        while True:
            shown = self._run(target, kind, flows.read(known))
            if settling is None:
                return shown if isinstance(shown, Mapping) else {}
            status = shown[settling.status] if shown else ""
            if status in settling.failed:
                raise ProvisioningError(_not_up(target, status, shown.get(settling.reason)))
            if status in settling.up:
                wanted = look_up(known, settling.shows) if settling.shows else None
                if updated and wanted is not None and shown.get(settling.shows) != wanted:
                    raise ProvisioningError(_not_up(target, "rolled back", shown.get(settling.reason)))
                return dict(shown)
            waiting.once(f"did not come up; it is {status or 'not found'}")

    def _wait_for_rest(
        self, target: Target, kind: ResourceType, flows: Flows, known: Mapping[str, Any]
    ) -> None:
        """Nothing can be asked of a resource that is still on its way."""
        if kind.settling is None or kind.read is None:
            return
        waiting = _Waiting(target, kind.settling.seconds, heeds_cancel=False)
        rest = {*kind.settling.up, *kind.settling.failed}
        while (shown := self._shown(target, kind, kind.read, known)) is not None:
            if shown[kind.settling.status] in rest:
                return
            waiting.once(f"is still {shown[kind.settling.status]}")

    @staticmethod
    def _tags(target: Target, described: ResourceSchema, properties: Mapping[str, Any]) -> dict[str, str]:
        """The resource's own and the stack's. CloudFormation's `aws:` ones cannot be set through the APIs."""
        if described.tag_property is None:
            return {}
        ours = {key: value for key, value in target.tags.items() if not key.startswith("aws:")}
        return {**ours, **tags_of(properties.get(described.tag_property))}

    @staticmethod
    def _made(
        target: Target,
        kind: ResourceType,
        described: ResourceSchema,
        known: Mapping[str, Any],
        properties: Mapping[str, Any],
    ) -> Made:
        facts: dict[str, Any] = {**kind.defaults, **properties, **known}
        for name, template in kind.attributes.items():
            try:
                facts[name] = filled(template, facts)
            except KeyError:
                continue
        template = kind.ref or "|".join(f"{{{name}}}" for name in described.primary_identifier)
        try:
            physical_id = filled(template, facts)
        except KeyError as missing:
            raise ProvisioningError(
                f"{target.type}: the answers do not tell its {missing.args[0]}"
            ) from missing
        for path in described.read_only:
            value = look_up(facts, ".".join(path))
            if value is not None:
                facts[".".join(path)] = value
        hidden = set(_base(target))
        shown = attributes.kept(kind, described, facts, properties)
        shown.update({_TAGS: facts[_TAGS]} if _TAGS in facts else {})
        return Made(str(physical_id), {k: jsonable(v) for k, v in shown.items() if k not in hidden})


def recreation(
    described: ResourceSchema, name: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Recreation:
    """Whether a property's change means another resource."""
    for path in (*described.create_only, *described.conditionally_create_only):
        if path[0] == name and schema.differs(schema.at(old, path), schema.at(new, path)):
            return Recreation.ALWAYS
    return Recreation.NEVER


class _Waiting:
    """Polling that grows slower, ends in time, and heeds a cancelled operation."""

    def __init__(self, target: Target, seconds: float, heeds_cancel: bool = True) -> None:
        self._target = target
        self._deadline = time.monotonic() + seconds
        self._pause = _POLL_SECONDS[0]
        self._heeds_cancel = heeds_cancel

    def once(self, what: str) -> None:
        """Waits a little. Raises ProvisioningError when it was enough."""
        if self._heeds_cancel and self._target.canceled():
            raise ProvisioningError("Resource creation or update was cancelled")
        if time.monotonic() > self._deadline:
            raise ProvisioningError(f"{self._target.type} {self._target.logical_id} {what}")
        time.sleep(self._pause)
        self._pause = min(self._pause * 1.5, _POLL_SECONDS[1])


def _base(target: Target) -> dict[str, Any]:
    return {
        "account": target.scope.account_id,
        "region": target.scope.region,
        "partition": "aws",
    }


def _not_up(target: Target, status: str, reason: Any) -> str:
    said = f": {reason}" if reason else ""
    return f"{target.type} {target.logical_id} did not come up; it is {status}{said}"


def _stable(value: Any, kind: ResourceType) -> Any:
    """What a state is: without what changes by itself (times, versions), and without what is empty (some APIs
    answer "" for what was taken away, others nothing)."""
    if isinstance(value, Mapping):
        kept = {k: _stable(v, kind) for k, v in value.items() if k not in kind.volatile and not _is_time(v)}
        return {k: v for k, v in kept.items() if v not in (None, "", [], {}) and v not in kind.means_nothing}
    if isinstance(value, list):
        return [_stable(each, kind) for each in value]
    return jsonable(value)


def _is_time(value: Any) -> bool:
    return hasattr(value, "isoformat")
