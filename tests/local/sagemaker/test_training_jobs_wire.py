"""Training jobs by boto3 over the wire: real processes, AWS's toolkit, S3, CloudWatch."""

from __future__ import annotations

import io
import json
import tarfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gluonship.local import launcher
from gluonship.local.connection import Connection

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38"
ROLE = "arn:aws:iam::123456789012:role/nobody-checks-me"
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
DEADLINE_SECONDS = 90

# What a job does is its hyperparameter --behave; each behaviour is one way for a job to go.
SCRIPT = """
import argparse, json, os, signal, sys, time

parser = argparse.ArgumentParser()
parser.add_argument("--behave")
parser.add_argument("--learning-rate", type=float)
behave, rate = vars(parser.parse_args()).values()
model, output = os.environ["SM_MODEL_DIR"], os.environ["SM_OUTPUT_DATA_DIR"]


def save(folder, name, content):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w") as file:
        file.write(content)


if behave == "train":
    for epoch in range(3):
        print("epoch=%d loss=%.3f" % (epoch, rate / (epoch + 1)), flush=True)
    saw = {name: sorted(os.listdir(os.environ["SM_CHANNEL_" + name])) for name in ("TRAIN", "LISTED")}
    saw["level"], saw["job"] = os.environ["LEVEL"], os.environ["TRAINING_JOB_NAME"]
    save(model, "weights.txt", str(rate))
    save(output, "saw.json", json.dumps(saw))
elif behave == "raise":
    save(output, "worst.txt", "upside down")
    raise ValueError("the labels are upside down")
elif behave == "nothing":
    print("no model today")
elif behave in ("wait", "stubborn"):
    if behave == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    save(model, "weights.txt", "so far")
    print("waiting", flush=True)
    time.sleep(600)
elif behave == "resume":
    checkpoints = "/opt/ml/checkpoints" if os.path.isdir("/opt/ml/checkpoints") else None
    checkpoints = checkpoints or os.path.join(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints")
    if os.path.exists(os.path.join(checkpoints, "epoch")):
        print("resumed", flush=True)
        save(model, "weights.txt", "resumed")
    else:
        save(checkpoints, "epoch", "1")
        print("waiting", flush=True)
        time.sleep(600)
"""


