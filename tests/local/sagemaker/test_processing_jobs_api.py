"""Processing jobs: what is refused at the call, what is filled in, what is planned, what is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from job_fakes import MXNET_IMAGE, SCOPE, START, FakeRunner, KeptEvents, ManualClock, conforms

from gluonship.local.contracts import AwsError, Channel, Failure, JobOutcome, JobPhase, JobResult, Output
from gluonship.local.sagemaker.processing_jobs import ProcessingJobs
from gluonship.local.sagemaker.tags import Tags

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:processing-job/job"
ROLE = "arn:aws:iam::123456789012:role/nobody-checks-me"


class House:
    """Processing jobs with every partner in hand. `call` runs an operation and checks both of its ends."""

    def __init__(self) -> None:
        self.clock, self.runner, self.events, self.tags = ManualClock(), FakeRunner(), KeptEvents(), Tags()
        self.jobs = ProcessingJobs(
            self.runner, self.clock, self.events, self.tags, stop_grace_seconds=7, memory_limit_bytes=2**30
        )

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        conforms(operation, "input", request)
        answer = self.jobs.operations()[operation](SCOPE, request)
        conforms(operation, "output", answer)
        return answer

    def create(self, name: str = "job", **changes: Any) -> dict[str, Any]:
        return self.call("CreateProcessingJob", ProcessingJobName=name, **(request() | changes))

    def describe(self, name: str = "job") -> dict[str, Any]:
        return self.call("DescribeProcessingJob", ProcessingJobName=name)


def request() -> dict[str, Any]:
    """The least that CreateProcessingJob takes, but for the name."""
    return {
        "AppSpecification": {"ImageUri": MXNET_IMAGE, "ContainerEntrypoint": ["python3", "p.py"]},
        "ProcessingResources": {"ClusterConfig": cluster()},
        "RoleArn": ROLE,
    }


def cluster(**changes: Any) -> dict[str, Any]:
    return {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5, **changes}


def entry(name: str, path: str | None = None, **s3: Any) -> dict[str, Any]:
    source = {"S3Uri": f"s3://bucket/{name}", "S3DataType": "S3Prefix", **s3}
    if path != "":
        source["LocalPath"] = path or f"/opt/ml/processing/{name}"
    return {"InputName": name, "S3Input": source}


def inputs(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"ProcessingInputs": list(entries)}


def outputs(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"ProcessingOutputConfig": {"Outputs": list(entries)}}


def output(name: str, path: str | None = None, mode: str = "EndOfJob") -> dict[str, Any]:
    s3 = {"S3Uri": f"s3://bucket/out/{name}", "S3UploadMode": mode}
    return {"OutputName": name, "S3Output": {**s3, "LocalPath": path or f"/opt/ml/processing/{name}"}}


ATHENA = {
    "Catalog": "c",
    "Database": "d",
    "QueryString": "q",
    "OutputS3Uri": "s3://b/k",
    "OutputFormat": "JSON",
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (inputs(entry("a"), entry("a", "/opt/ml/processing/b")), "Duplicate InputName a"),
        (outputs(output("a"), output("a", "/opt/ml/processing/b")), "Duplicate OutputName a"),
        (inputs(entry("a", "")), r"LocalPath is required \(input a\)"),
        (inputs(entry("a", "/opt/ml/input/data")), "must begin with /opt/ml/processing/"),
        (inputs(entry("a", "/opt/ml/processing")), "must begin with /opt/ml/processing/"),
        (inputs(entry("a", "/opt/ml/processing/../../../etc")), "stay below it"),
        (inputs(entry("a", "opt/ml/processing/a")), "must begin with"),
        (inputs(entry("a", "/opt/ml/processing/a\0b")), "must begin with"),
        (outputs(output("a", "/etc")), r"Invalid LocalPath /etc \(output a\)"),
        (inputs(entry("a"), entry("b", "/opt/ml/processing/a/")), "input a and the input b have the same"),
        (inputs(entry("a")) | outputs(output("o", "/opt/ml/processing/a")), "have the same LocalPath"),
        (outputs(output("o"), output("p", "/opt/ml/processing/o/deep")), "lie one in the other"),
        (inputs(entry("a", "/opt/ml/processing/o/in")) | outputs(output("o")), "lie one in the other"),
        (inputs(entry("a", S3InputMode="Pipe")), "S3InputMode Pipe"),
        (inputs(entry("a", S3CompressionType="Gzip")), "goes with S3InputMode Pipe only"),
        (inputs({"InputName": "a"}), "S3Input is required"),
        (
            inputs({"InputName": "a", "DatasetDefinition": {"AthenaDatasetDefinition": ATHENA}}),
            "DatasetDefinition",
        ),
        (outputs({"OutputName": "a"}), "S3Output is required"),
        (
            outputs({"OutputName": "a", "FeatureStoreOutput": {"FeatureGroupName": "g"}}),
            "goes with AppManaged",
        ),
        ({"ProcessingResources": {"ClusterConfig": cluster(InstanceCount=2)}}, "2 instances"),
        ({"ProcessingResources": {"ClusterConfig": {"VolumeSizeInGB": 1}}}, "InstanceType and InstanceCount"),
        (
            {
                "ProcessingResources": {
                    "ClusterConfig": cluster(InstancePreferences=[{"InstanceType": "ml.m5.large"}])
                }
            },
            "InstancePreferences",
        ),
    ],
)
def test_what_cannot_run_is_refused_at_the_call(changes: dict[str, Any], words: str) -> None:
    house = House()
    with pytest.raises(AwsError, match=words) as caught:
        house.create(**changes)
    here = "local cloud" in caught.value.message  # else AWS refuses it too
    assert caught.value.code == ("UnsupportedOperation" if here else "ValidationException")
    assert (house.runner.runs, house.events.changes) == ([], [])
    assert house.call("ListProcessingJobs") == {"ProcessingJobSummaries": []}


def test_the_plan_is_what_the_container_contract_says() -> None:
    house = House()
    managed = {"InputName": "own", "AppManaged": True}
    house.create(
        AppSpecification={
            "ImageUri": MXNET_IMAGE,
            "ContainerEntrypoint": ["python3"],
            "ContainerArguments": ["-v"],
        },
        Environment={"LEVEL": "high", "AWS_REGION": "mars-1"},
        **inputs(
            entry("code", "/opt/ml/processing/input/code/"),
            entry("input", S3DataType="ManifestFile"),
            managed,
        ),
        **outputs(output("report"), output("progress", mode="Continuous")),
        Tags=[{"Key": "team", "Value": "vision"}],
    )
    plan = house.runner.last.plan
    assert (plan.command, plan.entrypoint, plan.arguments) == ("process", ("python3",), ("-v",))
    assert plan.channels == (
        Channel("code", "s3://bucket/code", destination="processing/input/code"),
        Channel("input", "s3://bucket/input", "ManifestFile", destination="processing/input"),
    )
    assert plan.outputs == (
        Output("processing/report", "s3://bucket/out/report", archive=False),
        Output("processing/progress", "s3://bucket/out/progress", archive=False, continuous=True),
    )
    assert {"processing/report", "processing/progress", "output"} <= set(plan.folders)
    assert plan.environment == {
        "LEVEL": "high",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "PROCESSING_JOB_ARN": ARN,
        "PROCESSING_JOB_NAME": "job",
    }
    assert (plan.log_group, plan.log_stream) == (
        "/aws/sagemaker/ProcessingJobs",
        f"job/algo-1-{START.timestamp():.0f}",
    )
    assert (plan.memory_limit_bytes, plan.message_file) == (2**30, "output/message")
    config = json.loads(plan.files["config/processingjobconfig.json"])
    assert (config["ProcessingJobArn"], config["ProcessingJobName"], config["RoleArn"]) == (ARN, "job", ROLE)
    assert config["ProcessingInputs"][0]["S3Input"]["S3InputMode"] == "File"
    assert "Tags" not in config
    assert json.loads(plan.files["config/resourceconfig.json"]) == {
        "current_host": "algo-1",
        "hosts": ["algo-1"],
    }


def test_a_job_is_described_from_its_start_to_its_end() -> None:
    house = House()
    assert house.create(Tags=[{"Key": "a", "Value": "b"}]) == {"ProcessingJobArn": ARN}
    first = house.describe()
    assert (first["ProcessingJobStatus"], first["StoppingCondition"]) == (
        "InProgress",
        {"MaxRuntimeInSeconds": 86400},
    )
    assert not {"ProcessingStartTime", "ProcessingEndTime", "ExitMessage", "Tags"} & set(first)
    house.clock.advance(2)
    house.runner.last.enter(JobPhase.STARTING, JobPhase.DOWNLOADING, JobPhase.RUNNING)
    house.clock.advance(3)
    failure = Failure("AlgorithmError", "See job logs for more information", 3)
    house.runner.last.listener.finished(JobResult(JobOutcome.FAILED, failure, exit_message="no good"))
    last = house.describe()
    assert last["ProcessingJobStatus"] == "Failed"
    assert last["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 3"
    assert last["ExitMessage"] == "no good"
    assert (last["ProcessingEndTime"] - last["ProcessingStartTime"]).total_seconds() == 3
    assert [(change.kind, change.status, change.secondary_status) for change in house.events.changes] == [
        ("ProcessingJob", "InProgress", None),
        ("ProcessingJob", "Failed", None),
    ]
    assert house.events.changes[-1].detail == last
    (summary,) = house.call("ListProcessingJobs", StatusEquals="Failed")["ProcessingJobSummaries"]
    assert (summary["ExitMessage"], summary["FailureReason"]) == ("no good", last["FailureReason"])


def test_stop_and_the_longest_runtime() -> None:
    house = House()
    house.create("asked")
    house.runner.last.enter(JobPhase.STARTING, JobPhase.RUNNING)
    house.call("StopProcessingJob", ProcessingJobName="asked")
    assert house.describe("asked")["ProcessingJobStatus"] == "Stopping"
    house.runner.last.finish(JobOutcome.STOPPED)
    assert house.runner.last.graces == [7]
    assert house.describe("asked")["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(AwsError, match="processing job is in status Stopped"):
        house.call("StopProcessingJob", ProcessingJobName="asked")

    house.create("long", StoppingCondition={"MaxRuntimeInSeconds": 60})
    house.runner.last.enter(JobPhase.STARTING, JobPhase.RUNNING)
    house.clock.advance(59)
    assert house.runner.last.graces == []
    house.clock.advance(2)
    assert house.runner.last.graces == [7]


def test_names_are_used_once_and_missing_ones_are_named() -> None:
    house = House()
    house.create()
    with pytest.raises(AwsError, match="a job with this name already exists") as twice:
        house.create()
    assert (twice.value.code, ARN in twice.value.message) == ("ResourceInUse", True)
    for operation in ("DescribeProcessingJob", "StopProcessingJob", "DeleteProcessingJob"):
        with pytest.raises(AwsError) as missing:
            house.call(operation, ProcessingJobName="nobody")
        assert missing.value.message == "Could not find requested job with name: nobody"
    with pytest.raises(AwsError, match="only one that has ended can be deleted"):
        house.call("DeleteProcessingJob", ProcessingJobName="job")
    house.runner.last.enter(JobPhase.STARTING)
    house.runner.last.finish(JobOutcome.COMPLETED)
    house.call("DeleteProcessingJob", ProcessingJobName="job")
    house.create()
