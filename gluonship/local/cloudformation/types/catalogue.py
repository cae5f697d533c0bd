"""Every resource type that the local cloud has, and words for those that it has not."""

from __future__ import annotations

from collections.abc import Mapping

from gluonship.local.cloudformation.types import schema
from gluonship.local.cloudformation.types.declaration import ResourceType
from gluonship.local.cloudformation.types.services import iam, s3, sns, ssm
from gluonship.local.cloudformation.types.validation import suggestion

TYPES: Mapping[str, ResourceType] = {**s3.TYPES, **iam.TYPES, **sns.TYPES, **ssm.TYPES}

# Types of AWS that a template for this kit may well name, with what to do instead.
_WHY = {
    "AWS::Lambda::": "Lambda code does not run here; Step Functions, SageMaker jobs and endpoints do",
    "AWS::DynamoDB::": "the local cloud keeps no tables",
    "AWS::SageMaker::Pipeline": "SageMaker Pipelines do not run here; Step Functions do",
    "AWS::CloudFormation::CustomResource": "a custom resource needs Lambda, whose code does not run here",
    "Custom::": "a custom resource needs Lambda, whose code does not run here",
}


def unsupported(type_name: str) -> str:
    """Why a type is refused."""
    for start, why in _WHY.items():
        if type_name.startswith(start):
            return f"Resource type {type_name} is not supported in the local cloud: {why}"
    if schema.load(type_name) is not None:
        return f"Resource type {type_name} is not supported in the local cloud"
    near = suggestion(type_name, TYPES) or suggestion(type_name, schema.type_names())
    return f"Unrecognized resource type {type_name}: AWS has no such type{near}"