class Trainer:
    """A user with a bucket and a script, who trains on one cloud by boto3."""

    def __init__(self, cloud: Connection) -> None:
        self.cloud = cloud
        client = cloud.boto.client
        self.sagemaker, self.s3 = client("sagemaker"), client("s3")
        self.logs, self.cloudwatch = client("logs"), client("cloudwatch")
        self.bucket = f"training-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.put("code/sourcedir.tar.gz", bundle({"train.py": SCRIPT}))
        self.put("data/train/one.txt", b"1")
        self.put("data/train/deep/two.txt", b"2")
        manifest = [{"prefix": f"s3://{self.bucket}/data/train/"}, "one.txt"]
        self.put("data/some.manifest", json.dumps(manifest).encode())

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def create(self, behave: str, name: str | None = None, **changes: Any) -> str:
        name = name or f"{behave}-{uuid.uuid4().hex[:8]}"
        request: dict[str, Any] = {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": ROLE,
            # Each value is JSON, as the SageMaker SDK passes them.
            "HyperParameters": {
                "sagemaker_program": '"train.py"',
                "sagemaker_submit_directory": json.dumps(self.uri("code/sourcedir.tar.gz")),
                "behave": json.dumps(behave),
                "learning-rate": "0.5",
            },
            "OutputDataConfig": {"S3OutputPath": self.uri("results")},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            **changes,
        }
        self.sagemaker.create_training_job(**request)
        return name

    def channel(self, name: str, key: str, data_type: str = "S3Prefix", **more: Any) -> dict[str, Any]:
        source = {"S3DataSource": {"S3DataType": data_type, "S3Uri": self.uri(key)}}
        return {"ChannelName": name, "DataSource": source, **more}

    def describe(self, name: str) -> dict[str, Any]:
        described: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
        return described

    def finished(self, name: str) -> dict[str, Any]:
        """The job's description when it has ended."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            described = self.describe(name)
            if described["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"):
                return described
            time.sleep(0.2)
        pytest.fail(f"{name} has not ended: {described}\n" + "\n".join(self.log(name)))

    def log(self, name: str) -> list[str]:
        """The lines of all the job's log streams, one stream after the other."""
        try:
            streams = self.logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/")
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        lines = []
        for stream in streams["logStreams"]:
            events = self.logs.get_log_events(
                logGroupName=LOG_GROUP, logStreamName=stream["logStreamName"], startFromHead=True
            )
            lines += [event["message"] for event in events["events"]]
        return lines

    def await_line(self, name: str, line: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while line not in self.log(name):
            if time.monotonic() > deadline or self.describe(name)["TrainingJobStatus"] == "Failed":
                pytest.fail(f"no line {line!r}: {self.describe(name)}\n" + "\n".join(self.log(name)))
            time.sleep(0.2)

    def archive(self, uri: str) -> dict[str, bytes]:
        """The files of a .tar.gz in S3."""
        key = uri.removeprefix(f"s3://{self.bucket}/")
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
            files = [member for member in archive.getmembers() if member.isfile()]
            return {member.name.removeprefix("./"): archive.extractfile(member).read() for member in files}  # type: ignore[union-attr]

    def keys(self, prefix: str) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", [])]


def bundle(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def secondaries(described: dict[str, Any]) -> list[str]:
    return [one["Status"] for one in described["SecondaryStatusTransitions"]]


@pytest.fixture(scope="module")
def trainer(cloud: Connection) -> Trainer:
    return Trainer(cloud)


@pytest.fixture(scope="module")
def completed(trainer: Trainer) -> dict[str, Any]:
    """A job with all that a job can have, at its end."""
    name = trainer.create(
        "train",
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "train:loss", "Regex": "loss=([0-9.]+)"}],
        },
        InputDataConfig=[
            trainer.channel("train", "data/train/"),
            trainer.channel("listed", "data/some.manifest", "ManifestFile", InputMode="FastFile"),
        ],
        Environment={"LEVEL": "high"},
        Tags=[{"Key": "team", "Value": "vision"}],
    )
    return trainer.finished(name)


# --- a job that goes well --------------------------------------------------------------------------------


def test_a_job_walks_its_states_to_completed(completed: dict[str, Any]) -> None:
    assert (completed["TrainingJobStatus"], completed["SecondaryStatus"]) == ("Completed", "Completed")
    assert secondaries(completed) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    for one, following in zip(
        completed["SecondaryStatusTransitions"], completed["SecondaryStatusTransitions"][1:], strict=False
    ):
        assert one["StartTime"] <= one["EndTime"] == following["StartTime"]
    assert completed["CreationTime"] <= completed["TrainingStartTime"] <= completed["TrainingEndTime"]
    assert completed["TrainingTimeInSeconds"] == completed["BillableTimeInSeconds"] >= 1


def test_its_model_and_its_output_are_in_s3(trainer: Trainer, completed: dict[str, Any]) -> None:
    name = completed["TrainingJobName"]
    assert completed["ModelArtifacts"] == {
        "S3ModelArtifacts": trainer.uri(f"results/{name}/output/model.tar.gz")
    }
    assert trainer.archive(completed["ModelArtifacts"]["S3ModelArtifacts"]) == {"weights.txt": b"0.5"}
    output = trainer.archive(trainer.uri(f"results/{name}/output/output.tar.gz"))
    assert json.loads(output["saw.json"]) == {
        "TRAIN": ["deep", "one.txt"],
        "LISTED": ["one.txt"],
        "level": "high",
        "job": name,
    }


def test_its_log_is_in_cloudwatch_by_aws_names(trainer: Trainer, completed: dict[str, Any]) -> None:
    name = completed["TrainingJobName"]
    streams = trainer.logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/")[
        "logStreams"
    ]
    assert [stream["logStreamName"].rpartition("-")[0] for stream in streams] == [f"{name}/algo-1"]
    log = trainer.log(name)
    epochs = [line for line in log if line.startswith("epoch=")]
    assert epochs == ["epoch=0 loss=0.500", "epoch=1 loss=0.250", "epoch=2 loss=0.167"]


