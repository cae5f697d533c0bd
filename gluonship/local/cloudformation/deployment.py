"""The operations on a stack, from their first status to their last; each on the thread it is called on."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from gluonship.local.cloudformation.all_types import NestedStacks
from gluonship.local.cloudformation.context import Context
from gluonship.local.cloudformation.forward import Failure, Forward, undo_of
from gluonship.local.cloudformation.removal import needs_of, remove
from gluonship.local.cloudformation.rollback import finish_removal, policy_of_created, roll_back
from gluonship.local.cloudformation.stacks.state import STACK_TYPE, Resource, Revision, Stack, Undo


def create(context: Context, nested: NestedStacks, stack: Stack, revision: Revision) -> None:
    """From CREATE_IN_PROGRESS to the end."""
    with _within_its_time(context, stack):
        failure = Forward(context, stack, revision, undo_of(stack, creating=True), nested).run()
    with context.register.lock:
        failure = failure or _halted(stack)
        if failure is None:
            stack.undo = None
            return context.stage(stack, "CREATE_COMPLETE")
    reason = failure.reason
    if stack.options.disable_rollback:
        return context.stage(stack, "CREATE_FAILED", reason)
    if stack.options.on_failure == "DELETE":
        context.stage(stack, "DELETE_IN_PROGRESS", f"{reason}Delete requested by user.")
        return delete(context, stack, created=True)
    return roll_back(context, nested, stack, f"{reason}Rollback requested by user.")


@contextlib.contextmanager
def _within_its_time(context: Context, stack: Stack) -> Iterator[None]:
    """TimeoutInMinutes is for the way forward; going back takes what it takes."""
    if not stack.timeout_minutes:
        yield
        return
    reason = "Stack creation time exceeded the specified timeout. "
    timer = context.clock.call_later(stack.timeout_minutes * 60, lambda: context.halt(stack, reason))
    try:
        yield
    finally:
        timer.cancel()


def update(
    context: Context, nested: NestedStacks, stack: Stack, revision: Revision, *, parent_cleans: bool = False
) -> None:
    """From UPDATE_IN_PROGRESS to the end. `parent_cleans`: what it supersedes stays until `clean_up`."""
    undo = undo_of(stack, creating=False)
    failure = Forward(context, stack, revision, undo, nested).run()
    with context.register.lock:  # whoever cancels does it before this, or is refused
        failure = failure or _halted(stack)
        if failure is None and parent_cleans:
            stack.resources = _kept(stack, revision)
            return context.stage(stack, "UPDATE_COMPLETE")
        if failure is None:
            context.stage(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    if failure is None:
        return clean_up(context, nested, stack)
    if stack.options.disable_rollback:
        return context.stage(stack, "UPDATE_FAILED", failure.reason)
    return roll_back(context, nested, stack, failure.reason)


def _halted(stack: Stack) -> Failure | None:
    """The register's lock is held."""
    return Failure(stack.stop_reason) if stack.stop.is_set() else None


def clean_up(context: Context, nested: NestedStacks, stack: Stack) -> None:
    """The update stands, and the stack is in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: what was superseded or left
    out is deleted, as its policies say."""
    undo, revision = stack.undo, stack.revision
    if undo is None or revision is None:
        return
    superseded = _superseded(undo, kept := _kept(stack, revision))
    for name in sorted(undo.touched):
        if name in kept and kept[name].type == STACK_TYPE:
            nested.commit(kept[name].physical_id)

    def policy(resource: Resource) -> str:
        successor = kept.get(resource.logical_id)
        return successor.update_replace_policy if successor else resource.deletion_policy

    with context.register.lock:
        stack.resources = kept
    tags = undo.revision.tags if undo.revision else revision.tags
    remove(context, stack, superseded, needs_of(undo.revision or revision), policy, tags=tags)
    with context.register.lock:
        stack.undo = None
    context.stage(stack, "UPDATE_COMPLETE")


def _kept(stack: Stack, revision: Revision) -> dict[str, Resource]:
    """What of the stack's resources the revision still has: those of its order."""
    wanted = stack.wanted
    return {name: stack.resources[name] for name in revision.template.resources if name in wanted}


def _superseded(undo: Undo, kept: dict[str, Resource]) -> list[Resource]:
    staying = {resource.identity for resource in kept.values()}
    seen: dict[tuple[str, str], Resource] = {}
    for resource in [*undo.resources.values(), *undo.created]:
        if resource.identity not in staying:
            seen[resource.identity] = resource
    return list(seen.values())


def delete(
    context: Context,
    stack: Stack,
    retain: Collection[str] = (),
    *,
    force: bool = False,
    created: bool = False,
) -> None:
    """From DELETE_IN_PROGRESS to the end. `created`: by this very operation, which failed (OnFailure)."""
    undo, revision = stack.undo, stack.revision
    resources = list(stack.resources.values())
    if undo is not None:
        resources += _superseded(undo, stack.resources)

    def policy(resource: Resource) -> str:
        if resource.logical_id in retain:
            return "Retain"
        return policy_of_created(stack, resource) if created else resource.deletion_policy

    with context.register.lock:
        stack.stop.clear()
    tags = revision.tags if revision else {}
    left = remove(context, stack, resources, needs_of(revision), policy, tags=tags)
    if left and force:
        retain = [*retain, *(resource.logical_id for resource, _ in left)]
        for resource, _ in left:
            context.tell(stack, resource.logical_id, resource.type, resource.physical_id, "DELETE_SKIPPED")
        left = []
    finish_removal(context, stack, resources, left, policy)
    if left:
        listed = ", ".join(sorted({resource.logical_id for resource, reason in left if reason}))
        return context.stage(
            stack, "DELETE_FAILED", f"The following resource(s) failed to delete: [{listed}]. "
        )
    with context.register.lock:
        stack.undo, stack.outputs, stack.imports = None, (), frozenset()
        stack.deleted = context.now()
        return context.stage(stack, "DELETE_COMPLETE")
