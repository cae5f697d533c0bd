"""The whole journey by the plain AWS CLI, as a cloud engineer at a shell would go it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parent / "user_scripts"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-{}:1.9.0-cpu-py38"
ROLE = "arn:aws:iam::123456789012:role/SageMaker"


@pytest.fixture
def aws(cloud: Any, tmp_path: Path) -> Any:
    executable = Path(sys.executable).with_name("aws")

    def run(*arguments: str) -> Any:
        done = subprocess.run(
            [str(executable), *arguments],
            env={**cloud.env, "AWS_DEFAULT_OUTPUT": "json", "HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"aws {' '.join(arguments)}: {done.stderr}"
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            return done.stdout

    return run


def until_settled(describe: Callable[[], Any], status: str) -> Any:
    for _ in range(120):
        described = describe()
        if described[status] not in ("InProgress", "Creating", "Deleting"):
            return described
        time.sleep(0.5)
    raise AssertionError(f"still {described[status]}")


def test_the_journey_by_the_aws_cli(
    aws: Any, tmp_path: Path, training_pictures: Any, held_out_pictures: Any
) -> None:
    assert aws("sts", "get-caller-identity")["Account"] == "123456789012"
    training_pictures.write_idx(tmp_path / "data")
    with tarfile.open(tmp_path / "sourcedir.tar.gz", "w:gz") as archive:
        archive.add(SCRIPTS / "transform_fn.py", "transform_fn.py")
    aws("s3", "mb", "s3://by-the-cli")
    aws("s3", "cp", "--recursive", "data", "s3://by-the-cli/data/")
    aws("s3", "cp", "sourcedir.tar.gz", "s3://by-the-cli/code/sourcedir.tar.gz")

    request = {
        "TrainingJobName": "by-the-cli",
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE.format("training"),
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "accuracy", "Regex": "train-accuracy=([0-9.]+)"}],
        },
        "RoleArn": ROLE,
        "HyperParameters": {
            "sagemaker_program": "transform_fn.py",
            "sagemaker_submit_directory": "s3://by-the-cli/code/sourcedir.tar.gz",
            "epochs": "2",
        },
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://by-the-cli/data/"}},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://by-the-cli/output"},
        "ResourceConfig": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    (tmp_path / "job.json").write_text(json.dumps(request))
    created = aws("sagemaker", "create-training-job", "--cli-input-json", "file://job.json")
    assert created["TrainingJobArn"] == "arn:aws:sagemaker:us-east-1:123456789012:training-job/by-the-cli"
    # Not `aws sagemaker wait`: it asks every 120 s.
    job = until_settled(
        lambda: aws("sagemaker", "describe-training-job", "--training-job-name", "by-the-cli"),
        "TrainingJobStatus",
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert [t["Status"] for t in job["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    streams = aws(
        "logs", "describe-log-streams", "--log-group-name", "/aws/sagemaker/TrainingJobs",
        "--log-stream-name-prefix", "by-the-cli/",
    )  # fmt: skip
    (stream,) = streams["logStreams"]
    events = aws(
        "logs", "get-log-events", "--log-group-name", "/aws/sagemaker/TrainingJobs",
        "--log-stream-name", stream["logStreamName"],
    )["events"]  # fmt: skip
    assert any("epoch 1 train-accuracy=" in event["message"] for event in events)

    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    aws("s3", "cp", artifact, "model.tar.gz")
    with tarfile.open(tmp_path / "model.tar.gz") as model:
        assert {os.path.normpath(name) for name in model.getnames()} >= {
            "model-symbol.json",
            "model-0000.params",
        }

    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "transform_fn.py").write_bytes((SCRIPTS / "transform_fn.py").read_bytes())
    with (
        tarfile.open(tmp_path / "model.tar.gz") as trained,
        tarfile.open(tmp_path / "served.tar.gz", "w:gz") as served,
    ):
        for member in trained.getmembers():
            served.addfile(member, trained.extractfile(member) if member.isfile() else None)
        served.add(tmp_path / "code", "code")
    aws("s3", "cp", "served.tar.gz", "s3://by-the-cli/served.tar.gz")
    container = {
        "Image": IMAGE.format("inference"),
        "ModelDataUrl": "s3://by-the-cli/served.tar.gz",
        "Environment": {
            "SAGEMAKER_PROGRAM": "transform_fn.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        },
    }
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "by-the-cli",
        "InstanceType": "ml.c5.large",
        "InitialInstanceCount": 1,
    }
    aws(
        "sagemaker", "create-model", "--model-name", "by-the-cli", "--execution-role-arn", ROLE,
        "--primary-container", json.dumps(container),
    )  # fmt: skip
    aws(
        "sagemaker", "create-endpoint-config", "--endpoint-config-name", "by-the-cli",
        "--production-variants", json.dumps([variant]),
    )  # fmt: skip
    aws(
        "sagemaker",
        "create-endpoint",
        "--endpoint-name",
        "by-the-cli",
        "--endpoint-config-name",
        "by-the-cli",
    )
    endpoint = until_settled(
        lambda: aws("sagemaker", "describe-endpoint", "--endpoint-name", "by-the-cli"), "EndpointStatus"
    )
    assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
    (tmp_path / "request.json").write_text(json.dumps(held_out_pictures.images.reshape(-1, 784).tolist()))
    answer = aws(
        "sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "by-the-cli",
        "--content-type", "application/json", "--accept", "application/json",
        "--body", "fileb://request.json", "answer.json",
    )  # fmt: skip
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    predicted = json.loads((tmp_path / "answer.json").read_text())
    right = sum(int(a) == int(b) for a, b in zip(predicted, held_out_pictures.labels, strict=True))
    assert right / len(predicted) > 0.6

    aws("sagemaker", "delete-endpoint", "--endpoint-name", "by-the-cli")
    aws("sagemaker", "delete-endpoint-config", "--endpoint-config-name", "by-the-cli")
    aws("sagemaker", "delete-model", "--model-name", "by-the-cli")
    aws("sagemaker", "delete-training-job", "--training-job-name", "by-the-cli")
    left = until_settled(
        lambda: (aws("sagemaker", "list-endpoints")["Endpoints"] or [{"EndpointStatus": "gone"}])[0],
        "EndpointStatus",
    )
    assert left["EndpointStatus"] == "gone"