def test_its_metrics_are_described_and_in_cloudwatch(trainer: Trainer, completed: dict[str, Any]) -> None:
    (metric,) = completed["FinalMetricDataList"]
    assert metric["MetricName"] == "train:loss"
    assert metric["Value"] == pytest.approx(0.167)
    assert completed["TrainingStartTime"] <= metric["Timestamp"] + timedelta(seconds=1)
    statistics = trainer.cloudwatch.get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="train:loss",
        Dimensions=[{"Name": "TrainingJobName", "Value": completed["TrainingJobName"]}],
        StartTime=datetime.now(UTC) - timedelta(hours=1),
        EndTime=datetime.now(UTC) + timedelta(hours=1),
        Period=7200,
        Statistics=["SampleCount", "Maximum", "Minimum"],
    )["Datapoints"]
    assert sum(point["SampleCount"] for point in statistics) == 3
    assert max(point["Maximum"] for point in statistics) == pytest.approx(0.5)
    assert min(point["Minimum"] for point in statistics) == pytest.approx(0.167)


def test_its_name_is_taken(trainer: Trainer, completed: dict[str, Any]) -> None:
    with pytest.raises(trainer.sagemaker.exceptions.ResourceInUse, match="a training job with this name"):
        trainer.create("train", completed["TrainingJobName"])


def test_it_can_be_tagged_and_found(trainer: Trainer, completed: dict[str, Any]) -> None:
    arn, name, sagemaker = completed["TrainingJobArn"], completed["TrainingJobName"], trainer.sagemaker
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "test"}]
    found = sagemaker.list_training_jobs(NameContains=name.upper(), StatusEquals="Completed")
    (summary,) = found["TrainingJobSummaries"]
    assert summary["TrainingJobArn"] == arn
    assert summary["TrainingEndTime"] == completed["TrainingEndTime"]
    nothing = sagemaker.list_training_jobs(NameContains=name, StatusEquals="Failed")
    assert nothing["TrainingJobSummaries"] == []
    earlier = sagemaker.list_training_jobs(NameContains=name, CreationTimeBefore=completed["CreationTime"])
    assert earlier["TrainingJobSummaries"] == []


def test_a_finished_job_is_not_stopped_but_deleted(trainer: Trainer) -> None:
    name = trainer.create("nothing")
    with pytest.raises(trainer.sagemaker.exceptions.ResourceInUse, match="is in status InProgress"):
        trainer.sagemaker.delete_training_job(TrainingJobName=name)
    described = trainer.finished(name)
    # Without a model it is complete; whoever wants the model finds that there is none.
    assert described["TrainingJobStatus"] == "Completed"
    assert trainer.keys(f"results/{name}/") == []
    with pytest.raises(ClientError, match="because the training job is in status Completed"):
        trainer.sagemaker.stop_training_job(TrainingJobName=name)
    trainer.sagemaker.delete_training_job(TrainingJobName=name)
    with pytest.raises(ClientError, match="Requested resource not found"):
        trainer.describe(name)


# --- jobs that end otherwise -----------------------------------------------------------------------------


def test_a_script_that_raises_fails_its_job(trainer: Trainer) -> None:
    name = trainer.create("raise")
    described = trainer.finished(name)
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Failed", "Failed")
    reason = described["FailureReason"]
    assert reason.startswith("AlgorithmError: ")
    assert "ValueError: the labels are upside down" in reason
    assert reason.endswith("exit code: 1")
    assert len(reason) <= 1024
    assert secondaries(described)[-2:] == ["Uploading", "Failed"]
    assert trainer.keys(f"results/{name}/") == [f"results/{name}/output/output.tar.gz"]


def test_what_is_missing_fails_the_job_later(trainer: Trainer) -> None:
    channel = trainer.channel("train", "data/nowhere/")
    no_data = trainer.create("train", InputDataConfig=[channel])
    algorithm = {"TrainingImage": "registry.example/unheard-of:1", "TrainingInputMode": "File"}
    no_image = trainer.create("train", AlgorithmSpecification=algorithm)
    reason = trainer.finished(no_data)["FailureReason"]
    assert reason.startswith("ClientError: ")
    assert trainer.uri("data/nowhere/") in reason
    reason = trainer.finished(no_image)["FailureReason"]
    assert reason.startswith("ClientError: ")
    assert "registry.example/unheard-of:1" in reason
    assert "images.toml" in reason


