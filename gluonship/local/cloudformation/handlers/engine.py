"""What the handlers share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gluonship.local.cloudformation import stack_policy
from gluonship.local.cloudformation.all_types import NestedStacks
from gluonship.local.cloudformation.change_sets import ChangeSets
from gluonship.local.cloudformation.context import Context
from gluonship.local.cloudformation.notices import Notices
from gluonship.local.cloudformation.operations import Operations
from gluonship.local.cloudformation.plan import Plan
from gluonship.local.cloudformation.stacks.events import EventLog
from gluonship.local.cloudformation.stacks.register import validation_error
from gluonship.local.cloudformation.stacks.state import AcceptedRequest, Options, Stack, new_stack_id
from gluonship.local.contracts import AwsError, Scope

_UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
_PAUSED = ("CREATE_FAILED", "UPDATE_FAILED")


@dataclass(frozen=True)
class Engine:
    context: Context
    operations: Operations
    nested: NestedStacks
    change_sets: ChangeSets
    notices: Notices

    def new_stack(self, scope: Scope, name: str) -> Stack:
        """Not registered yet."""
        events = EventLog(self.notices.heard)
        return Stack(scope, name, new_stack_id(scope, name), self.context.now(), events)


def repeated(stack: Stack, kind: str, request: Mapping[str, Any]) -> str | None:
    """The id of the operation that this very request began already, by its token.

    Raises TokenAlreadyExistsException for a token that came with another request.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStack.html, ClientRequestToken
    """
    token = request.get("ClientRequestToken")
    earlier = stack.requests.get(token) if token is not None else None
    if earlier is None:
        return None
    if (earlier.kind, earlier.digest) != (kind, _digest(request)):
        message = f"ClientRequestToken {token} was used for another request on stack {stack.name}"
        raise AwsError("TokenAlreadyExistsException", message)
    return earlier.operation_id


def remember(stack: Stack, kind: str, request: Mapping[str, Any]) -> None:
    """The request began the stack's latest operation."""
    token = request.get("ClientRequestToken")
    if token is not None:
        stack.requests[token] = AcceptedRequest(kind, _digest(request), stack.latest_operation)


def _digest(request: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()


def require_updatable(stack: Stack, options: Options | None = None) -> None:
    """Raises ValidationError, in AWS's words, for a stack whose state allows no update.

    Without `options` (a change set is only made) a paused stack passes.
    """
    if stack.status in _UPDATABLE:
        return
    if stack.status in _PAUSED and stack.undo is not None:
        if options is None or options.disable_rollback:
            return
        raise validation_error(
            f"This stack is currently in a non-terminal [{stack.status}] state. To update the stack from "
            "this state, please use the disable-rollback parameter with update-stack API. To rollback to "
            "the last known good state, use the rollback-stack API"
        )
    raise validation_error(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def require_allowed(stack: Stack, plan: Plan, during_update: str | None = None) -> None:
    """Raises ValidationError for what the stack's policy forbids."""
    policy = during_update or stack.policy
    denied = stack_policy.denials(policy, plan) if policy else []
    if denied:
        raise validation_error("\n".join(denied))
