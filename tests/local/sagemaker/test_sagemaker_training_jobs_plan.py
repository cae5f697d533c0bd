"""From a request to what is done on this machine."""

from __future__ import annotations

import json
from typing import Any

import pytest
from job_fakes import MXNET_IMAGE, SCOPE, START, House, channel

from gluonship.local.contracts import Channel, Checkpoints, JobPlan, MetricDefinition, Output


def plan_of(name: str = "a-job", **changes: Any) -> JobPlan:
    house = House(memory_limit_bytes=changes.pop("memory_limit_bytes", None))
    house.create(TrainingJobName=name, **changes)
    return house.runner.last.plan


def file_of(plan: JobPlan, name: str) -> Any:
    return json.loads(plan.files[f"input/config/{name}.json"])


def test_the_plan_of_the_least_request() -> None:
    plan = plan_of()
    assert (plan.scope, plan.name, plan.image, plan.command) == (SCOPE, "a-job", MXNET_IMAGE, "train")
    assert plan.log_group == "/aws/sagemaker/TrainingJobs"
    assert plan.log_stream == f"a-job/algo-1-{int(START.timestamp())}"
    assert (plan.entrypoint, plan.arguments, plan.channels) == ((), (), ())
    assert {"model", "output/data"} <= set(plan.folders)
    assert plan.outputs == (
        Output("model", "s3://bucket/results/a-job/output/model.tar.gz", skip_if_empty=True),
        Output(
            "output/data",
            "s3://bucket/results/a-job/output/output.tar.gz",
            skip_if_empty=True,
            even_if_failed=True,
        ),
    )
    assert plan.checkpoints is None
    assert plan.memory_limit_bytes is None
    assert plan.failure_file == "output/failure"
    assert sorted(plan.files) == [
        "input/config/hyperparameters.json",
        "input/config/inputdataconfig.json",
        "input/config/resourceconfig.json",
    ]
    assert file_of(plan, "hyperparameters") == {}
    assert file_of(plan, "inputdataconfig") == {}


def test_hyperparameters_stay_the_strings_they_came_as() -> None:
    given = {"epochs": "3", "sagemaker_program": '"train.py"', "names": '["a", "ü"]'}
    assert file_of(plan_of(HyperParameters=given), "hyperparameters") == given


def test_the_container_learns_that_it_is_alone() -> None:
    resources = file_of(plan_of(), "resourceconfig")
    assert resources["current_host"] == "algo-1"
    assert resources["hosts"] == ["algo-1"]
    assert resources["current_instance_type"] == "ml.m5.xlarge"
    assert resources["instance_groups"][0]["hosts"] == ["algo-1"]
    assert resources["network_interface_name"] == "lo"


def test_channels_of_every_sort() -> None:
    plan = plan_of(
        InputDataConfig=[
            channel("train", ContentType="image/jpeg", s3={"S3DataDistributionType": "ShardedByS3Key"}),
            channel("lists", CompressionType="Gzip", s3={"S3DataType": "ManifestFile"}),
            channel("stream", InputMode="FastFile"),
        ]
    )
    assert plan.channels == (
        Channel("train", "s3://bucket/train/"),
        Channel("lists", "s3://bucket/lists/", data_type="ManifestFile", compression="Gzip"),
        Channel("stream", "s3://bucket/stream/"),
    )
    assert file_of(plan, "inputdataconfig") == {
        "train": {
            "ContentType": "image/jpeg",
            "TrainingInputMode": "File",
            "S3DistributionType": "ShardedByS3Key",
            "RecordWrapperType": "None",
        },
        "lists": {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        },
        "stream": {
            "TrainingInputMode": "FastFile",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        },
    }


def test_aws_own_variables_win_over_the_users() -> None:
    plan = plan_of(Environment={"LEVEL": "debug", "TRAINING_JOB_NAME": "another"})
    assert plan.environment == {
        "LEVEL": "debug",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "SAGEMAKER_REGION": "eu-west-1",
        "TRAINING_JOB_NAME": "a-job",
        "TRAINING_JOB_ARN": "arn:aws:sagemaker:eu-west-1:123456789012:training-job/a-job",
    }


def test_an_uncompressed_model_goes_file_by_file() -> None:
    house = House()
    name = house.create(OutputDataConfig={"S3OutputPath": "s3://bucket/results/", "CompressionType": "NONE"})
    assert house.runner.last.plan.outputs == (
        Output("model", f"s3://bucket/results/{name}/output/model", archive=False, skip_if_empty=True),
        Output(
            "output/data",
            f"s3://bucket/results/{name}/output/data",
            archive=False,
            skip_if_empty=True,
            even_if_failed=True,
        ),
    )
    described = house.describe(name)
    assert described["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://bucket/results/{name}/output/model"


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({}, "/opt/ml/checkpoints"),
        ({"LocalPath": ""}, "/opt/ml/checkpoints"),
        ({"LocalPath": "/opt/ml/my/own"}, "/opt/ml/my/own"),
    ],
)
def test_checkpoints_have_a_default_folder(given: dict[str, str], folder: str) -> None:
    plan = plan_of(CheckpointConfig={"S3Uri": "s3://bucket/checkpoints", **given})
    assert plan.checkpoints == Checkpoints("s3://bucket/checkpoints", folder)


def test_metrics_go_to_cloudwatch_under_the_jobs_name() -> None:
    plan = plan_of(
        AlgorithmSpecification={
            "TrainingImage": MXNET_IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        }
    )
    assert plan.metric_definitions == (MetricDefinition("loss", "loss=([0-9.]+)"),)
    assert plan.metric_namespace == "/aws/sagemaker/TrainingJobs"
    assert plan.metric_dimensions == {"TrainingJobName": "a-job"}


def test_the_memory_limit_of_the_cloud_is_the_plans() -> None:
    assert plan_of(memory_limit_bytes=2**30).memory_limit_bytes == 2**30


def test_an_entry_point_and_its_arguments_replace_the_images_own() -> None:
    own = {"ContainerEntrypoint": ["python", "train.py"], "ContainerArguments": ["--fast"]}
    plan = plan_of(AlgorithmSpecification={"TrainingImage": MXNET_IMAGE, "TrainingInputMode": "File", **own})
    assert plan.entrypoint == ("python", "train.py")
    assert plan.arguments == ("--fast",)