def test_an_interrupted_spot_job_goes_on_from_its_checkpoint(trainer: Trainer) -> None:
    name = trainer.create(
        "resume",
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 900},
        CheckpointConfig={"S3Uri": trainer.uri("checkpoints")},
    )
    trainer.await_line(name, "waiting")
    admin(trainer.cloud, "interrupt", job=name)
    described = trainer.finished(name)
    assert described["TrainingJobStatus"] == "Completed"
    shown = secondaries(described)
    assert shown[shown.index("Interrupted") :] == [
        "Interrupted",
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert "resumed" in trainer.log(name)
    assert trainer.keys("checkpoints") == ["checkpoints/epoch"]
    assert described["BillableTimeInSeconds"] <= described["TrainingTimeInSeconds"]


def admin(cloud: Connection, action: str, **document: Any) -> None:
    """What `gluonship local` asks of its cloud, beside AWS's API."""
    request = urllib.request.Request(
        f"{cloud.url}/_gluonship/{action}",
        data=json.dumps(document).encode(),
        headers={"X-Gluonship-Token": (cloud.home / "token").read_text()},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainer]:
    """A user of a cloud of his own, whose clock he moves, and which gives a container one second to end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLUONSHIP_STOP_GRACE_SECONDS", "1")
        info = launcher.up(tmp_path_factory.mktemp("impatient"))
    try:
        yield Trainer(Connection(info))
    finally:
        launcher.down(info.home, grace_seconds=5)


def test_a_script_that_ignores_sigterm_is_killed_after_the_grace(impatient: Trainer) -> None:
    name = impatient.create("stubborn")
    impatient.await_line(name, "waiting")
    impatient.sagemaker.stop_training_job(TrainingJobName=name)
    assert impatient.describe(name)["TrainingJobStatus"] in ("Stopping", "Stopped")
    described = impatient.finished(name)
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert secondaries(described)[-3:] == ["Stopping", "Uploading", "Stopped"]
    model = impatient.archive(described["ModelArtifacts"]["S3ModelArtifacts"])
    assert model == {"weights.txt": b"so far"}
    stopping = described["SecondaryStatusTransitions"][-3]
    assert timedelta(seconds=1) <= stopping["EndTime"] - stopping["StartTime"] < timedelta(seconds=20)


def test_a_job_that_runs_too_long_is_stopped_and_keeps_its_model(impatient: Trainer) -> None:
    name = impatient.create("wait", StoppingCondition={"MaxRuntimeInSeconds": 3000})
    impatient.await_line(name, "waiting")
    admin(impatient.cloud, "clock", seconds=2000)
    assert impatient.describe(name)["TrainingJobStatus"] == "InProgress"
    admin(impatient.cloud, "clock", seconds=1000)
    described = impatient.finished(name)
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert secondaries(described)[-3:] == ["Stopping", "Uploading", "MaxRuntimeExceeded"]
    assert impatient.archive(described["ModelArtifacts"]["S3ModelArtifacts"]) == {"weights.txt": b"so far"}
    assert 3000 <= described["TrainingTimeInSeconds"] < 3100


# --- requests that are refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"HyperParameters": {str(n): "1" for n in range(101)}}, "less than or equal to 100"),
        ({"HyperParameters": {"long": "1" * 2501}}, "less than or equal to 2500"),
        ({"HyperParameters": {"k" * 257: "1"}}, "less than or equal to 256"),
        ({"TrainingJobName": "under_score"}, "regular expression pattern"),
        ({"ResourceConfig": {"InstanceType": "ml.huge.never", "InstanceCount": 1}}, "enum value set"),
        ({"Environment": {"1": "a"}}, "regular expression pattern"),
        ({"EnableManagedSpotTraining": True}, "It must be present and be greater than or equal"),
    ],
)
def test_bad_requests_are_refused_at_the_call(trainer: Trainer, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words) as caught:
        trainer.create("train", **changes)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0
