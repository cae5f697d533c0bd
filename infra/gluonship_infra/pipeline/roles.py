"""Who may do what: a role for the machine, for training, for evaluation and for serving, each with the least.

SageMaker writes names in ARNs in lower case; what a pipeline makes begins with its stem, and so do the ARNs
here. Source of what each call needs of the role it is given:
https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from gluonship_infra import rules
from gluonship_infra.pipeline.images import repository_arn
from gluonship_infra.pipeline.parameters import SourceFile

_WILDCARDS = (
    "The objects of a folder in the project's own buckets and the log streams of a job have names that are "
    "known only when it runs; ecr:GetAuthorizationToken, cloudwatch:PutMetricData (limited to SageMaker's "
    "namespaces) and the network interfaces of a container in a VPC have no resource to name."
)


@dataclass(frozen=True)
class Roles:
    """The roles of one pipeline."""

    machine: iam.IRole
    training: iam.IRole
    evaluation: iam.IRole
    serving: iam.IRole


@dataclass(frozen=True)
class JobAccess:
    """What a SageMaker container's role may reach. `writes` and `reads` are folders of the models bucket."""

    data: s3.IBucket | None
    models: s3.IBucket
    reads: Sequence[str]
    writes: Sequence[str]
    code: SourceFile | None
    key: kms.IKey
    image: str
    log_group: str
    vpc: ec2.IVpc | None


def sagemaker_role(scope: Construct, id: str, description: str, access: JobAccess) -> iam.Role:
    """A role for SageMaker to run containers in."""
    stack = cdk.Stack.of(scope)
    role = iam.Role(
        scope,
        id,
        assumed_by=iam.ServicePrincipal(
            "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}
        ),
        description=description,
    )
    for statement in _statements(stack, access):
        role.add_to_policy(statement)
    rules.acknowledge(role, {"AwsSolutions-IAM5": _WILDCARDS})
    return role


def may(
    actions: Sequence[str], resources: Sequence[str], **conditions: Mapping[str, object]
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=list(actions), resources=list(resources), conditions=conditions or None
    )


def _statements(stack: cdk.Stack, access: JobAccess) -> list[iam.PolicyStatement]:
    buckets = [access.models.bucket_arn, *([access.data.bucket_arn] if access.data else [])]
    reads = [access.models.arn_for_objects(f"{path}/*") for path in (*access.reads, *access.writes)]
    if access.data:
        reads.append(access.data.arn_for_objects("*"))
    if access.code:
        code_bucket = f"arn:{stack.partition}:s3:::{access.code.bucket}"
        buckets.append(code_bucket)
        reads.append(f"{code_bucket}/{access.code.key}")
    logs = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"{access.log_group}*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    statements = [
        may(["s3:ListBucket", "s3:GetBucketLocation"], buckets),
        may(["s3:GetObject"], reads),
        may(
            ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:DescribeKey", "kms:CreateGrant"],
            [access.key.key_arn],
        ),
        may(["ecr:GetAuthorizationToken"], ["*"]),
        may(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [repository_arn(stack, access.image)],
        ),
        may(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [logs],
        ),
        may(["cloudwatch:PutMetricData"], ["*"], StringLike={"cloudwatch:namespace": "*/sagemaker/*"}),
    ]
    if access.writes:
        written = [access.models.arn_for_objects(f"{path}/*") for path in access.writes]
        statements.append(may(["s3:PutObject", "s3:AbortMultipartUpload"], written))
    if access.vpc:
        statements += _network_statements(stack)
    return statements


def _network_statements(stack: cdk.Stack) -> list[iam.PolicyStatement]:
    """Source: https://docs.aws.amazon.com/sagemaker/latest/dg/train-vpc.html"""
    interfaces = stack.format_arn(service="ec2", resource="network-interface", resource_name="*")
    return [
        may(
            [
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
            ],
            ["*"],
        ),
        may(["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterfacePermission"], [interfaces]),
    ]
