"""Stacks, resources and events in the words of the Describe and List operations."""

from __future__ import annotations

import json
from typing import Any

from gluonship.local.cloudformation.stacks.events import StackEvent
from gluonship.local.cloudformation.stacks.state import Resource, Revision, Stack
from gluonship.local.cloudformation.template.values import text

_NOT_CHECKED = {"StackDriftStatus": "NOT_CHECKED"}
_RESOURCE_NOT_CHECKED = {"StackResourceDriftStatus": "NOT_CHECKED"}


def present(**members: Any) -> dict[str, Any]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def parameters(revision: Revision) -> list[dict[str, str]]:
    """As they were given; NoEcho ones are never shown."""
    rows = []
    for name, value in revision.parameters.given.items():
        hidden = revision.template.no_echo(name)
        row = {"ParameterKey": name, "ParameterValue": "****" if hidden else text(value)}
        if name in revision.parameters.resolved and not hidden:
            row["ResolvedValue"] = revision.parameters.resolved[name]
        rows.append(row)
    return rows


def tags(revision: Revision) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in revision.tags.items()]


def stack(one: Stack) -> dict[str, Any]:
    revision = one.revision
    return present(
        StackId=one.id,
        StackName=one.name,
        ChangeSetId=one.change_set_id,
        Description=revision.template.description if revision else None,
        Parameters=parameters(revision) if revision else [],
        CreationTime=one.created,
        LastUpdatedTime=one.updated,
        DeletionTime=one.deleted,
        RollbackConfiguration={},
        StackStatus=one.status,
        StackStatusReason=one.reason,
        DisableRollback=one.options.disable_rollback,
        NotificationARNs=list(revision.notification_arns) if revision else [],
        TimeoutInMinutes=one.timeout_minutes,
        Capabilities=list(revision.capabilities) if revision else [],
        Outputs=outputs(one),
        RoleARN=revision.role_arn if revision else None,
        Tags=tags(revision) if revision else [],
        EnableTerminationProtection=one.protected,
        ParentId=one.parent_id,
        RootId=one.root_id,
        DriftInformation=_NOT_CHECKED,
        RetainExceptOnCreate=one.options.retain_except_on_create,
        DeletionMode=one.deletion_mode,
        LastOperations=[
            {"OperationType": kind, "OperationId": operation_id}
            for operation_id, kind in reversed(one.operations[-2:])
        ],
    )


def outputs(one: Stack) -> list[dict[str, str]]:
    return [
        present(
            OutputKey=output.key,
            OutputValue=output.value,
            Description=output.description,
            ExportName=output.export_name,
        )
        for output in one.outputs
    ]


def stack_summary(one: Stack) -> dict[str, Any]:
    return present(
        StackId=one.id,
        StackName=one.name,
        TemplateDescription=one.template.description if one.template else None,
        CreationTime=one.created,
        LastUpdatedTime=one.updated,
        DeletionTime=one.deleted,
        StackStatus=one.status,
        StackStatusReason=one.reason,
        ParentId=one.parent_id,
        RootId=one.root_id,
        DriftInformation=_NOT_CHECKED,
    )


def resources(one: Stack) -> list[Resource]:
    """What a stack has; of a stack that is gone, what it had."""
    had = one.gone if one.status in ("DELETE_COMPLETE", "ROLLBACK_COMPLETE") else {}
    return list({**had, **one.resources}.values())


def resource_row(resource: Resource) -> dict[str, Any]:
    return present(
        LogicalResourceId=resource.logical_id,
        PhysicalResourceId=resource.physical_id,
        ResourceType=resource.type,
        ResourceStatus=resource.status,
        ResourceStatusReason=resource.reason,
        DriftInformation=_RESOURCE_NOT_CHECKED,
    )


def resource_metadata(resource: Resource) -> str:
    return json.dumps(resource.metadata, default=str)


def event(one: StackEvent) -> dict[str, Any]:
    return present(
        StackId=one.stack_id,
        EventId=one.id,
        StackName=one.stack_name,
        OperationId=one.operation_id,
        LogicalResourceId=one.logical_id,
        PhysicalResourceId=one.physical_id,
        ResourceType=one.type,
        Timestamp=one.time,
        ResourceStatus=one.status,
        ResourceStatusReason=one.reason,
        ResourceProperties=one.properties,
        ClientRequestToken=one.token,
    )
