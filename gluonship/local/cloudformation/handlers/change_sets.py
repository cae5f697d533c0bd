"""Operations on change sets."""

from __future__ import annotations

from typing import Any

from gluonship.local.cloudformation import descriptions
from gluonship.local.cloudformation.change_descriptions import change
from gluonship.local.cloudformation.change_sets import (
    EARLY_VALIDATION,
    NO_CHANGES,
    ChangeSet,
    new_change_set_id,
)
from gluonship.local.cloudformation.handlers.engine import (
    Engine,
    remember,
    repeated,
    require_allowed,
    require_updatable,
)
from gluonship.local.cloudformation.handlers.stacks import StackHandlers
from gluonship.local.cloudformation.paging import page
from gluonship.local.cloudformation.plan import Plan
from gluonship.local.cloudformation.planning import make_plan
from gluonship.local.cloudformation.requests import check_stack_name, options_of, revision_of
from gluonship.local.cloudformation.stacks.register import validation_error
from gluonship.local.cloudformation.stacks.state import Options, Stack
from gluonship.local.contracts import AwsError, Handler, Scope

_ECHOED = ("IncludeNestedStacks", "OnStackFailure", "DeploymentConfig", "ImportExistingResources")


_RECORDED = {
    "ImportExistingResources": "ImportExistingResources: a resource whose name is taken still fails",
    "IncludeNestedStacks": "IncludeNestedStacks: nested stacks are planned with their parent, but have no "
    "change sets of their own",
}


