"""Change sets: plans that are kept until they are executed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gluonship.local.cloudformation.plan import Plan
from gluonship.local.cloudformation.stacks.register import Register
from gluonship.local.cloudformation.stacks.state import Options, Stack
from gluonship.local.contracts import AwsError, Scope

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
EARLY_VALIDATION = "AWS::EarlyValidation::PropertyValidation"
"""What the CDK's CLI looks for in a change set's reason, before it asks DescribeEvents for the details."""


@dataclass(eq=False)
class ChangeSet:
    id: str
    name: str
    stack: Stack
    creates: bool
    plan: Plan
    created: datetime
    status: str  # CREATE_COMPLETE or FAILED
    reason: str | None
    execution: str  # AVAILABLE, UNAVAILABLE, EXECUTE_IN_PROGRESS, EXECUTE_COMPLETE, EXECUTE_FAILED, OBSOLETE
    options: Options
    description: str | None = None
    client_token: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)  # request members that are answered as they came


def new_change_set_id(scope: Scope, name: str) -> str:
    return scope.arn("cloudformation", f"changeSet/{name}/{uuid.uuid4()}")


def not_found(name: str) -> AwsError:
    return AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)


class ChangeSets:
    """All change sets of the stacks that exist; those of a deleted stack are not found any more."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._lock = threading.Lock()
        self._sets: dict[str, ChangeSet] = {}

    def add(self, change_set: ChangeSet) -> None:
        with self._lock:
            self._sets[change_set.id] = change_set

    def remove(self, change_set: ChangeSet) -> None:
        with self._lock:
            self._sets.pop(change_set.id, None)

    def of(self, stack: Stack) -> list[ChangeSet]:
        with self._lock:
            return [one for one in self._sets.values() if one.stack is stack]

    def executing(self, change_set: ChangeSet) -> None:
        """The stack will be another: its other change sets are gone."""
        with self._lock:
            change_set.execution = "EXECUTE_IN_PROGRESS"
            for one in list(self._sets.values()):
                if one.stack is change_set.stack and one is not change_set:
                    del self._sets[one.id]

    def outdated(self, stack: Stack) -> None:
        """An operation on the stack begins: what was planned before cannot be executed any more."""
        for one in self.of(stack):
            if one.execution == "AVAILABLE":
                one.execution = "OBSOLETE"

    def ended(self, stack: Stack) -> None:
        """An operation on the stack has ended, perhaps a change set's; those of a stack that is gone go."""
        for one in self.of(stack):
            if not stack.exists:
                self.remove(one)
            elif one.execution == "EXECUTE_IN_PROGRESS":
                done = stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
                one.execution = "EXECUTE_COMPLETE" if done else "EXECUTE_FAILED"

    def find(self, scope: Scope, name: str, stack_name: str | None) -> ChangeSet | None:
        """By its ARN, or by its name and its stack's."""
        with self._lock:
            found = self._sets.get(name)
        if found is None and stack_name:
            stack = self._register.find(scope, stack_name)
            named = [one for one in self.of(stack) if one.name == name] if stack else []
            found = named[-1] if named else None
        return found if found is not None and found.stack.exists and found.stack.scope == scope else None

    def get(self, scope: Scope, name: str, stack_name: str | None) -> ChangeSet:
        if not name.startswith("arn:") and not stack_name:
            raise AwsError(
                "ValidationError", "StackName must be specified if ChangeSetName is not specified as an ARN."
            )
        found = self.find(scope, name, stack_name)
        if found is None:
            raise not_found(name)
        return found
