"""What SageMaker may do for an endpoint: pull its image, read its model, write what it must, no more.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createmodel-perms
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from gluonship_infra.endpoint.asynchronous import AsyncInference
from gluonship_infra.endpoint.data_capture import DataCapture
from gluonship_infra.endpoint.models import ModelData
from gluonship_infra.endpoint.variants import Variant

_COLON = cdk.ArnFormat.COLON_RESOURCE_NAME
_READ_KEY = ("kms:Decrypt",)
_WRITE_KEY = ("kms:Decrypt", "kms:GenerateDataKey")
_METRIC_NAMESPACES = ("AWS/SageMaker", "/aws/sagemaker/*", "aws/sagemaker/*")


def execution_role(scope: Construct, id: str) -> iam.Role:
    return iam.Role(
        scope,
        id,
        assumed_by=iam.ServicePrincipal(
            "sagemaker.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(scope).account}},
        ),
        description="What SageMaker may do to serve the models of one endpoint",
    )


def for_images(variants: Sequence[Variant]) -> Iterator[iam.PolicyStatement]:
    repositories = sorted({variant.model.image.repository_arn for variant in variants})
    pull = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    yield _allowing(pull, repositories, sid="PullImages")
    yield _allowing(("ecr:GetAuthorizationToken",), ["*"], sid="LogInToRegistry")


def for_model_data(data: Sequence[ModelData]) -> Iterator[iam.PolicyStatement]:
    if data:
        objects = [each.bucket.arn_for_objects(each.key) for each in data]
        yield _allowing(("s3:GetObject",), list(dict.fromkeys(objects)), sid="ReadModels")
    for bucket in {each.bucket.node.path: each.bucket for each in data}.values():
        yield from _using(_key_of(bucket), _READ_KEY)


def for_logs_and_metrics(stack: cdk.Stack) -> Iterator[iam.PolicyStatement]:
    groups = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name="/aws/sagemaker/Endpoints/*",
        arn_format=_COLON,
    )
    write = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
    yield _allowing(write, [groups], sid="WriteLogs")
    yield iam.PolicyStatement(
        sid="PublishMetrics",
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],
        conditions={"StringLike": {"cloudwatch:namespace": list(_METRIC_NAMESPACES)}},
    )


def for_volumes(key: kms.IKey) -> Iterator[iam.PolicyStatement]:
    """Disks are encrypted by a grant that SageMaker hands on to EC2."""
    actions = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"]
    yield iam.PolicyStatement(actions=actions, resources=[key.key_arn])
    yield iam.PolicyStatement(
        sid="EncryptVolumes",
        actions=["kms:CreateGrant"],
        resources=[key.key_arn],
        conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
    )


def for_data_capture(capture: DataCapture, key: kms.IKey) -> Iterator[iam.PolicyStatement]:
    objects = capture.bucket.arn_for_objects(f"{capture.prefix}/*")
    yield _allowing(("s3:PutObject",), [objects], sid="WriteCapture")
    yield from _using(capture.key or key, _WRITE_KEY)


def for_async_inference(asynchronous: AsyncInference, key: kms.IKey) -> Iterator[iam.PolicyStatement]:
    bucket = asynchronous.output_bucket
    prefixes = (asynchronous.output_prefix, asynchronous.failure_prefix)
    outputs = [bucket.arn_for_objects(f"{prefix}/*") for prefix in prefixes]
    inputs = asynchronous.inputs.arn_for_objects(f"{asynchronous.input_prefix}/*")
    yield _allowing(("s3:PutObject", "s3:AbortMultipartUpload"), outputs, sid="WriteAnswers")
    yield _allowing(("s3:GetObject",), [inputs], sid="ReadInputs")
    yield from _using(asynchronous.key or key, _WRITE_KEY)
    yield from _using(_key_of(asynchronous.inputs), _READ_KEY)
    if asynchronous.topics:
        arns = [topic.topic_arn for topic in asynchronous.topics]
        yield _allowing(("sns:Publish",), list(dict.fromkeys(arns)), sid="SendNotices")
    for topic in asynchronous.topics:
        yield from _using(topic.master_key, _WRITE_KEY)


def for_rollback(stack: cdk.Stack) -> Iterator[iam.PolicyStatement]:
    """Reading alarms: CloudWatch checks DescribeAlarms against all of an account's alarms in a region.
    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html"""
    alarms = stack.format_arn(service="cloudwatch", resource="alarm", resource_name="*", arn_format=_COLON)
    yield _allowing(("cloudwatch:DescribeAlarms",), [alarms], sid="WatchDeployments")


def for_vpc(
    stack: cdk.Stack, subnet_ids: Sequence[str], security_groups: Sequence[ec2.ISecurityGroup]
) -> Iterator[iam.PolicyStatement]:
    """Network interfaces in these subnets, with these groups.
    https://docs.aws.amazon.com/sagemaker/latest/dg/host-vpc.html"""
    interfaces = _ec2_arn(stack, "network-interface", "*")
    subnets = [_ec2_arn(stack, "subnet", subnet) for subnet in subnet_ids]
    groups = [_ec2_arn(stack, "security-group", group.security_group_id) for group in security_groups]
    yield _allowing(("ec2:CreateNetworkInterface",), [interfaces, *subnets, *groups], sid="JoinVpc")
    change = (
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
    )
    yield _allowing(change, [interfaces], sid="KeepInterfaces")
    look = ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")
    yield _allowing([f"ec2:Describe{what}" for what in look], ["*"], sid="LookAtVpc")


def _allowing(actions: Sequence[str], resources: Sequence[str], sid: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=list(actions), resources=list(resources))


def _using(key: kms.IKey | None, actions: Sequence[str]) -> Iterator[iam.PolicyStatement]:
    if key is not None:
        yield iam.PolicyStatement(actions=list(actions), resources=[key.key_arn])


def _key_of(bucket: s3.IBucket) -> kms.IKey | None:
    return bucket.encryption_key


def _ec2_arn(stack: cdk.Stack, resource: str, name: str) -> str:
    return stack.format_arn(service="ec2", resource=resource, resource_name=name)
