"""Every type that a template may name: the given provider's, and those that are CloudFormation's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import uuid4

from gluonship.local.cloudformation.contract import (
    Made,
    Properties,
    PropertyChange,
    Provider,
    Recreation,
    Review,
    Target,
)
from gluonship.local.cloudformation.stacks.state import STACK_TYPE
from gluonship.local.contracts import Scope

_RECORDED = {
    "AWS::CloudFormation::WaitConditionHandle": "a handle that nothing here signals",
}


class NestedStacks(Provider, Protocol):
    """AWS::CloudFormation::Stack, which needs more than other types do."""

    def pending(self, target: Target, made: Made, properties: Properties) -> bool:
        """Whether the nested stack would change although its properties have not."""
        ...

    def commit(self, physical_id: str) -> None:
        """The parent's update succeeded: what the nested one superseded may go."""
        ...

    def roll_back(self, target: Target, made: Made, skip: Sequence[str]) -> Made:
        """The parent goes back: so does the nested one. Raises ProvisioningError."""
        ...


class AllTypes:
    """A contract.Provider that hands each type to who knows it. `nested` is set once, by the engine."""

    nested: NestedStacks

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._own = _OwnTypes()

    def _of(self, type_name: str) -> Provider:
        if type_name == STACK_TYPE:
            return self.nested
        return self._own if self._own.knows(type_name) else self._provider

    def knows(self, type_name: str) -> bool:
        return self._of(type_name).knows(type_name)

    def refuses(self, type_name: str) -> str | None:
        return self._of(type_name).refuses(type_name)

    def reference_known(self, type_name: str, properties: Properties) -> str | None:
        return self._of(type_name).reference_known(type_name, properties)

    def has_attribute(self, type_name: str, attribute: str) -> bool:
        return self._of(type_name).has_attribute(type_name, attribute)

    def review(
        self, scope: Scope, type_name: str, properties: Properties, previous: Properties | None = None
    ) -> Review:
        return self._of(type_name).review(scope, type_name, properties, previous)

    def normalise(self, type_name: str, properties: Properties) -> dict[str, Any]:
        return self._of(type_name).normalise(type_name, properties)

    def changes(self, type_name: str, old: Properties, new: Properties) -> Sequence[PropertyChange]:
        return self._of(type_name).changes(type_name, old, new)

    def create(self, target: Target, properties: Properties) -> Made:
        return self._of(target.type).create(target, properties)

    def update(self, target: Target, made: Made, old: Properties, new: Properties) -> Made:
        return self._of(target.type).update(target, made, old, new)

    def delete(self, target: Target, made: Made, properties: Properties) -> None:
        self._of(target.type).delete(target, made, properties)

    def snapshot(self, target: Target, made: Made) -> Any:
        return self._of(target.type).snapshot(target, made)


class _OwnTypes:
    """CloudFormation's own types but for nested stacks: recorded, or refused."""

    def knows(self, type_name: str) -> bool:
        return type_name in _RECORDED or _refused(type_name) is not None

    def refuses(self, type_name: str) -> str | None:
        return _refused(type_name)

    def reference_known(self, type_name: str, properties: Properties) -> str | None:
        return None

    def has_attribute(self, type_name: str, attribute: str) -> bool:
        return False

    def review(
        self, scope: Scope, type_name: str, properties: Properties, previous: Properties | None = None
    ) -> Review:
        refused = _refused(type_name)
        if refused is not None:
            return Review(refused=(refused,))
        return Review(recorded=(_RECORDED[type_name],))

    def normalise(self, type_name: str, properties: Properties) -> dict[str, Any]:
        return dict(properties)

    def changes(self, type_name: str, old: Properties, new: Properties) -> Sequence[PropertyChange]:
        return property_changes(old, new)

    def create(self, target: Target, properties: Properties) -> Made:
        if target.type == "AWS::CloudFormation::WaitConditionHandle":
            return Made(f"https://cloudformation-waitcondition-{target.scope.region}.invalid/{uuid4()}")
        return Made(str(uuid4()))

    def update(self, target: Target, made: Made, old: Properties, new: Properties) -> Made:
        return made

    def delete(self, target: Target, made: Made, properties: Properties) -> None:
        """Nothing exists."""

    def snapshot(self, target: Target, made: Made) -> Any:
        return None


def _refused(type_name: str) -> str | None:
    if type_name.startswith("Custom::") or type_name == "AWS::CloudFormation::CustomResource":
        return "custom resources are not executed by this local cloud, which runs no Lambda functions"
    if type_name.startswith("AWS::CloudFormation::") and type_name not in (*_RECORDED, STACK_TYPE):
        return f"{type_name} is not executed by this local cloud"
    if type_name.endswith("::MODULE"):
        return "modules are not executed by this local cloud"
    return None


def property_changes(old: Properties, new: Properties) -> list[PropertyChange]:
    """The top-level properties that differ, none of which means replacement."""
    return [
        PropertyChange(name, Recreation.NEVER, old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
