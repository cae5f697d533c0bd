"""All stacks of this cloud: by name or id, and what they export to each other."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from gluonship.local.cloudformation.stacks.state import Stack
from gluonship.local.contracts import AwsError, Scope


@dataclass(frozen=True)
class Export:
    name: str
    value: str
    stack: Stack


def validation_error(message: str) -> AwsError:
    return AwsError("ValidationError", message)


class Register:
    """Thread-safe. `lock` guards every decision on a stack's state that must not be overtaken."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._stacks: dict[str, Stack] = {}

    def add(self, stack: Stack) -> None:
        with self.lock:
            self._stacks[stack.id] = stack

    def by_id(self, stack_id: str) -> Stack | None:
        with self.lock:
            return self._stacks.get(stack_id)

    def find(self, scope: Scope, name_or_id: str) -> Stack | None:
        """A stack by its id, deleted or not, or a stack that is not deleted by its name."""
        with self.lock:
            stack = self._stacks.get(name_or_id)
            if stack is not None:
                return stack if stack.scope == scope else None
            named = (one for one in self._stacks.values() if one.scope == scope and one.name == name_or_id)
            return next((one for one in named if one.exists), None)

    def get(self, scope: Scope, name_or_id: str) -> Stack:
        stack = self.find(scope, name_or_id)
        if stack is None:
            raise validation_error(f"Stack with id {name_or_id} does not exist")
        return stack

    def existing(self, scope: Scope, name_or_id: str) -> Stack:
        """As `get`, for what acts on a stack: a deleted one does not exist."""
        stack = self.get(scope, name_or_id)
        if not stack.exists:
            raise validation_error(f"Stack with id {name_or_id} does not exist")
        return stack

    def all(self, scope: Scope) -> list[Stack]:
        """Newest first, as AWS lists them."""
        with self.lock:
            return [stack for stack in self._stacks.values() if stack.scope == scope][::-1]

    def in_progress(self) -> list[Stack]:
        with self.lock:
            return [stack for stack in self._stacks.values() if stack.in_progress]

    def exports(self, scope: Scope) -> dict[str, Export]:
        return {
            output.export_name: Export(output.export_name, output.value, stack)
            for stack in self.all(scope)
            if stack.live
            for output in stack.outputs
            if output.export_name
        }

    def importers(self, scope: Scope, export_name: str, but: Stack | None = None) -> list[Stack]:
        return [
            stack
            for stack in self.all(scope)
            if stack.live and export_name in stack.imports and stack is not but
        ]
