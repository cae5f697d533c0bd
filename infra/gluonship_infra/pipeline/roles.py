"""Who may do what: a role for the machine and for each kind of what it starts, each with the least.

SageMaker writes names in ARNs in lower case; what a pipeline makes begins with its stem, and so do the ARNs
here. Source of what each call needs of the role it is given:
https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from gluonship_infra.pipeline.images import repository_arn
from gluonship_infra.pipeline.parameters import Network, SourceFile
from gluonship_infra.pipeline.permissions import Permission, grant, grants_for_services, look_at_alarms


@dataclass(frozen=True)
class Roles:
    """The roles of one pipeline; `compilation` where there are targets to compile for."""

    machine: iam.IRole
    training: iam.IRole
    evaluation: iam.IRole
    serving: iam.IRole
    compilation: iam.IRole | None = None


@dataclass(frozen=True)
class JobAccess:
    """What a container's role may reach. `reads` and `writes` are key patterns of the models bucket. Without
    an image, the container is AWS's own."""

    models: s3.IBucket
    key: kms.IKey
    image: str | None = None
    network: Network | None = None
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
    writing = ["kms:Encrypt", "kms:GenerateDataKey"] if access.writes else []
    yield Permission(
        ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", *writing],
        [access.key.key_arn],
    )
    yield grants_for_services(access.key)
    if access.image is not None:
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
    if access.network:
        yield from _network(stack, access.network)


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
        yield Permission(
            ["s3:GetObject"],
            [f"{bucket}/*{PurePosixPath(access.code.key).suffix}"],
            "An execution keeps the definition that it began with, and so the name that the code had then.",
        )
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


def _network(stack: cdk.Stack, network: Network) -> Iterator[Permission]:
    """Source: https://docs.aws.amazon.com/sagemaker/latest/dg/train-vpc.html; of the resources,
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    """

    def arn(resource: str, name: str) -> str:
        return stack.format_arn(service="ec2", resource=resource, resource_name=name)

    interfaces = arn("network-interface", "*")
    unnamed = "The interfaces that SageMaker makes in the VPC have no names before they are made."
    yield Permission(
        ["ec2:CreateNetworkInterface"],
        [
            interfaces,
            *[arn("subnet", subnet) for subnet in network.subnets],
            *[arn("security-group", group) for group in network.security_groups],
        ],
        unnamed,
    )
    yield Permission(
        [
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
        ],
        [interfaces],
        unnamed,
    )
    yield Permission(
        [
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ],
        ["*"],
        "No resource goes with a look at the VPC.",
    )


def _arn(stack: cdk.Stack, service: str, resource: str, name: str) -> str:
    return stack.format_arn(
        service=service,
        resource=resource,
        resource_name=name,
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
