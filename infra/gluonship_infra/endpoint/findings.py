"""Exceptions from the account's rules that an endpoint needs, each with its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from gluonship_infra.rules import acknowledge

_SERVERLESS = "SageMaker has no network isolation for serverless inference."
# By the Sid of the statement that holds the wildcard.
_WILDCARDS = {
    "LogInToRegistry": "No resource goes with ecr:GetAuthorizationToken: it is for the whole registry.",
    "PublishMetrics": "No resource goes with cloudwatch:PutMetricData; a condition names namespaces.",
    "LookAtVpc": "The Describe actions of EC2 have no resources, and SageMaker asks before it joins a VPC.",
    "WriteLogs": "SageMaker names log groups and streams, below /aws/sagemaker/Endpoints alone.",
    "WriteCapture": "SageMaker names captured objects by variant and hour, below the one prefix given.",
    "WriteAnswers": "SageMaker names answers and failures by inference, below the two prefixes given.",
    "ReadInputs": "Callers name their inputs, below the one prefix given.",
    "JoinVpc": "The interfaces have no names before they are made; the subnets and groups are named.",
    "KeepInterfaces": "The interfaces that SageMaker makes in the VPC have no names before they are made.",
    "WatchDeployments": "SageMaker asks for the states of alarms without naming them; this reads no more.",
}


def acknowledge_serverless(model: cdk.CfnResource) -> None:
    acknowledge(model, {"GluonShip::NetworkIsolation": _SERVERLESS})


def acknowledge_no_rollback(endpoint: cdk.CfnResource, reason: str) -> None:
    """With the reason of the one who declared it: a sentence, or WeakReason is raised."""
    acknowledge(endpoint, {"GluonShip::EndpointGuardrail": reason})


def acknowledge_wildcards(
    role: iam.IRole,
    statements: Sequence[iam.PolicyStatement],
    stack: cdk.Stack,
    reasons_by_sid: Mapping[str, str] = _WILDCARDS,
) -> None:
    """Excepts the role from IAM5 for exactly the wildcards of these statements."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for statement in statements:
        for resource in statement.resources:
            name = _named_by_nag(stack.resolve(_imported(resource, stack)))
            if "*" in name:
                reasons[f"AwsSolutions-IAM5[Resource::{name}]"].append(reasons_by_sid[str(statement.sid)])
    acknowledge(role, {rule: " ".join(dict.fromkeys(texts)) for rule, texts in reasons.items()})


def _imported(resource: str, stack: cdk.Stack) -> str:
    """The ARN with references to other stacks as the imports that they become at the end of the synthesis."""
    for token in cdk.Tokenization.reverse_string(resource).tokens:
        if not isinstance(token, cdk.Reference):
            continue
        owner = cdk.Stack.of(token.target)
        if owner.node.path != stack.node.path:
            resource = resource.replace(token.to_string(), owner.export_value(token))
    return resource


def _named_by_nag(value: Any) -> str:
    """A resolved ARN as cdk-nag writes it: <LogicalId.Attribute>, <Parameter>, an export's name."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        delimiter, parts = value["Fn::Join"]
        return str(delimiter).join(_named_by_nag(part) for part in parts)
    if "Fn::GetAtt" in value:
        return "<{}.{}>".format(*value["Fn::GetAtt"])
    if "Fn::ImportValue" in value:
        return _named_by_nag(value["Fn::ImportValue"])
    return f"<{value['Ref']}>"
