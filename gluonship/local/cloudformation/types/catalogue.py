"""Every resource type that the local cloud has, and words for those that it has not."""

from __future__ import annotations

from collections.abc import Mapping

from gluonship.local.cloudformation.types import schema
from gluonship.local.cloudformation.types.declaration import ResourceType
from gluonship.local.cloudformation.types.services import (
    autoscaling,
    cdk,
    cloudwatch,
    ec2,
    ecr,
    events,
    iam,
    iot,
    kms,
    logs,
    s3,
    sagemaker,
    scheduler,
    secretsmanager,
    sns,
    sqs,
    ssm,
    stepfunctions,
)
from gluonship.local.cloudformation.types.validation import suggestion

_SERVICES = (
    autoscaling,
    cdk,
    cloudwatch,
    ec2,
    ecr,
    events,
    iam,
    iot,
    kms,
    logs,
    s3,
    sagemaker,
    scheduler,
    secretsmanager,
    sns,
    sqs,
    ssm,
    stepfunctions,
)
TYPES: Mapping[str, ResourceType] = {
    name: kind for service in _SERVICES for name, kind in sorted(service.TYPES.items())
}

PAGE = "docs/coverage-cloudformation.md"

# Types that a template for this kit may well name, with the reason and what to do instead. A name may be the
# start of several.
REFUSED: Mapping[str, str] = {
    "AWS::Lambda::": "Lambda code does not run here; Step Functions, SageMaker jobs and endpoints do",
    "AWS::DynamoDB::": "the local cloud keeps no tables",
    "AWS::SageMaker::Pipeline": "SageMaker Pipelines do not run here; Step Functions do",
    "AWS::GreengrassV2::": "no device connects to this cloud yet",
    "AWS::CloudFormation::CustomResource": "a custom resource needs Lambda, whose code does not run here",
    "AWS::Serverless::": "the macro AWS::Serverless-2016-10-31 makes it, and no macros run here",
    "Custom::": "a custom resource needs Lambda, whose code does not run here",
}


def unsupported(type_name: str) -> str:
    """Why a type is refused."""
    for start, why in REFUSED.items():
        if type_name.startswith(start):
            return f"Resource type {type_name} is not supported in the local cloud: {why}"
    if schema.load(type_name) is not None:
        return f"Resource type {type_name} is not supported in the local cloud: {PAGE} has those that are"
    near = suggestion(type_name, TYPES) or suggestion(type_name, schema.type_names())
    return f"Unrecognized resource type {type_name}: AWS has no such type{near}"
