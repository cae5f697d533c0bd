"""What stacks do not delete by themselves: what the pipeline made, and what buckets hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError


def delete_endpoint(sagemaker: Any, name: str, prefix: str, say: Callable[[str], None]) -> None:
    """The endpoint, and every config and model whose name begins as the pipeline's do."""
    try:
        sagemaker.delete_endpoint(EndpointName=name)
        sagemaker.get_waiter("endpoint_deleted").wait(
            EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )
        say(f"endpoint {name}")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
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
        if error.response["Error"]["Code"] != "ValidationException":
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
    return [each for each in names if each.startswith(f"{prefix}-")]
