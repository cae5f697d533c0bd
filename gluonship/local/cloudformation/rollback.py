"""The way back: of a create, everything goes; of an update, everything is as it was.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gluonship.local.cloudformation.all_types import NestedStacks
from gluonship.local.cloudformation.context import WORKERS, Context
from gluonship.local.cloudformation.graph import walk
from gluonship.local.cloudformation.journal import ResourceStep
from gluonship.local.cloudformation.operations import next_operation
from gluonship.local.cloudformation.policies import KEEPING
from gluonship.local.cloudformation.removal import needs_of, remove, why
from gluonship.local.cloudformation.stacks.state import STACK_TYPE, Resource, Stack, Undo
from gluonship.local.cloudformation.template.references import dependencies

SKIPPED = "Resource skipped during UpdateRollback"  # the CDK's CLI knows it by these words


@dataclass(frozen=True)
class Skips:
    """What a continued roll back leaves as it is: logical ids, those of nested stacks as Nested.Id; or
    whatever fails."""

    names: Sequence[str] = ()
    force: bool = False

    def within(self, logical_id: str) -> list[str]:
        prefix = f"{logical_id}."
        return [name.removeprefix(prefix) for name in self.names if name.startswith(prefix)]


def roll_back(
    context: Context,
    nested: NestedStacks,
    stack: Stack,
    reason: str | None,
    skips: Skips | None = None,
    *,
    announced: bool = False,
) -> None:
    """Takes back what `stack.undo` tells; the stack comes to a *ROLLBACK_COMPLETE or *ROLLBACK_FAILED.

    `announced`: the stack is in its *ROLLBACK_IN_PROGRESS already.
    """
    undo = stack.undo
    if undo is None:
        raise RuntimeError(f"stack {stack.name} has no way back")
    with context.register.lock:
        stack.stop.clear()
    if not announced:
        next_operation(stack, "ROLLBACK")
        status = "ROLLBACK_IN_PROGRESS" if undo.creating else "UPDATE_ROLLBACK_IN_PROGRESS"
        context.stage(stack, status, reason)
    if undo.creating:
        _take_back_create(context, stack, undo)
    else:
        _UpdateRollback(context, nested, stack, undo, skips or Skips()).run()


def _take_back_create(context: Context, stack: Stack, undo: Undo) -> None:
    def policy(resource: Resource) -> str:
        return policy_of_created(stack, resource)

    tags = stack.revision.tags if stack.revision else {}
    left = remove(context, stack, undo.created, needs_of(stack.revision), policy, tags=tags)
    finish_removal(context, stack, undo.created, left, policy)
    failed = [resource.logical_id for resource, why_not in left if why_not]
    with context.register.lock:
        stack.undo, stack.outputs, stack.imports = None, (), frozenset()
    if left:
        listed = ", ".join(failed)
        return context.stage(
            stack, "ROLLBACK_FAILED", f"The following resource(s) failed to delete: [{listed}]. "
        )
    return context.stage(stack, "ROLLBACK_COMPLETE")


def policy_of_created(stack: Stack, resource: Resource) -> str:
    """What becomes of a resource that a failed operation had made."""
    retained = resource.deletion_policy == "Retain" and not resource.incomplete
    return "Retain" if retained and not stack.options.retain_except_on_create else "Delete"


def finish_removal(
    context: Context,
    stack: Stack,
    removed: Sequence[Resource],
    left: Sequence[tuple[Resource, str]],
    policy: Callable[[Resource], str],
) -> None:
    """The stack has only what is left; the rest is shown as deleted, or as kept where its policy says so."""
    now = context.now()
    with context.register.lock:
        stack.resources = {
            resource.logical_id: replace(resource, status="DELETE_FAILED", reason=reason, updated=now)
            if reason
            else resource
            for resource, reason in left
        }
        for resource in removed:
            if resource.logical_id not in stack.resources:
                kept = policy(resource) in KEEPING
                status = "DELETE_SKIPPED" if kept else "DELETE_COMPLETE"
                stack.gone[resource.logical_id] = replace(resource, status=status, reason=None, updated=now)


class _UpdateRollback:
    def __init__(
        self, context: Context, nested: NestedStacks, stack: Stack, undo: Undo, skips: Skips
    ) -> None:
        self._context = context
        self._nested = nested
        self._stack = stack
        self._undo = undo
        self._skips = skips
        self._now = dict(stack.resources)
        self._tags = undo.revision.tags if undo.revision else {}
        self._failed: list[str] = []
        self._lock = threading.Lock()

    def run(self) -> None:
        context, stack, undo = self._context, self._stack, self._undo
        needs = dependencies(undo.revision.template, undo.resources) if undo.revision else {}
        walk({**{name: set() for name in undo.resources}, **needs}, self._one, workers=WORKERS)
        if self._failed:
            listed = ", ".join(sorted(self._failed))
            reason = f"The following resource(s) failed to update: [{listed}]. "
            return context.stage(stack, "UPDATE_ROLLBACK_FAILED", reason)
        attempted = stack.revision
        before = {resource.identity for resource in undo.resources.values()}
        with context.register.lock:
            stack.resources = {name: stack.resources[name] for name in undo.resources}
            stack.revision, stack.outputs, stack.imports = undo.revision, undo.outputs, undo.imports
        context.stage(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        surplus = [resource for resource in undo.created if resource.identity not in before]

        def policy(resource: Resource) -> str:
            return policy_of_created(stack, resource)

        tags = attempted.tags if attempted else {}
        remove(context, stack, surplus, needs_of(attempted), policy, tags=tags)
        with context.register.lock:
            stack.undo = None
        return context.stage(stack, "UPDATE_ROLLBACK_COMPLETE")

    def _one(self, logical_id: str) -> bool:
        """Brings one resource back to what it was."""
        before, now = self._undo.resources[logical_id], self._now.get(logical_id)
        if logical_id in self._skips.names:
            return self._skip(before)
        if logical_id in self._undo.touched and now is not None and now.identity == before.identity:
            return self._restore(before, now)
        self._keep(before)
        if now is not None and now.identity != before.identity:
            self._context.tell(self._stack, logical_id, before.type, before.physical_id, "UPDATE_COMPLETE")
        return True

    def _restore(self, before: Resource, now: Resource) -> bool:
        context, stack = self._context, self._stack
        step = ResourceStep(before.logical_id, before.type, "UPDATE", before.physical_id)
        context.begin(stack, step, None, before.shown)
        target = context.target(stack, before.logical_id, before.type, self._tags)
        try:
            if before.type == STACK_TYPE:
                made = self._nested.roll_back(target, now.made, self._skips.within(before.logical_id))
            else:
                surroundings = context.surroundings
                made = context.provider.update(
                    target,
                    now.made,
                    surroundings.revealed_if_there(stack.scope, now.properties),
                    surroundings.revealed(stack.scope, before.properties),
                )
        except Exception as error:  # noqa: BLE001 - the boundary to the types
            reason = why(error, stack, before.logical_id)
            context.end(stack, step, "UPDATE_FAILED", reason, before.shown)
            if self._skips.force:
                return self._skip(before)
            self._keep(replace(now, status="UPDATE_FAILED", reason=reason, updated=context.now()))
            with self._lock:
                self._failed.append(before.logical_id)
            return False
        self._restored(replace(before, made=made, status="UPDATE_COMPLETE", updated=context.now()))
        context.end(stack, step, "UPDATE_COMPLETE", None, before.shown)
        return True

    def _skip(self, before: Resource) -> bool:
        self._restored(before)
        self._context.tell(
            self._stack, before.logical_id, before.type, before.physical_id, "UPDATE_COMPLETE", SKIPPED
        )
        return True

    def _restored(self, resource: Resource) -> None:
        with self._lock:
            self._undo.touched.discard(resource.logical_id)
        self._keep(resource)

    def _keep(self, resource: Resource) -> None:
        with self._context.register.lock:
            self._stack.resources[resource.logical_id] = resource
