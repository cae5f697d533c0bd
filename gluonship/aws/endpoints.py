"""Endpoints: a model, an endpoint config and an endpoint, made, updated and deleted together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal, cast

from botocore.exceptions import BotoCoreError, ClientError

from gluonship.aws import names
from gluonship.aws.errors import OperationFailed, is_missing
from gluonship.aws.log_lines import endpoint_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sagemaker.literals import ProductionVariantInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef

    from gluonship.aws.account import Account

VARIANT = "AllTraffic"

SERVING_ENVIRONMENT: Mapping[str, str] = {
    # Where AWS's MXNet container finds an artifact's own handler.
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
}


@dataclass(frozen=True)
class EndpointPlan:
    """One endpoint with one variant."""

    name: str
    model_data: str  # model.tar.gz, an S3 URI
    image: str
    role: str  # its ARN
    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    environment: Mapping[str, str] = field(default_factory=lambda: SERVING_ENVIRONMENT)


@dataclass(frozen=True)
class Deployment:
    """What was made for an endpoint; the model and its config have the same name."""

    endpoint: str
    version: str
    change: Literal["created", "updated"]


def deploy(account: Account, plan: EndpointPlan) -> Deployment:
    """Makes a model and a config of a new name, and creates the endpoint or updates it to them.

    Returns at once: `wait` follows. An endpoint whose creation had failed, which AWS cannot update, is
    deleted and made anew. Raises OperationFailed where it is being changed by another call.
    """
    sagemaker = account.sagemaker
    current = describe(account, plan.name)
    if current and current["EndpointStatus"] not in ("InService", "Failed", "OutOfService"):
        raise OperationFailed(
            f"The endpoint '{plan.name}' is {current['EndpointStatus']}: wait until it is InService, then "
            "deploy again."
        )
    version = names.unique(plan.name)
    try:
        sagemaker.create_model(
            ModelName=version,
            ExecutionRoleArn=plan.role,
            PrimaryContainer={
                "Image": plan.image,
                "ModelDataUrl": plan.model_data,
                "Environment": dict(plan.environment),
            },
        )
        sagemaker.create_endpoint_config(
            EndpointConfigName=version,
            ProductionVariants=[
                {
                    "VariantName": VARIANT,
                    "ModelName": version,
                    "InitialInstanceCount": plan.instance_count,
                    "InstanceType": cast("ProductionVariantInstanceTypeType", plan.instance_type),
                    "InitialVariantWeight": 1.0,
                }
            ],
        )
        if current and current["EndpointStatus"] == "Failed":
            sagemaker.delete_endpoint(EndpointName=plan.name)
            wait_until_gone(account, plan.name)
            current = None
        if current:
            sagemaker.update_endpoint(EndpointName=plan.name, EndpointConfigName=version)
        else:
            sagemaker.create_endpoint(EndpointName=plan.name, EndpointConfigName=version)
    except (ClientError, BotoCoreError):
        _delete_versions(account, [version])
        raise
    return Deployment(plan.name, version, "updated" if current else "created")


def describe(account: Account, name: str) -> DescribeEndpointOutputTypeDef | None:
    """None where there is no such endpoint."""
    try:
        return account.sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if is_missing(error):
            return None
        raise


def wait(account: Account, deployment: Deployment, on_status: Callable[[str], None]) -> None:
    """Waits until the deployment serves; `on_status` gets each new status of the endpoint.

    Raises OperationFailed where it does not come up. An update that failed leaves the version before it
    serving, and its own model and config are deleted.
    """
    name, last = deployment.endpoint, ""
    while True:
        endpoint = account.sagemaker.describe_endpoint(EndpointName=name)
        status = endpoint["EndpointStatus"]
        if status != last:
            on_status(status)
            last = status
        if status == "InService" and endpoint["EndpointConfigName"] == deployment.version:
            return
        if status in ("InService", "Failed", "OutOfService", "UpdateRollbackFailed"):
            break
        time.sleep(account.poll_seconds)
    reason = endpoint.get("FailureReason", "No reason was given.").rstrip()
    if status == "InService":
        _delete_versions(account, [deployment.version])
        raise OperationFailed(f"The endpoint '{name}' could not be updated, and serves as before. {reason}")
    raise OperationFailed(
        f"The endpoint '{name}' did not come up ({status}). {reason} "
        f"Its log is in the CloudWatch group {endpoint_group(name)}."
    )


def delete(account: Account, name: str) -> list[str]:
    """Deletes the endpoint and every config and model made for it; returns what was deleted, in words.

    Raises OperationFailed where there is nothing of that name.
    """
    endpoint = describe(account, name)
    versions = _versions(account, name)
    deleted = []
    if endpoint:
        used = endpoint["EndpointConfigName"]
        versions = list(dict.fromkeys([used, *versions]))
        models = _models_of(account, used)
        account.sagemaker.delete_endpoint(EndpointName=name)
        wait_until_gone(account, name)
        deleted.append(f"endpoint {name}")
    else:
        models = []
    deleted += _delete_versions(account, versions, models)
    if not deleted:
        raise OperationFailed(f"There is no endpoint '{name}' in {account.region}.")
    return deleted


def wait_until_gone(account: Account, name: str) -> None:
    while describe(account, name):
        time.sleep(account.poll_seconds)


def _versions(account: Account, endpoint: str) -> list[str]:
    pages = account.sagemaker.get_paginator("list_endpoint_configs").paginate(
        NameContains=names.stem(endpoint)
    )
    found = [config["EndpointConfigName"] for page in pages for config in page["EndpointConfigs"]]
    return [name for name in found if names.made_from(name, endpoint)]


def _models_of(account: Account, config: str) -> list[str]:
    try:
        described = account.sagemaker.describe_endpoint_config(EndpointConfigName=config)
    except ClientError as error:
        if is_missing(error):
            return []
        raise
    return [variant["ModelName"] for variant in described["ProductionVariants"] if "ModelName" in variant]


def _delete_versions(account: Account, versions: list[str], models: list[str] | None = None) -> list[str]:
    """Deletes configs and models of these names, as far as they exist."""
    sagemaker = account.sagemaker
    deleted = []
    for name in versions:
        if _existed(partial(sagemaker.delete_endpoint_config, EndpointConfigName=name)):
            deleted.append(f"endpoint config {name}")
    for name in dict.fromkeys([*versions, *(models or [])]):
        if _existed(partial(sagemaker.delete_model, ModelName=name)):
            deleted.append(f"model {name}")
    return deleted


def _existed(delete: Callable[[], object]) -> bool:
    try:
        delete()
    except ClientError as error:
        if is_missing(error):
            return False
        raise
    return True
