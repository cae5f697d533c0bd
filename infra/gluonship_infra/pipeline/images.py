"""AWS's MXNet Deep Learning Containers, whose line ends at 1.9.0 for Python 3.8, and where an image lies.

By the full name of their last build for SageMaker. AWS put its patches under that name too until it ended the
line; who wants to rely on nobody's word names an image of their own by its digest.

The account of AWS's images in each region is a fact that the CDK brings: a stack without a region gets a
mapping of all regions.
"""

from __future__ import annotations

from typing import Literal

import aws_cdk as cdk
from aws_cdk import region_info

VERSION = "1.9.0"
_GPU_FAMILIES = ("g", "p")
# As https://docs.aws.amazon.com/sagemaker/latest/dg/train-remote-decorator-customized.html lists them.
_BUILDS = {"cpu": "cpu-py38-ubuntu20.04", "gpu": "gpu-py38-cu112-ubuntu20.04"}


def mxnet_image(stack: cdk.Stack, purpose: Literal["training", "inference"], instance_type: str) -> str:
    """The image's URI in the stack's region, with CUDA where the instance type has a GPU."""
    account = stack.regional_fact(region_info.FactName.DLC_REPOSITORY_ACCOUNT)
    family = instance_type.removeprefix("ml.")
    processor = "gpu" if family.startswith(_GPU_FAMILIES) else "cpu"
    registry = f"{account}.dkr.ecr.{stack.region}.{stack.url_suffix}"
    return f"{registry}/mxnet-{purpose}:{VERSION}-{_BUILDS[processor]}-sagemaker"


def repository_arn(stack: cdk.Stack, image: str) -> str:
    """The ECR repository of an image's URI: ACCOUNT.dkr.ecr.REGION.SUFFIX/NAME:TAG or /NAME@DIGEST.

    An image that is a token as a whole, or lies elsewhere, gives all repositories of the stack's account.
    """
    registry, slash, name = image.partition("/")
    account = registry.partition(".dkr.ecr.")[0]
    repository = name.partition("@")[0].partition(":")[0]
    if not slash or account == registry or not repository or cdk.Token.is_unresolved(repository):
        account, repository = stack.account, "*"
    return stack.format_arn(service="ecr", account=account, resource="repository", resource_name=repository)
