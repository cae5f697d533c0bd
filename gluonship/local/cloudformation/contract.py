"""What the engine (stacks, plans) and the providers (resource types) ask of each other.

The engine knows templates, order, roll back and events, and no resource type; a provider knows types, their
schemas and the API calls, and no stack.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gluonship.local.contracts import Scope


class Unknown:
    """The value of what is known only once a resource is made; stands anywhere in properties at plan time."""

    _instance: Unknown | None = None

    def __new__(cls) -> Unknown:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        return "{{changeSet:KNOWN_AFTER_APPLY}}"

    def __deepcopy__(self, memo: object) -> Unknown:
        return self


UNKNOWN = Unknown()

Properties = Mapping[str, Any]
"""A resource's properties with every function resolved; at plan time UNKNOWN may stand anywhere."""


class ProvisioningError(Exception):
    """A resource could not be made, changed or removed; the message is the stack event's reason."""


@dataclass(frozen=True)
class Review:
    """What can be said of a resource before anything is touched."""

    refused: Sequence[str] = ()  # sentences, each naming the property; any of them refuses the stack
    recorded: Sequence[str] = ()  # sentences: what is accepted here without effect


class Recreation(enum.Enum):
    """Whether a changed property means replacement, in CloudFormation's words."""

    NEVER = "Never"
    CONDITIONALLY = "Conditionally"
    ALWAYS = "Always"


@dataclass(frozen=True)
class PropertyChange:
    """One top-level property that differs."""

    name: str
    recreation: Recreation
    before: Any = None
    after: Any = None


@dataclass(frozen=True)
class Target:
    """Which resource of which stack is meant."""

    scope: Scope
    stack_name: str
    stack_id: str
    logical_id: str
    type: str
    tags: Mapping[str, str] = field(default_factory=dict)  # the stack's, with CloudFormation's own aws: ones
    canceled: Callable[[], bool] = lambda: False  # asked while something stabilises


@dataclass(frozen=True)
class Made:
    """A resource as it exists: what Ref gives, and what Fn::GetAtt can give (dots for nested ones)."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class CreateFailed(ProvisioningError):
    """A resource that was made and then did not come up: `made` must be deleted in the roll back."""

    def __init__(self, message: str, made: Made | None = None) -> None:
        super().__init__(message)
        self.made = made


class Provider(Protocol):
    """All resource types. Every method but create, update and delete is free of effects."""

    def knows(self, type_name: str) -> bool: ...

    def refuses(self, type_name: str) -> str | None:
        """Why no resource of the type can be made here, whatever its properties are."""
        ...

    def reference_known(self, type_name: str, properties: Properties) -> str | None:
        """What Ref will give where that follows from the properties alone (an explicit name), else None."""
        ...

    def has_attribute(self, type_name: str, attribute: str) -> bool:
        """Whether Fn::GetAtt has it."""
        ...

    def review(
        self, scope: Scope, type_name: str, properties: Properties, previous: Properties | None = None
    ) -> Review:
        """Types, enums, patterns and required properties by the schema; properties with no place here; with
        `previous`, changes that cannot be made. Never raises for a user's mistake."""
        ...

    def normalise(self, type_name: str, properties: Properties) -> dict[str, Any]:
        """Scalars as the schema has them ("1" is 1, "true" is true), so that equal properties compare so."""
        ...

    def changes(self, type_name: str, old: Properties, new: Properties) -> Sequence[PropertyChange]:
        """The properties that differ; UNKNOWN differs from everything."""
        ...

    def create(self, target: Target, properties: Properties) -> Made:
        """Makes it and waits until it is up. Raises CreateFailed, ProvisioningError; leaves nothing unless
        it is told by CreateFailed.made."""
        ...

    def update(self, target: Target, made: Made, old: Properties, new: Properties) -> Made:
        """Changes it in place and waits until it is up again; stack tags follow `target.tags`. After a
        ProvisioningError the state may lie between old and new: updating from `new` to `old` restores it."""
        ...

    def delete(self, target: Target, made: Made, properties: Properties) -> None:
        """Removes it and waits until it is gone; what is gone already is no error."""
        ...

    def snapshot(self, target: Target, made: Made) -> Any:
        """Everything that can be read of it, as JSON, for comparing states."""
        ...
