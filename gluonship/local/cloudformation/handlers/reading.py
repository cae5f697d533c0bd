"""Operations that only read stacks."""

from __future__ import annotations

from typing import Any

from gluonship.local.cloudformation import descriptions
from gluonship.local.cloudformation.change_sets import EARLY_VALIDATION, ChangeSet
from gluonship.local.cloudformation.descriptions import present
from gluonship.local.cloudformation.handlers.engine import Engine
from gluonship.local.cloudformation.paging import page
from gluonship.local.cloudformation.stacks.events import StackEvent
from gluonship.local.cloudformation.stacks.register import validation_error
from gluonship.local.cloudformation.stacks.state import Resource, Stack
from gluonship.local.contracts import Handler, Scope


class ReadingHandlers:
    def __init__(self, engine: Engine) -> None:
        self._register = engine.context.register
        self._sets = engine.change_sets

    def operations(self) -> dict[str, Handler]:
        return {
            "DescribeEvents": self.describe_events,
            "DescribeStackEvents": self.describe_stack_events,
            "DescribeStackResource": self.describe_stack_resource,
            "DescribeStackResources": self.describe_stack_resources,
            "DescribeStacks": self.describe_stacks,
            "ListExports": self.list_exports,
            "ListHookResults": self.list_hook_results,
            "ListImports": self.list_imports,
            "ListStackResources": self.list_stack_resources,
            "ListStacks": self.list_stacks,
        }

    def describe_stacks(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        with self._register.lock:
            if request.get("StackName"):
                return {"Stacks": [descriptions.stack(self._register.get(scope, request["StackName"]))]}
            rows = [descriptions.stack(stack) for stack in self._register.all(scope) if stack.exists]
        return page("Stacks", rows, request)

    def list_stacks(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request.get("StackStatusFilter") or []
        with self._register.lock:
            rows = [
                descriptions.stack_summary(stack)
                for stack in self._register.all(scope)
                if not wanted or stack.status in wanted
            ]
        return page("StackSummaries", rows, request)

    # --- events ------------------------------------------------------------------------------------------

    def describe_stack_events(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        events = self._register.get(scope, request["StackName"]).events.newest_first()
        answer = page("StackEvents", events, request)
        return {**answer, "StackEvents": [descriptions.event(event) for event in answer["StackEvents"]]}

    def describe_events(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        failed_only = bool((request.get("Filters") or {}).get("FailedEvents"))
        name, stack_name = request.get("ChangeSetName"), request.get("StackName")
        operation_id = request.get("OperationId")
        if name:
            rows = _refusals(self._sets.get(scope, name, stack_name))
        elif stack_name:
            events = self._register.get(scope, stack_name).events.newest_first()
            rows = [
                _operation_event(event)
                for event in events
                if operation_id in (None, event.operation_id)
                and (not failed_only or event.status.endswith("_FAILED"))
            ]
        elif operation_id:
            rows = [
                _operation_event(event)
                for stack in self._register.all(scope)
                for event in stack.events.newest_first()
                if event.operation_id == operation_id
                and (not failed_only or event.status.endswith("_FAILED"))
            ]
        else:
            raise validation_error("StackName, ChangeSetName or OperationId must be specified")
        return page("OperationEvents", rows, request)

    # --- resources ---------------------------------------------------------------------------------------

    def describe_stack_resource(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        stack = self._register.get(scope, request["StackName"])
        resource = self._resource(stack, request["LogicalResourceId"])
        detail = {
            "StackName": stack.name,
            "StackId": stack.id,
            **descriptions.resource_row(resource),
            "LastUpdatedTimestamp": resource.updated,
            "Metadata": descriptions.resource_metadata(resource),
        }
        return {"StackResourceDetail": detail}

    def describe_stack_resources(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request.get("LogicalResourceId")
        stack = self._stack_of(scope, request)
        if wanted:
            resources = [self._resource(stack, wanted)]
        else:
            with self._register.lock:
                resources = descriptions.resources(stack)
        rows = [
            {
                "StackName": stack.name,
                "StackId": stack.id,
                **descriptions.resource_row(resource),
                "Timestamp": resource.updated,
            }
            for resource in resources
        ]
        return {"StackResources": rows[:100]}

    def list_stack_resources(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        stack = self._register.get(scope, request["StackName"])
        with self._register.lock:
            resources = descriptions.resources(stack)
        rows = [
            {**descriptions.resource_row(resource), "LastUpdatedTimestamp": resource.updated}
            for resource in resources
        ]
        return page("StackResourceSummaries", rows, request)

    def _stack_of(self, scope: Scope, request: dict[str, Any]) -> Stack:
        name, physical_id = request.get("StackName"), request.get("PhysicalResourceId")
        if name:
            return self._register.get(scope, name)
        if not physical_id:
            raise validation_error("StackName or PhysicalResourceId must be specified")
        for stack in self._register.all(scope):
            if stack.exists and any(one.physical_id == physical_id for one in stack.resources.values()):
                return stack
        raise validation_error(f"Stack for {physical_id} does not exist")

    def _resource(self, stack: Stack, logical_id: str) -> Resource:
        with self._register.lock:
            found = [one for one in descriptions.resources(stack) if one.logical_id == logical_id]
        if not found:
            raise validation_error(f"Resource {logical_id} does not exist for stack {stack.name}")
        return found[0]

    # --- exports and hooks -------------------------------------------------------------------------------

    def list_exports(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        rows = [
            {"ExportingStackId": export.stack.id, "Name": export.name, "Value": export.value}
            for _, export in sorted(self._register.exports(scope).items())
        ]
        return page("Exports", rows, request)

    def list_imports(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ExportName"]
        users = [stack.name for stack in self._register.importers(scope, name)]
        if not users:
            raise validation_error(f"Export '{name}' is not imported by any stack.")
        return page("Imports", users, request)

    def list_hook_results(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """This cloud has no hooks; the CDK's CLI asks for their results after a failed change set."""
        return {"HookResults": []}


def _operation_event(event: StackEvent) -> dict[str, Any]:
    own = event.physical_id == event.stack_id
    failed = event.status.endswith("_FAILED") and not own
    members = descriptions.event(event)
    del members["StackName"]
    return {**members, "EventType": "PROVISIONING_ERROR" if failed else "STACK_EVENT"}


def _refusals(one: ChangeSet) -> list[dict[str, Any]]:
    """Why a change set failed, resource by resource: what AWS calls early validation."""
    return [
        present(
            EventId=f"{one.id}/{number}",
            StackId=one.stack.id,
            OperationType="CREATE_CHANGESET",
            OperationStatus="FAILED",
            EventType="VALIDATION_ERROR",
            LogicalResourceId=refusal.logical_id or one.stack.name,
            PhysicalResourceId="",
            ResourceType=refusal.type or "AWS::CloudFormation::Stack",
            Timestamp=one.created,
            ValidationFailureMode="FAIL",
            ValidationName=EARLY_VALIDATION,
            ValidationStatus="FAILED",
            ValidationStatusReason=refusal.message,
            ValidationPath=f"/Resources/{refusal.logical_id}" if refusal.logical_id else "/",
        )
        for number, refusal in enumerate(one.plan.refused)
    ]
