"""The whole journey by boto3 alone: clients, waiters and paginators, with the kit's own training script."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gluonship import bundles
from gluonship.demo.fashion_mnist import CLASSES
from gluonship.vision.datasets import write_recordio

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-{}:1.9.0-cpu-py38"
ROLE = "arn:aws:iam::123456789012:role/SageMaker"
NAME = "by-boto3"
EVERY_SECOND = {"Delay": 1, "MaxAttempts": 200}  # SageMaker's own waiters ask every 30 s and more


def jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def test_the_journey_by_boto3_alone(
    cloud: Any, tmp_path: Path, training_pictures: Any, held_out_pictures: Any
) -> None:
    s3, sagemaker, logs = (cloud.client(service) for service in ("s3", "sagemaker", "logs"))
    runtime = cloud.client("sagemaker-runtime")

    s3.create_bucket(Bucket=NAME)
    pairs = zip(training_pictures.images, training_pictures.labels, strict=True)
    write_recordio(tmp_path / "train", "train", ((jpeg(x), int(y)) for x, y in pairs), CLASSES)
    for path in (tmp_path / "train").iterdir():
        s3.upload_file(str(path), NAME, f"data/train/{path.name}")
    s3.upload_file(str(bundles.pack_training(tmp_path / "sourcedir.tar.gz")), NAME, "sourcedir.tar.gz")
    hyperparameters = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"s3://{NAME}/sourcedir.tar.gz",
        "epochs": 3,
        "batch-size": 32,
        "image-size": 28,
    }
    created = sagemaker.create_training_job(
        TrainingJobName=NAME,
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": IMAGE.format("training"),
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "accuracy", "Regex": r"validation:accuracy=([0-9.eE+-]+)"}],
        },
        HyperParameters={key: json.dumps(value) for key, value in hyperparameters.items()},
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {
                    "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{NAME}/data/train/"}
                },
            }
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{NAME}/models"},
        ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    assert created["TrainingJobArn"].endswith(f":training-job/{NAME}")
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName=NAME, WaiterConfig=EVERY_SECOND
    )
    job = sagemaker.describe_training_job(TrainingJobName=NAME)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{NAME}/models/{NAME}/output/model.tar.gz"
    (metric,) = job["FinalMetricDataList"]
    events = [
        event["message"]
        for page in logs.get_paginator("filter_log_events").paginate(
            logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{NAME}/"
        )
        for event in page["events"]
    ]
    (last,) = [line for line in events if line.startswith("metric epoch=3 ")]
    assert f"validation:accuracy={metric['Value']:.6f}" in last

    sagemaker.create_model(
        ModelName=NAME,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={
            "Image": IMAGE.format("inference"),
            "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"],
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        },
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName=NAME,
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": NAME,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
            }
        ],
    )
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=NAME, WaiterConfig=EVERY_SECOND)

    right = 0
    for pixels, label in zip(held_out_pictures.images, held_out_pictures.labels, strict=True):
        answer = runtime.invoke_endpoint(EndpointName=NAME, ContentType="image/jpeg", Body=jpeg(pixels))
        assert answer["ContentType"] == "application/json"
        scores = json.load(answer["Body"])["predictions"]
        right += scores[0]["label"] == CLASSES[label]
    assert right / len(held_out_pictures.labels) > 0.6
    encoded = [{"image": base64.b64encode(jpeg(pixels)).decode()} for pixels in held_out_pictures.images[-2:]]
    several = runtime.invoke_endpoint(
        EndpointName=NAME, ContentType="application/json", Body=json.dumps({"instances": encoded})
    )
    assert json.load(several["Body"])["predictions_list"][1]["predictions"] == scores
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        runtime.invoke_endpoint(EndpointName=NAME, ContentType="image/jpeg", Body=b"I am not a picture")
    assert caught.value.response["OriginalStatusCode"] == 400
    assert json.loads(caught.value.response["OriginalMessage"])["error"]["code"] == "UnsupportedImage"

    sagemaker.delete_endpoint(EndpointName=NAME)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=NAME, WaiterConfig=EVERY_SECOND)
    sagemaker.delete_endpoint_config(EndpointConfigName=NAME)
    sagemaker.delete_model(ModelName=NAME)
    for operation, member in (("list_endpoints", "Endpoints"), ("list_models", "Models")):
        assert getattr(sagemaker, operation)(NameContains=NAME)[member] == []
