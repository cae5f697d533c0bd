"""What a role may do, each permission with the reason for the wildcard that it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from gluonship_infra import rules


@dataclass(frozen=True)
class Permission:
    """Actions on resources; `because` says why a resource has a wildcard, and is a whole sentence."""

    actions: Sequence[str]
    resources: Sequence[str]
    because: str = ""
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def statement(self) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            actions=list(self.actions), resources=list(self.resources), conditions=self.conditions or None
        )


def grant(role: iam.Role, permissions: Iterable[Permission]) -> None:
    """Gives the permissions, and excepts the role from the rule for exactly their wildcards.

    Raises WeakReason for a wildcard without a reason.
    """
    needed = list(permissions)
    for permission in needed:
        role.add_to_policy(permission.statement())
    rules.acknowledge_wildcards(
        role, [(resource, each.because) for each in needed for resource in each.resources]
    )


def grants_for_services(key: kms.IKey) -> Permission:
    """To let AWS's services use the key for volumes, by grants that SageMaker hands on to them, and nobody
    else. Source: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    """
    return Permission(
        ["kms:CreateGrant"], [key.key_arn], conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}}
    )


def look_at_alarms(stack: cdk.Stack) -> Permission:
    """To ask for the states of alarms, whichever they are."""
    alarms = stack.format_arn(
        service="cloudwatch",
        resource="alarm",
        resource_name="*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    return Permission(
        ["cloudwatch:DescribeAlarms"],
        [alarms],
        "CloudWatch checks it against all alarms of the region, whichever are asked for.",
    )