class ChangeSetHandlers:
    def __init__(self, engine: Engine, stacks: StackHandlers) -> None:
        self._engine = engine
        self._stacks = stacks
        self._sets = engine.change_sets
        self._register = engine.context.register

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateChangeSet": self.create,
            "DeleteChangeSet": self.delete,
            "DescribeChangeSet": self.describe,
            "DescribeChangeSetHooks": self.hooks,
            "ExecuteChangeSet": self.execute,
            "ListChangeSets": self.list,
        }

    def create(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        creates = request.get("ChangeSetType", "UPDATE") == "CREATE"
        while True:
            stack, fresh = self._stack_for(scope, request, creates=creates)
            same = self._of_that_name(stack, request)
            if same is not None:
                return {"Id": same.id, "StackId": stack.id}
            planned_on = stack.latest_operation
            change_set = self._planned(scope, request, stack, creates=creates)
            with self._register.lock:
                if stack.latest_operation != planned_on or self._of_that_name(stack, request) is not None:
                    continue  # another request has overtaken the plan
                if fresh and self._register.find(scope, stack.name) is not None:
                    raise AwsError("AlreadyExistsException", f"Stack [{stack.name}] already exists")
                if fresh:
                    stack.revision = None
                    self._register.add(stack)
                    self._engine.context.stage(stack, "REVIEW_IN_PROGRESS", "User Initiated")
                for one in self._sets.of(stack):
                    if one.name == change_set.name:  # executed: its name is free
                        self._sets.remove(one)
                self._sets.add(change_set)
                return {"Id": change_set.id, "StackId": stack.id}

    def _of_that_name(self, stack: Stack, request: dict[str, Any]) -> ChangeSet | None:
        """The change set that the same request made already; one that was executed leaves its name."""
        name, token = request["ChangeSetName"], request.get("ClientToken")
        for one in self._sets.of(stack):
            if one.name != name:
                continue
            if token is not None and one.client_token == token:
                return one
            if one.execution not in ("EXECUTE_COMPLETE", "EXECUTE_FAILED"):
                message = f"ChangeSet {name} cannot be created due to a mismatch with existing attribute Name"
                raise AwsError("AlreadyExistsException", message)
        return None

    def _planned(self, scope: Scope, request: dict[str, Any], stack: Stack, *, creates: bool) -> ChangeSet:
        context = self._engine.context
        options = options_of(request)
        plan = make_plan(context, stack, revision_of(context, scope, request, None if creates else stack))
        status, reason = self._verdict(stack, plan, creates=creates)
        recorded = [words for name, words in _RECORDED.items() if request.get(name)]
        if reason is None and recorded:
            reason = f"recorded here, without effect: {'; '.join(recorded)}"
        return ChangeSet(
            id=new_change_set_id(scope, request["ChangeSetName"]),
            name=request["ChangeSetName"],
            stack=stack,
            creates=creates,
            plan=plan,
            created=context.now(),
            status=status,
            reason=reason,
            execution="AVAILABLE" if status == "CREATE_COMPLETE" else "UNAVAILABLE",
            options=options,
            description=request.get("Description"),
            client_token=request.get("ClientToken"),
            extra={key: request[key] for key in _ECHOED if request.get(key) is not None},
        )

    def _stack_for(self, scope: Scope, request: dict[str, Any], *, creates: bool) -> tuple[Stack, bool]:
        name = request["StackName"]
        stack = self._register.find(scope, name)
        if creates:
            if stack is None:
                check_stack_name(name)
                return self._engine.new_stack(scope, name), True
            if stack.status != "REVIEW_IN_PROGRESS":
                raise validation_error(
                    f"Stack [{stack.name}] already exists and cannot be created again with the "
                    f"changeSet [{request['ChangeSetName']}]."
                )
            return stack, False
        if stack is None or not stack.exists:
            raise validation_error(f"Stack [{name}] does not exist")
        require_updatable(stack)
        return stack, False

    @staticmethod
    def _verdict(stack: Stack, plan: Plan, *, creates: bool) -> tuple[str, str | None]:
        if plan.refused:
            sentences = "\n".join(map(str, plan.refused))
            return (
                "FAILED",
                f"Validation failed before anything was touched ({EARLY_VALIDATION}):\n{sentences}",
            )
        if plan.empty and not creates and stack.undo is None:
            return "FAILED", NO_CHANGES
        return "CREATE_COMPLETE", None

    def describe(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        one = self._sets.get(scope, request["ChangeSetName"], request.get("StackName"))
        revision = one.plan.revision
        values = bool(request.get("IncludePropertyValues"))
        changes = [change(planned, values=values) for planned in one.plan.changes]
        return descriptions.present(
            **self._row(one),
            Parameters=descriptions.parameters(revision),
            RollbackConfiguration={},
            NotificationARNs=list(revision.notification_arns),
            Capabilities=list(revision.capabilities),
            Tags=descriptions.tags(revision),
            OnStackFailure=one.extra.get("OnStackFailure"),
            DeploymentConfig=one.extra.get("DeploymentConfig"),
            **page("Changes", changes, request),
        )

    @staticmethod
    def _row(one: ChangeSet) -> dict[str, Any]:
        return descriptions.present(
            ChangeSetId=one.id,
            ChangeSetName=one.name,
            StackId=one.stack.id,
            StackName=one.stack.name,
            Description=one.description,
            CreationTime=one.created,
            ExecutionStatus=one.execution,
            Status=one.status,
            StatusReason=one.reason,
            IncludeNestedStacks=bool(one.extra.get("IncludeNestedStacks")),
            ImportExistingResources=bool(one.extra.get("ImportExistingResources")),
        )

    def hooks(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """This cloud has no hooks."""
        one = self._sets.get(scope, request["ChangeSetName"], request.get("StackName"))
        return {
            "ChangeSetId": one.id,
            "ChangeSetName": one.name,
            "Hooks": [],
            "Status": "PLANNED",
            "StackId": one.stack.id,
            "StackName": one.stack.name,
        }

    def list(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        stack = self._register.get(scope, request["StackName"])
        rows = [self._row(one) for one in self._sets.of(stack) if not one.execution.startswith("EXECUTE_")]
        return page("Summaries", rows, request)

    def delete(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A change set that does not exist is deleted already; a stack that does not is an error."""
        name, stack_name = request["ChangeSetName"], request.get("StackName")
        if not name.startswith("arn:") and stack_name:
            self._register.get(scope, stack_name)
        one = self._sets.find(scope, name, stack_name)
        if one is not None:
            if one.execution == "EXECUTE_IN_PROGRESS":
                raise _invalid_status(one, "deleted")
            self._sets.remove(one)
        return {}

    def execute(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        with self._register.lock:
            one = self._sets.get(scope, request["ChangeSetName"], request.get("StackName"))
            token = request.get("ClientRequestToken")
            if repeated(one.stack, "ExecuteChangeSet", request) is not None:
                return {}
            if one.execution != "AVAILABLE":
                raise _invalid_status(one, "executed")
            stack = one.stack
            options = self._options(one, request)
            if not one.creates:
                require_updatable(stack, options)
                require_allowed(stack, one.plan)
            stack.change_set_id = one.id
            self._sets.executing(one)
            if one.creates:
                self._stacks.begin_create(stack, one.plan, options, token)
            else:
                self._stacks.begin_update(stack, one.plan, options, token)
            remember(stack, "ExecuteChangeSet", request)
        return {}

    @staticmethod
    def _options(one: ChangeSet, request: dict[str, Any]) -> Options:
        disabled = bool(request.get("DisableRollback")) or one.options.disable_rollback
        return Options(
            on_failure="DO_NOTHING" if disabled else one.options.on_failure,
            retain_except_on_create=bool(request.get("RetainExceptOnCreate")),
        )


def _invalid_status(one: ChangeSet, verb: str) -> AwsError:
    status = one.status if one.status != "CREATE_COMPLETE" else one.execution
    return AwsError(
        "InvalidChangeSetStatus", f"ChangeSet [{one.id}] cannot be {verb} in its current status of [{status}]"
    )
