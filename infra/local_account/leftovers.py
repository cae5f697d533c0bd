"""What stacks do not delete by themselves: what the pipeline made, and what buckets hold."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from gluonship.aws.errors import is_missing
from gluonship.cli.problems import Problem

_CHANGING = ("Creating", "Updating", "SystemUpdating", "RollingBack")
_SETTLE_SECONDS = 600.0
_POLL_SECONDS = 1.0


def stop_runs(stepfunctions: Any, machine: str, say: Callable[[str], None]) -> None:
    """Ends what still runs of the pipeline: it would go on to make what is being deleted."""
    pages = stepfunctions.get_paginator("list_executions").paginate(
        stateMachineArn=machine, statusFilter="RUNNING"
    )
    for execution in [each["executionArn"] for page in pages for each in page["executions"]]:
        stepfunctions.stop_execution(executionArn=execution, cause="The account is destroyed.")
        say(f"stopped the run {execution.rpartition(':')[2]}")


def delete_endpoint(sagemaker: Any, name: str, prefix: str, say: Callable[[str], None]) -> None:
    """The endpoint, and every config and model that the pipeline of this prefix has made.

    An endpoint that is being created or updated is waited for, as SageMaker deletes none of those.
    """
    deadline = time.monotonic() + _SETTLE_SECONDS
    try:
        while (status := sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]) in _CHANGING:
            if time.monotonic() > deadline:
                raise Problem(f"the endpoint {name} is {status} for more than {_SETTLE_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)
        sagemaker.delete_endpoint(EndpointName=name)
        sagemaker.get_waiter("endpoint_deleted").wait(
            EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )
        say(f"endpoint {name}")
    except ClientError as error:
        if not is_missing(error):
            raise
    for config in _named(sagemaker, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName", prefix):
        sagemaker.delete_endpoint_config(EndpointConfigName=config)
        say(f"endpoint config {config}")
    for model in _named(sagemaker, "list_models", "Models", "ModelName", prefix):
        sagemaker.delete_model(ModelName=model)
        say(f"model {model}")


def delete_packages(sagemaker: Any, group: str, say: Callable[[str], None]) -> None:
    """Every version of a model package group, which cannot be deleted before."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    try:
        arns = [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]]
    except ClientError as error:
        if not is_missing(error):
            raise
        return
    for arn in arns:
        sagemaker.delete_model_package(ModelPackageName=arn)
        say(f"model package {arn.rpartition('package/')[2]}")


def stop_logging(s3: Any, bucket: str) -> None:
    """Ends a bucket's access log: its own deletion would be written to a log that is to be empty."""
    with _there_or_not():
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})


def empty(s3: Any, bucket: str) -> int:
    """Deletes every version of every object; the number of versions. A bucket that is gone is empty."""
    with _there_or_not():
        return _emptied(s3, bucket)
    return 0


def _emptied(s3: Any, bucket: str) -> int:
    deleted = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            deleted += len(found)
    return deleted


@contextmanager
def _there_or_not() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise


def _named(sagemaker: Any, operation: str, member: str, name: str, prefix: str) -> list[str]:
    pages = sagemaker.get_paginator(operation).paginate(NameContains=prefix)
    names = [each[name] for page in pages for each in page[member]]
    # As the pipeline names them, so that "shop" takes nothing of "shop-2" away.
    ours = re.compile(rf"{re.escape(prefix)}-\d{{14}}-[0-9a-f]+")
    return [each for each in names if ours.fullmatch(each)]
