"""AWS::CloudFormation::Stack: stacks within stacks, which change, go back and go with their parents.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any

from gluonship.local.cloudformation import deployment
from gluonship.local.cloudformation.all_types import property_changes
from gluonship.local.cloudformation.context import Context
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
from gluonship.local.cloudformation.exports import blocking_import
from gluonship.local.cloudformation.nested_properties import KNOWN, TEXT, TIMEOUT, shown
from gluonship.local.cloudformation.nested_revision import nested_revision
from gluonship.local.cloudformation.nesting import DEEPEST
from gluonship.local.cloudformation.operations import Operations
from gluonship.local.cloudformation.planning import make_plan
from gluonship.local.cloudformation.rollback import Skips, roll_back
from gluonship.local.cloudformation.stacks.events import EventLog
from gluonship.local.cloudformation.stacks.state import STACK_TYPE, Revision, Stack, new_stack_id
from gluonship.local.contracts import Scope

_OUTPUTS = "Outputs."


class Nested:
    """A contract.Provider of the one type; all_types.NestedStacks."""

    def __init__(self, context: Context, operations: Operations) -> None:
        self._context = context
        self._operations = operations

    # --- without effects ---------------------------------------------------------------------------------

    def knows(self, type_name: str) -> bool:
        return type_name == STACK_TYPE

    def refuses(self, type_name: str) -> str | None:
        return None

    def reference_known(self, type_name: str, properties: Properties) -> str | None:
        return None

    def has_attribute(self, type_name: str, attribute: str) -> bool:
        return attribute.startswith(_OUTPUTS)

    def review(
        self, scope: Scope, type_name: str, properties: Properties, previous: Properties | None = None
    ) -> Review:
        unknown = sorted(set(shown(properties)) - set(KNOWN))
        refused = [f"Encountered unsupported property {name}" for name in unknown]
        minutes = properties.get(TIMEOUT, UNKNOWN)
        if minutes is not UNKNOWN and not re.fullmatch("[1-9][0-9]{0,8}", str(minutes)):
            refused.append(f"Properties/{TIMEOUT}: {minutes!r} is not a number of minutes")
        return Review(refused=refused)

    def normalise(self, type_name: str, properties: Properties) -> dict[str, Any]:
        return dict(properties)

    def changes(self, type_name: str, old: Properties, new: Properties) -> Sequence[PropertyChange]:
        """Another text behind the same URL is a change of TemplateURL."""
        changes = property_changes(shown(old), shown(new))
        same_url = all(change.name != "TemplateURL" for change in changes)
        if same_url and old.get(TEXT) != new.get(TEXT):
            url = new.get("TemplateURL")
            changes.append(PropertyChange("TemplateURL", Recreation.NEVER, url, url))
        return changes

    def snapshot(self, target: Target, made: Made) -> Any:
        child = self._context.register.by_id(made.physical_id)
        if child is None or not child.exists:
            return None
        return {
            name: {
                "id": resource.physical_id,
                "state": self._context.provider.snapshot(
                    self._context.target(child, name, resource.type, target.tags), resource.made
                ),
            }
            for name, resource in sorted(child.resources.items())
        }

    def pending(self, target: Target, made: Made, properties: Properties) -> bool:
        child = self._child(made)
        parent = self._parent(target)
        revision = nested_revision(self._context, target.scope, _revision_of(parent), properties)
        return not make_plan(self._context, child, revision).empty

    # --- effects -----------------------------------------------------------------------------------------

    def create(self, target: Target, properties: Properties) -> Made:
        context, parent = self._context, self._parent(target)
        self._check_depth(parent)
        revision = nested_revision(context, target.scope, _revision_of(parent), properties)
        name = _name(parent.name, target.logical_id)
        child = Stack(
            scope=target.scope,
            name=name,
            id=new_stack_id(target.scope, name),
            created=context.now(),
            events=EventLog(parent.events.listener),
            options=parent.options,
            timeout_minutes=int(properties[TIMEOUT]) if TIMEOUT in properties else None,
            parent_id=parent.id,
            root_id=parent.root_id or parent.id,
        )
        context.register.add(child)
        self._operations.begin(child, "CREATE_STACK", "CREATE_IN_PROGRESS", "User Initiated", parent.token)
        self._pass_on_stop(parent, child)
        self._operations.run(child, lambda: deployment.create(context, self, child, revision))
        if child.status != "CREATE_COMPLETE":
            message = f"Embedded stack {child.id} was not successfully created: {_why(child)}"
            raise CreateFailed(message, _made(child) if child.exists else None)
        return _made(child)

    def update(self, target: Target, made: Made, old: Properties, new: Properties) -> Made:
        context, parent, child = self._context, self._parent(target), self._child(made)
        revision = nested_revision(context, target.scope, _revision_of(parent), new)
        child.options = parent.options
        child.updated = context.now()
        self._operations.begin(child, "UPDATE_STACK", "UPDATE_IN_PROGRESS", "User Initiated", parent.token)
        self._pass_on_stop(parent, child)
        self._operations.run(
            child, lambda: deployment.update(context, self, child, revision, parent_cleans=True)
        )
        if child.status != "UPDATE_COMPLETE":
            message = f"Embedded stack {child.id} was not successfully updated: {_why(child)}"
            raise ProvisioningError(message)
        return _made(child)

    def commit(self, physical_id: str) -> None:
        child = self._context.register.by_id(physical_id)
        if child is None or child.undo is None:
            return
        self._operations.begin(child, "UPDATE_STACK", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        self._operations.run(child, lambda: deployment.clean_up(self._context, self, child))

    def roll_back(self, target: Target, made: Made, skip: Sequence[str]) -> Made:
        child = self._child(made)
        if child.undo is None:  # it went back by itself, or had not begun
            return _made(child)
        self._operations.begin(child, "ROLLBACK", "UPDATE_ROLLBACK_IN_PROGRESS", "The parent stack goes back")
        self._operations.run(
            child,
            lambda: roll_back(self._context, self, child, None, Skips(skip), announced=True),
        )
        if child.status != "UPDATE_ROLLBACK_COMPLETE":
            message = f"Embedded stack {child.id} was not successfully rolled back: {_why(child)}"
            raise ProvisioningError(message)
        return _made(child)

    def delete(self, target: Target, made: Made, properties: Properties) -> None:
        child = self._context.register.by_id(made.physical_id)
        if child is None or not child.exists:
            return
        with self._context.register.lock:
            blocked = blocking_import(self._context.register, child)
            if blocked is not None:
                raise ProvisioningError(f"Delete canceled. {blocked}")
            self._operations.begin(child, "DELETE_STACK", "DELETE_IN_PROGRESS", "User Initiated")
        self._operations.run(child, lambda: deployment.delete(self._context, child))
        if child.exists:
            message = f"Embedded stack {child.id} was not successfully deleted: {_why(child)}"
            raise ProvisioningError(message)

    # --- parts of these ----------------------------------------------------------------------------------

    def _parent(self, target: Target) -> Stack:
        parent = self._context.register.by_id(target.stack_id)
        if parent is None:
            raise ProvisioningError(f"stack {target.stack_name} does not exist")
        return parent

    def _check_depth(self, parent: Stack) -> None:
        """Plans refuse this, too; templates in S3 may change after them."""
        depth, above = 1, parent.parent_id
        while above is not None and (stack := self._context.register.by_id(above)) is not None:
            depth, above = depth + 1, stack.parent_id
        if depth > DEEPEST:
            raise ProvisioningError(f"stacks are nested over {DEEPEST} deep")

    def _child(self, made: Made) -> Stack:
        child = self._context.register.by_id(made.physical_id)
        if child is None or not child.exists:
            raise ProvisioningError(f"Stack with id {made.physical_id} does not exist (NotFound)")
        return child

    def _pass_on_stop(self, parent: Stack, child: Stack) -> None:
        """A parent that was asked to end before its nested stack was in progress."""
        if parent.stop.is_set():
            self._context.halt(child, parent.stop_reason)


def _revision_of(parent: Stack) -> Revision:
    if parent.revision is None:
        raise ProvisioningError(f"stack {parent.name} has no template")
    return parent.revision


def _made(child: Stack) -> Made:
    return Made(child.id, {f"{_OUTPUTS}{output.key}": output.value for output in child.outputs})


def _why(child: Stack) -> str:
    """Why its latest operation failed; a roll back that went well has no reason of its own."""
    told = (event for event in child.events.newest_first() if event.physical_id == child.id and event.reason)
    reason = next((event.reason or "" for event in told), "")
    return reason.removesuffix("Rollback requested by user.").rstrip() or child.status


def _name(parent: str, logical_id: str) -> str:
    """PARENT-LOGICALID-RANDOM, within CloudFormation's 128 characters."""
    return f"{parent[:60]}-{logical_id[:54]}-{uuid.uuid4().hex[:12].upper()}"
