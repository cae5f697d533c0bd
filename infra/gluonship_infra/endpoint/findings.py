"""Exceptions from the account's rules that an endpoint needs, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from gluonship_infra.rules import acknowledge, acknowledge_wildcards

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


def acknowledge_statements(role: iam.IRole, statements: Sequence[iam.PolicyStatement]) -> None:
    """Excepts the role from IAM5 for exactly the wildcards of these statements."""
    acknowledge_wildcards(
        role,
        [(resource, _WILDCARDS.get(str(each.sid), "")) for each in statements for resource in each.resources],
    )
