"""CreateTrainingJob: what is refused at the call, what is filled in; and the other operations' answers."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from job_fakes import MXNET_IMAGE, SCOPE, START, House, channel

from gluonship.local.contracts import AwsError, Failure, JobOutcome, JobPhase

RULE = {"RuleConfigurationName": "LossNotDecreasing", "RuleEvaluatorImage": "registry.example/rules:latest"}


def refused(**changes: Any) -> AwsError:
    house = House()
    with pytest.raises(AwsError) as caught:
        house.create(TrainingJobName="refused", **changes)
    assert house.call("ListTrainingJobs") == {"TrainingJobSummaries": []}
    assert house.runner.runs == []
    return caught.value


def algorithm(**changes: Any) -> dict[str, Any]:
    return {"AlgorithmSpecification": {"TrainingImage": MXNET_IMAGE, "TrainingInputMode": "File", **changes}}


def inputs(*channels: dict[str, Any]) -> dict[str, Any]:
    return {"InputDataConfig": list(channels)}


def resources(**changes: Any) -> dict[str, Any]:
    return {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, **changes}}


def checkpoints(path: str) -> dict[str, Any]:
    return {"CheckpointConfig": {"S3Uri": "s3://bucket/checkpoints", "LocalPath": path}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"AlgorithmSpecification": None}, "AlgorithmSpecification is required"),
        (algorithm(AlgorithmName="an-algorithm"), "does not run algorithms by AlgorithmName"),
        ({"AlgorithmSpecification": {"TrainingInputMode": "File"}}, "needs TrainingImage"),
        (algorithm(TrainingInputMode="Pipe"), "does not run Pipe input"),
        (
            algorithm(TrainingImageConfig={"TrainingRepositoryAccessMode": "Vpc"}),
            "private registry in a VPC",
        ),
        (
            algorithm(MetricDefinitions=[{"Name": "loss", "Regex": "loss=([0-9"}]),
            r"Invalid MetricDefinition loss: its Regex 'loss=\(\[0-9' is not one",
        ),
        (
            algorithm(MetricDefinitions=[{"Name": "loss", "Regex": "loss=[0-9]"}]),
            "needs a group in parentheses",
        ),
        (inputs(channel("train"), channel("test"), channel("train")), "Duplicate channel name train"),
        (inputs(channel("..")), "is not a folder's name"),
        (inputs(channel("train", InputMode="Pipe")), r"Pipe input \(InputMode of channel train\)"),
        (
            inputs(channel("train", s3={"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a"]})),
            r"AugmentedManifestFile \(channel train\).*use S3Prefix or ManifestFile",
        ),
        (inputs(channel("train", s3={"S3DataType": "Converse"})), "S3DataType Converse"),
        (inputs(channel("train", RecordWrapperType="RecordIO")), "RecordWrapperType RecordIO"),
        (inputs({"ChannelName": "train", "DataSource": {}}), "needs DataSource.S3DataSource"),
        (
            inputs(
                {
                    "ChannelName": "train",
                    "DataSource": {
                        "FileSystemDataSource": {
                            "FileSystemId": "fs-01234567",
                            "FileSystemAccessMode": "ro",
                            "FileSystemType": "EFS",
                            "DirectoryPath": "/data",
                        }
                    },
                }
            ),
            "EFS and FSx",
        ),
        ({"ResourceConfig": None}, "ResourceConfig is required"),
        (resources(InstanceCount=2), r"training on 2 instances .*; set it to 1"),
        (resources(InstanceCount=0), "InstanceCount of at least 1"),
        ({"ResourceConfig": {"InstanceCount": 1}}, "needs InstanceType"),
        (resources(VolumeSizeInGB=0), "VolumeSizeInGB must be at least 1"),
        (resources(KeepAlivePeriodInSeconds=60), "warm pools"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 28 * 86400 + 1}}, "28 days"),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}},
            "only supported when EnableManagedSpotTraining is set to true",
        ),
        ({"EnableManagedSpotTraining": True}, "It must be present and be greater than or equal"),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59},
            },
            "It must be present and be greater than or equal",
        ),
        (
            {"EnableManagedSpotTraining": True, "StoppingCondition": {"MaxWaitTimeInSeconds": 3600}},
            "It must be present and be greater than or equal",  # to a day, the default
        ),
        (checkpoints("/tmp/checkpoints"), "below /opt/ml"),
        (checkpoints("checkpoints"), "below /opt/ml"),
        (checkpoints("/opt/ml"), "below /opt/ml"),
        (checkpoints("/opt/ml/model"), "below /opt/ml"),
        (checkpoints("/opt/ml/input/data/train"), "below /opt/ml"),
        (checkpoints("/opt/ml/../../etc"), "below /opt/ml"),
        (
            {"MlflowConfig": {"MlflowResourceArn": "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/a"}},
            "MLflow tracking",
        ),
        ({"DebugRuleConfigurations": [RULE]}, "does not run Debugger's rules; give the estimator no rules"),
        ({"ProfilerRuleConfigurations": [RULE]}, "does not run the profiler's rules.*disable_profiler=True"),
    ],
)
def test_is_refused_with_the_reason(changes: dict[str, Any], words: str) -> None:
    error = refused(**changes)
    here = "local cloud" in error.message  # else AWS refuses it too
    assert (error.code, error.status) == ("UnsupportedOperation" if here else "ValidationException", 400)
    assert re.search(words, error.message), error.message


def test_the_name_of_an_existing_job_is_refused_in_aws_words() -> None:
    house = House()
    house.create(TrainingJobName="taken")
    with pytest.raises(AwsError) as caught:
        house.create(TrainingJobName="taken")
    assert caught.value.code == "ResourceInUse"
    assert caught.value.message == (
        "Training job names must be unique within an AWS account and region, and a training job with this "
        "name already exists (arn:aws:sagemaker:eu-west-1:123456789012:training-job/taken)"
    )


def test_the_least_request_is_described_with_aws_defaults() -> None:
    house = House()
    name = house.create(StoppingCondition=None, **inputs(channel("train")))
    described = house.describe(name)
    assert described == {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:eu-west-1:123456789012:training-job/{name}",
        "ModelArtifacts": {"S3ModelArtifacts": f"s3://bucket/results/{name}/output/model.tar.gz"},
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "AlgorithmSpecification": {
            "TrainingImage": MXNET_IMAGE,
            "TrainingInputMode": "File",
            "EnableSageMakerMetricsTimeSeries": False,
        },
        "RoleArn": "arn:aws:iam::123456789012:role/nobody-checks-me",
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": "s3://bucket/train/",
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
                "CompressionType": "None",
                "RecordWrapperType": "None",
            }
        ],
        "OutputDataConfig": {
            "KmsKeyId": "",
            "S3OutputPath": "s3://bucket/results",
            "CompressionType": "GZIP",
        },
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
        "CreationTime": START,
        "LastModifiedTime": START,
        "SecondaryStatusTransitions": [
            {
                "Status": "Starting",
                "StartTime": START,
                "StatusMessage": "Preparing the instances for training",
            }
        ],
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        "ProfilingStatus": "Disabled",
    }


def test_what_was_asked_for_is_described_back() -> None:
    asked: dict[str, Any] = {
        "HyperParameters": {"epochs": "3", "sagemaker_program": '"train.py"'},
        "Environment": {"MXNET_ENGINE_TYPE": "NaiveEngine"},
        "EnableNetworkIsolation": True,
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        "DebugHookConfig": {"S3OutputPath": "s3://bucket/debug"},
        "TensorBoardOutputConfig": {"S3OutputPath": "s3://bucket/board", "LocalPath": "/opt/ml/output/board"},
        "ExperimentConfig": {"ExperimentName": "an-experiment"},
        "RetryStrategy": {"MaximumRetryAttempts": 2},
        "ProfilerConfig": {"DisableProfiler": True},
    }
    house = House()
    name = house.create(**asked, SessionChainingConfig={"EnableSessionTagChaining": False})
    described = house.describe(name)
    assert {member: described[member] for member in asked} == asked
    assert "SessionChainingConfig" not in described


def test_the_request_is_kept_as_it_was() -> None:
    house, train = House(), channel("train")
    name = house.create(**inputs(train))
    train["DataSource"]["S3DataSource"]["S3Uri"] = "s3://changed/later"
    described = house.describe(name)
    assert described["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] == "s3://bucket/train/"


# --- how jobs end ----------------------------------------------------------------------------------------


def test_a_completed_job_has_its_times() -> None:
    house = House()
    name = house.create()
    house.clock.advance(10)
    house.runner.last.enter(*JobPhase)
    house.clock.advance(90)
    house.runner.last.finish(JobOutcome.COMPLETED)
    described = house.describe(name)
    assert described["TrainingStartTime"] == START + timedelta(seconds=10)
    assert described["TrainingEndTime"] == START + timedelta(seconds=100)
    assert described["LastModifiedTime"] == described["TrainingEndTime"]
    assert described["TrainingTimeInSeconds"] == described["BillableTimeInSeconds"] == 90
    assert "FailureReason" not in described
    assert "FinalMetricDataList" not in described


def test_the_shortest_job_takes_a_second() -> None:
    house = House()
    name = house.create()
    house.runner.last.enter(*JobPhase)
    house.runner.last.finish(JobOutcome.COMPLETED)
    assert house.describe(name)["TrainingTimeInSeconds"] == 1


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Failure("AlgorithmError", "ValueError: no", 1), "AlgorithmError: ValueError: no, exit code: 1"),
        (Failure("ClientError", "No objects below s3://b/k"), "ClientError: No objects below s3://b/k"),
        (Failure("InternalServerError", "the disk is full"), "InternalServerError: the disk is full"),
    ],
)
def test_a_failed_job_says_why(failure: Failure, reason: str) -> None:
    house = House()
    name = house.create()
    house.runner.last.finish(JobOutcome.FAILED, failure)
    described = house.describe(name)
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Failed", "Failed")
    assert described["FailureReason"] == reason
    assert "TrainingTimeInSeconds" not in described  # it never had an instance


def test_a_job_is_stopped_once_and_keeps_its_artifacts() -> None:
    house = House()
    name = house.create()
    house.runner.last.enter(JobPhase.DOWNLOADING, JobPhase.RUNNING)
    house.call("StopTrainingJob", TrainingJobName=name)
    house.call("StopTrainingJob", TrainingJobName=name)
    assert house.runner.last.graces == [120.0]
    assert house.describe(name)["TrainingJobStatus"] == "Stopping"
    house.runner.last.enter(JobPhase.UPLOADING)
    house.runner.last.finish(JobOutcome.STOPPED)
    described = house.describe(name)
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert described["ModelArtifacts"]["S3ModelArtifacts"].endswith(f"/{name}/output/model.tar.gz")


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (JobOutcome.COMPLETED, "Completed"),
        (JobOutcome.FAILED, "Failed"),
        (JobOutcome.STOPPED, "Stopped"),
    ],
)
def test_a_finished_job_cannot_be_stopped_but_deleted(outcome: JobOutcome, word: str) -> None:
    house = House()
    name = house.create(Tags=[{"Key": "team", "Value": "vision"}])
    arn = house.describe(name)["TrainingJobArn"]
    house.runner.last.finish(outcome)
    with pytest.raises(AwsError) as caught:
        house.call("StopTrainingJob", TrainingJobName=name)
    assert caught.value.code == "ValidationException"
    assert caught.value.message == (f"The request was rejected because the training job is in status {word}.")
    house.call("DeleteTrainingJob", TrainingJobName=name)
    assert house.tags.of(arn) == []
    with pytest.raises(AwsError, match="Requested resource not found"):
        house.describe(name)
    house.create(TrainingJobName=name)


def test_a_job_that_has_not_ended_cannot_be_deleted() -> None:
    house = House()
    name = house.create()
    for word in ("InProgress", "Stopping"):
        with pytest.raises(AwsError, match=f"is in status {word}: only one that has ended") as caught:
            house.call("DeleteTrainingJob", TrainingJobName=name)
        assert caught.value.code == "ResourceInUse"
        house.call("StopTrainingJob", TrainingJobName=name)
    assert house.describe(name)["TrainingJobStatus"] == "Stopping"


@pytest.mark.parametrize("operation", ["DescribeTrainingJob", "StopTrainingJob", "DeleteTrainingJob"])
def test_an_unknown_job_is_missed_in_aws_words(operation: str) -> None:
    with pytest.raises(AwsError) as caught:
        House().call(operation, TrainingJobName="nobody")
    assert (caught.value.code, caught.value.message) == (
        "ValidationException",
        "Requested resource not found.",
    )


# --- listings --------------------------------------------------------------------------------------------


def test_jobs_are_listed_oldest_first_with_their_statuses() -> None:
    house = House()
    names = []
    for _ in range(3):
        names.append(house.create())
        house.clock.advance(60)
    house.runner.runs[1].finish(JobOutcome.COMPLETED)
    listed = house.call("ListTrainingJobs")["TrainingJobSummaries"]
    assert [one["TrainingJobName"] for one in listed] == names
    assert [one["TrainingJobStatus"] for one in listed] == ["InProgress", "Completed", "InProgress"]
    assert listed[1]["TrainingEndTime"] == START + timedelta(seconds=180)
    assert "TrainingEndTime" not in listed[0]
    completed = house.call("ListTrainingJobs", StatusEquals="Completed")["TrainingJobSummaries"]
    assert [one["TrainingJobName"] for one in completed] == names[1:2]
    assert house.call("ListTrainingJobs", WarmPoolStatusEquals="Available") == {"TrainingJobSummaries": []}


def test_a_listing_goes_on_where_its_page_ended() -> None:
    house = House()
    names = [house.create() for _ in range(5)]
    first = house.call("ListTrainingJobs", MaxResults=3, SortBy="Name")
    rest = house.call("ListTrainingJobs", MaxResults=3, SortBy="Name", NextToken=first["NextToken"])
    found = first["TrainingJobSummaries"] + rest["TrainingJobSummaries"]
    assert [one["TrainingJobName"] for one in found] == names
    assert "NextToken" not in rest


def test_tags_of_a_job_are_listed_by_its_arn() -> None:
    house = House()
    name = house.create(Tags=[{"Key": "team", "Value": "vision"}])
    arn = house.describe(name)["TrainingJobArn"]
    answer = house.tags.operations()["ListTags"](SCOPE, {"ResourceArn": arn})
    assert answer == {"Tags": [{"Key": "team", "Value": "vision"}]}
