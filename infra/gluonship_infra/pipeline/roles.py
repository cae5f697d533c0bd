"""Who may do what: a role for the machine, for training, for evaluation and for serving, each with the least.

SageMaker writes names in ARNs in lower case; what a pipeline makes begins with its stem, and so do the ARNs
here. Source of what each call needs of the role it is given:
https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from gluonship_infra.pipeline.images import repository_arn
from gluonship_infra.pipeline.parameters import SourceFile
from gluonship_infra.pipeline.permissions import Permission, grant, look_at_alarms


@dataclass(frozen=True)
class Roles:
    """The roles of one pipeline."""

    machine: iam.IRole
    training: iam.IRole
    evaluation: iam.IRole
    serving: iam.IRole


@dataclass(frozen=True)
class JobAccess:
    """What a container's role may reach. `reads` and `writes` are key patterns of the models bucket."""

    models: s3.IBucket
    key: kms.IKey
    image: str
    in_vpc: bool
    data: s3.IBucket | None = None
    code: SourceFile | None = None
    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    log_group: str = ""
    watches_alarms: bool = False


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
    grant(role, _permissions(stack, access))
    return role


def _permissions(stack: cdk.Stack, access: JobAccess) -> Iterator[Permission]:
    yield from _storage(stack, access)
    yield Permission(
        ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:DescribeKey", "kms:CreateGrant"],
        [access.key.key_arn],
    )
    yield Permission(
        ["ecr:GetAuthorizationToken"], ["*"], "No resource goes with it: it is for the whole registry."
    )
    yield Permission(
        ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        [repository_arn(stack, access.image)],
        "The image's repository is known only when the stack is deployed.",
    )
    yield Permission(
        ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        [_arn(stack, "logs", "log-group", f"{access.log_group}*")],
        "SageMaker names log groups and streams by job and instance, below this prefix alone.",
    )
    yield Permission(
        ["cloudwatch:PutMetricData"],
        ["*"],
        "No resource goes with it; a condition names SageMaker's namespaces.",
        {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*", "AWS/SageMaker"]}},
    )
    if access.watches_alarms:
        yield look_at_alarms(stack)
    if access.in_vpc:
        yield from _network(stack)


def _storage(stack: cdk.Stack, access: JobAccess) -> Iterator[Permission]:
    buckets = [access.models.bucket_arn]
    if access.data:
        buckets.append(access.data.bucket_arn)
        yield Permission(
            ["s3:GetObject"],
            [access.data.arn_for_objects("*")],
            "An execution names its data set, which may be anywhere in the data bucket.",
        )
    if access.code:
        bucket = f"arn:{stack.partition}:s3:::{access.code.bucket}"
        buckets.append(bucket)
        yield Permission(["s3:GetObject"], [f"{bucket}/{access.code.key}"])
    yield Permission(["s3:ListBucket", "s3:GetBucketLocation"], buckets)
    yield Permission(
        ["s3:GetObject"],
        [access.models.arn_for_objects(keys) for keys in (*access.reads, *access.writes)],
        "Objects are named by run, below the folders that this role needs.",
    )
    if access.writes:
        yield Permission(
            ["s3:PutObject", "s3:AbortMultipartUpload"],
            [access.models.arn_for_objects(keys) for keys in access.writes],
            "Objects are named by run, below the folders that this role writes.",
        )


def _network(stack: cdk.Stack) -> Iterator[Permission]:
    """Source: https://docs.aws.amazon.com/sagemaker/latest/dg/train-vpc.html"""
    yield Permission(
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
        "SageMaker looks at the VPC and joins it by interfaces that have no names before they are made.",
    )
    yield Permission(
        ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterfacePermission"],
        [stack.format_arn(service="ec2", resource="network-interface", resource_name="*")],
        "The interfaces that SageMaker makes in the VPC have no names before they are made.",
    )


def _arn(stack: cdk.Stack, service: str, resource: str, name: str) -> str:
    return stack.format_arn(
        service=service,
        resource=resource,
        resource_name=name,
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
