"""A model's way through the registry, by boto3 over the wire."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_clouds import LocalCloud

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-inference:1.9.0-cpu-py38"
ROLE = "arn:aws:iam::123456789012:role/nobody-checks-me"


def refusal(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["RetryAttempts"]


def test_from_registration_to_a_model(cloud: LocalCloud) -> None:
    client = cloud.client("sagemaker")
    group = f"pets-{uuid.uuid4().hex[:8]}"
    client.create_model_package_group(ModelPackageGroupName=group, Tags=[{"Key": "team", "Value": "vision"}])
    statistics = {"ContentType": "application/json", "S3Uri": "s3://models/evaluation.json"}
    container = {"Image": IMAGE, "ModelDataUrl": "s3://models/7/model.tar.gz", "Environment": {"LEVEL": "1"}}
    arn = client.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        ModelMetrics={"ModelQuality": {"Statistics": statistics}},
        ModelApprovalStatus="PendingManualApproval",
    )["ModelPackageArn"]
    assert arn.endswith(f":model-package/{group}/1")

    model = {"ModelName": group, "ExecutionRoleArn": ROLE, "PrimaryContainer": {"ModelPackageName": arn}}
    with pytest.raises(ClientError, match="its ModelApprovalStatus is PendingManualApproval") as caught:
        client.create_model(**model)
    assert refusal(caught) == ("ValidationException", 0)
    client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    client.create_model(**model)
    assert client.describe_model(ModelName=group)["PrimaryContainer"] == {"ModelPackageName": arn}

    described = client.describe_model_package(ModelPackageName=arn)
    assert (described["ModelApprovalStatus"], described["ModelPackageVersion"]) == ("Approved", 1)
    assert described["ModelMetrics"]["ModelQuality"]["Statistics"] == statistics
    assert described["LastModifiedTime"] >= described["CreationTime"]
    approved = client.list_model_packages(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortOrder="Descending", MaxResults=1
    )
    assert [each["ModelPackageArn"] for each in approved["ModelPackageSummaryList"]] == [arn]
    later = client.list_model_packages(
        ModelPackageGroupName=group, CreationTimeAfter=described["CreationTime"]
    )
    assert later["ModelPackageSummaryList"] == []

    with pytest.raises(ClientError, match="still has 1 model package") as caught:
        client.delete_model_package_group(ModelPackageGroupName=group)
    assert refusal(caught) == ("ConflictException", 0)
    client.delete_model_package(ModelPackageName=arn)
    client.delete_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match=f"model-package-group/{group} does not exist"):
        client.describe_model_package_group(ModelPackageGroupName=group)
    client.delete_model(ModelName=group)
