"""Deletes resources in the order of their dependencies, as their policies allow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from gluonship.local.cloudformation.context import WORKERS, Context
from gluonship.local.cloudformation.contract import ProvisioningError
from gluonship.local.cloudformation.graph import everything_needed, reversed_needs, walk
from gluonship.local.cloudformation.journal import ResourceStep
from gluonship.local.cloudformation.policies import KEEPING
from gluonship.local.cloudformation.stacks.state import Resource, Revision, Stack
from gluonship.local.cloudformation.surroundings import told
from gluonship.local.cloudformation.template.references import dependencies
from gluonship.local.contracts import AwsError

_log = logging.getLogger(__name__)


def needs_of(revision: Revision | None) -> dict[str, set[str]]:
    """Which logical ids of a revision need which."""
    return dependencies(revision.template, revision.template.resources) if revision else {}


def remove(
    context: Context,
    stack: Stack,
    resources: Sequence[Resource],
    needs: Mapping[str, AbstractSet[str]],
    policy: Callable[[Resource], str],
    *,
    tags: Mapping[str, str],
) -> list[tuple[Resource, str]]:
    """Deletes each after all that needs it (`needs` is by logical id: a needs b). What is needed by one
    that could not be deleted is left, too. Returns what is left of those that should go, with the reasons
    (empty for what was not tried)."""
    by_key = {str(at): resource for at, resource in enumerate(resources)}
    keys: dict[str, set[str]] = {}
    for key, resource in by_key.items():
        keys.setdefault(resource.logical_id, set()).add(key)
    # Through what stays, too: if a needs b needs c, and b stays, c still goes after a.
    forward = {
        key: {other for name in everything_needed(resource.logical_id, needs) for other in keys.get(name, ())}
        - {key}
        for key, resource in by_key.items()
    }
    reasons: dict[str, str] = {}

    def one(key: str) -> bool:
        resource = by_key[key]
        if policy(resource) in KEEPING:
            context.tell(stack, resource.logical_id, resource.type, resource.physical_id, "DELETE_SKIPPED")
            return True
        reason = delete(context, stack, resource, tags)
        if reason is not None:
            reasons[key] = reason
        return reason is None

    untried = walk(reversed_needs(forward), one, workers=WORKERS)
    return [(by_key[key], reasons.get(key, "")) for key in by_key if key in reasons or key in untried]


def delete(context: Context, stack: Stack, resource: Resource, tags: Mapping[str, str]) -> str | None:
    """Deletes one resource; answers why it could not."""
    step = ResourceStep(resource.logical_id, resource.type, "DELETE", resource.physical_id)
    context.begin(stack, step)
    target = context.target(stack, resource.logical_id, resource.type, tags)
    try:
        properties = resource.properties
        context.provider.delete(target, resource.made, properties)
    except Exception as error:  # noqa: BLE001 - the boundary to the types
        reason = why(error, stack, resource.logical_id)
        context.end(stack, step, "DELETE_FAILED", reason)
        return reason
    context.end(stack, step, "DELETE_COMPLETE")
    return None


def why(error: Exception, stack: Stack, logical_id: str) -> str:
    """A failure as an event's reason; what nobody foresaw goes into the log, too."""
    if isinstance(error, AwsError):
        return error.message
    if isinstance(error, ProvisioningError):
        return str(error) or "no reason was given"
    _log.error("stack %s, resource %s", stack.name, logical_id, exc_info=error)
    return f"{type(error).__name__}: {told(error)}"
