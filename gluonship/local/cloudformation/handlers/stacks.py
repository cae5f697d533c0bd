"""Operations on whole stacks: their making, changing, going back and removal, and their settings.

What works on resources only begins here; the work goes on behind it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gluonship.local.cloudformation import deployment, stack_policy
from gluonship.local.cloudformation.exports import blocking_import
from gluonship.local.cloudformation.handlers.engine import (
    Engine,
    remember,
    repeated,
    require_allowed,
    require_updatable,
)
from gluonship.local.cloudformation.plan import Plan
from gluonship.local.cloudformation.planning import make_plan
from gluonship.local.cloudformation.requests import check_stack_name, options_of, revision_of
from gluonship.local.cloudformation.rollback import Skips, roll_back
from gluonship.local.cloudformation.stacks.register import validation_error
from gluonship.local.cloudformation.stacks.state import Options, Revision, Stack
from gluonship.local.contracts import AwsError, Handler, Scope

_NO_UPDATES = "No updates are to be performed."


class StackHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._context = engine.context
        self._register = engine.context.register

    def operations(self) -> dict[str, Handler]:
        return {
            "CancelUpdateStack": self.cancel_update,
            "ContinueUpdateRollback": self.continue_update_rollback,
            "CreateStack": self.create,
            "DeleteStack": self.delete,
            "GetStackPolicy": self.get_policy,
            "RollbackStack": self.rollback,
            "SetStackPolicy": self.set_policy,
            "UpdateStack": self.update,
            "UpdateTerminationProtection": self.update_termination_protection,
        }

    # --- create and update -------------------------------------------------------------------------------

    def create(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        name, token = request["StackName"], request.get("ClientRequestToken")
        check_stack_name(name)
        options = options_of(request)
        existing = self._register.find(scope, name)
        if existing is not None:
            return self._again(existing, request)
        stack = self._engine.new_stack(scope, name)
        stack.protected = bool(request.get("EnableTerminationProtection"))
        stack.timeout_minutes = request.get("TimeoutInMinutes")
        stack.policy = _checked(request.get("StackPolicyBody"))
        plan = make_plan(self._context, stack, revision_of(self._context, scope, request, None))
        plan.require()
        with self._register.lock:
            existing = self._register.find(scope, name)
            if existing is not None:
                return self._again(existing, request)
            self._register.add(stack)
            self.begin_create(stack, plan, options, token)
            remember(stack, "CreateStack", request)
            return _begun(stack)

    @staticmethod
    def _again(existing: Stack, request: dict[str, Any]) -> dict[str, Any]:
        earlier = repeated(existing, "CreateStack", request)
        if earlier is not None:  # a client's retry of the same request
            return {"StackId": existing.id, "OperationId": earlier}
        raise AwsError("AlreadyExistsException", f"Stack [{existing.name}] already exists")

    def begin_create(self, stack: Stack, plan: Plan, options: Options, token: str | None) -> None:
        """Starts it; the register's lock is held."""
        context, engine = self._context, self._engine
        stack.options = options
        stack.revision = plan.revision
        engine.operations.begin(stack, "CREATE_STACK", "CREATE_IN_PROGRESS", _initiated(plan.revision), token)
        engine.operations.start(
            stack, lambda: deployment.create(context, engine.nested, stack, plan.revision)
        )

    def update(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        options = options_of(request)
        stack = self._register.existing(scope, request["StackName"])
        policy = _checked(request.get("StackPolicyBody"))
        during = _checked(request.get("StackPolicyDuringUpdateBody"))
        while True:
            planned_on = stack.latest_operation
            earlier = repeated(stack, "UpdateStack", request)
            if earlier is not None:
                return {"StackId": stack.id, "OperationId": earlier}
            require_updatable(stack, options)
            plan = make_plan(self._context, stack, revision_of(self._context, scope, request, stack))
            plan.require()
            with self._register.lock:
                if stack.latest_operation != planned_on:
                    continue  # another operation has overtaken the plan
                require_updatable(stack, options)
                require_allowed(stack, plan, during)
                if plan.empty and stack.undo is None:
                    raise validation_error(_NO_UPDATES)
                stack.policy = policy or stack.policy
                self.begin_update(stack, plan, options, request.get("ClientRequestToken"))
                remember(stack, "UpdateStack", request)
                return _begun(stack)

    def begin_update(self, stack: Stack, plan: Plan, options: Options, token: str | None) -> None:
        """Starts it; the register's lock is held."""
        context, engine = self._context, self._engine
        stack.options = options
        stack.updated = context.now()
        engine.operations.begin(stack, "UPDATE_STACK", "UPDATE_IN_PROGRESS", _initiated(plan.revision), token)
        engine.operations.start(
            stack, lambda: deployment.update(context, engine.nested, stack, plan.revision)
        )

    # --- back --------------------------------------------------------------------------------------------

    def cancel_update(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        with self._register.lock:
            stack = self._register.existing(scope, request["StackName"])
            if stack.status != "UPDATE_IN_PROGRESS":
                raise validation_error("CancelUpdateStack cannot be called from current stack status")
            self._context.halt(stack, "User Initiated")
        return {}

    def rollback(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        with self._register.lock:
            stack = self._register.existing(scope, request["StackName"])
            earlier = repeated(stack, "RollbackStack", request)
            if earlier is not None:
                return {"StackId": stack.id, "OperationId": earlier}
            if stack.status not in ("CREATE_FAILED", "UPDATE_FAILED") or stack.undo is None:
                raise validation_error(
                    f"Stack:{stack.id} is in {stack.status} state and can not be rolled back."
                )
            retain = bool(request.get("RetainExceptOnCreate"))
            stack.options = replace(stack.options, retain_except_on_create=retain)
            self._go_back(stack, "ROLLBACK", request, None)
            remember(stack, "RollbackStack", request)
            return _begun(stack)

    def continue_update_rollback(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        with self._register.lock:
            stack = self._register.existing(scope, request["StackName"])
            if repeated(stack, "ContinueUpdateRollback", request) is not None:
                return {}
            if stack.status != "UPDATE_ROLLBACK_FAILED" or stack.undo is None:
                raise validation_error(
                    f"Stack:{stack.id} is in {stack.status} state and can not continue rollback"
                )
            skips = Skips(
                tuple(request.get("ResourcesToSkip") or ()), force=bool(request.get("ForceRollback"))
            )
            for name in skips.names:
                resource = stack.resources.get(name.partition(".")[0])
                if resource is None or resource.status != "UPDATE_FAILED":
                    raise validation_error(
                        f"Rollback failed: resource {name} to skip is not in UPDATE_FAILED state"
                    )
            self._go_back(stack, "CONTINUE_ROLLBACK", request, skips)
            remember(stack, "ContinueUpdateRollback", request)
        return {}

    def _go_back(self, stack: Stack, kind: str, request: dict[str, Any], skips: Skips | None) -> None:
        context, engine, undo = self._context, self._engine, stack.undo
        creating = undo is not None and undo.creating
        status = "ROLLBACK_IN_PROGRESS" if creating else "UPDATE_ROLLBACK_IN_PROGRESS"
        engine.operations.begin(stack, kind, status, "User Initiated", request.get("ClientRequestToken"))
        engine.operations.start(
            stack, lambda: roll_back(context, engine.nested, stack, None, skips, announced=True)
        )

    # --- delete ------------------------------------------------------------------------------------------

    def delete(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """What does not exist is deleted already. While another operation runs, AWS lets a delete overtake
        a create; here it is refused until that has ended."""
        token = request.get("ClientRequestToken")
        retain = list(request.get("RetainResources") or ())
        force = request.get("DeletionMode") == "FORCE_DELETE_STACK"
        with self._register.lock:
            stack = self._register.find(scope, request["StackName"])
            if stack is None or not stack.exists or stack.status == "DELETE_IN_PROGRESS":
                return {}
            if repeated(stack, "DeleteStack", request) is not None:
                return {}
            self._require_deletable(stack, retain, force=force)
            if stack.status == "REVIEW_IN_PROGRESS":
                stack.deleted = self._context.now()
                self._context.stage(stack, "DELETE_COMPLETE")
                self._engine.change_sets.ended(stack)
                return {}
            blocked = blocking_import(self._register, stack)
            if blocked is not None:  # as AWS: the status stays, the event says why
                self._context.stage(stack, stack.status, f"Delete canceled. {blocked}")
                return {}
            stack.deletion_mode = request.get("DeletionMode")
            self._engine.operations.begin(
                stack, "DELETE_STACK", "DELETE_IN_PROGRESS", "User Initiated", token
            )
            self._engine.operations.start(
                stack, lambda: deployment.delete(self._context, stack, retain, force=force)
            )
            remember(stack, "DeleteStack", request)
        return {}

    @staticmethod
    def _require_deletable(stack: Stack, retain: list[str], *, force: bool) -> None:
        if stack.protected:
            raise validation_error(
                f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            )
        if stack.in_progress:
            raise validation_error(f"Stack:{stack.id} is in {stack.status} state and can not be deleted.")
        if (retain or force) and stack.status != "DELETE_FAILED":
            what = "which resources to retain" if retain else "FORCE_DELETE_STACK"
            raise validation_error(
                f"Invalid operation on stack [{stack.id}]. When you delete a stack, specify {what} only when "
                "the stack is in the DELETE_FAILED state."
            )
        unknown = sorted(set(retain) - set(stack.resources))
        if unknown:
            raise validation_error(f"RetainResources: no resources of the stack: {', '.join(unknown)}")

    # --- settings ----------------------------------------------------------------------------------------

    def update_termination_protection(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        stack = self._register.existing(scope, request["StackName"])
        if stack.parent_id is not None:
            raise validation_error(
                "Termination protection cannot be updated on a nested stack: update its root stack"
            )
        stack.protected = bool(request["EnableTerminationProtection"])
        return {"StackId": stack.id}

    def set_policy(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("StackPolicyURL"):
            raise validation_error("StackPolicyURL is not read by this local cloud: give StackPolicyBody")
        self._register.existing(scope, request["StackName"]).policy = _checked(request.get("StackPolicyBody"))
        return {}

    def get_policy(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        policy = self._register.get(scope, request["StackName"]).policy
        return {} if policy is None else {"StackPolicyBody": policy}


def _begun(stack: Stack) -> dict[str, Any]:
    return {"StackId": stack.id, "OperationId": stack.latest_operation}


def _initiated(revision: Revision) -> str:
    """The reason of an operation's first event."""
    if revision.role_arn is None:
        return "User Initiated"
    return "User Initiated; recorded here, without effect: RoleARN: IAM is not enforced"


def _checked(policy: str | None) -> str | None:
    if policy is not None:
        stack_policy.read(policy)
    return policy
