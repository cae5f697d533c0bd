"""Processing jobs by boto3 and the SageMaker SDK over the wire: real processes, S3 and CloudWatch Logs."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError
from local_clouds import LocalCloud
from processes import still_alive

from gluonship.local import launcher
from gluonship.local.connection import Connection

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38"
ROLE = "arn:aws:iam::123456789012:role/nobody-checks-me"
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
DEADLINE_SECONDS = 60

# What a job does is its first argument; each behaviour is one way for a job to go. Where the machine allows
# no /opt/ml of a container's own, its folder is in SAGEMAKER_BASE_DIR.
SCRIPT = """
import json, os, sys, time

base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
here = os.path.join(base, "processing")


def save(name, content, folder=here):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


behave = sys.argv[1]
print("behaving:", behave, flush=True)
if behave == "evaluate":
    with open(os.path.join(base, "config", "processingjobconfig.json")) as file:
        config = json.load(file)
    saw = {
        "arguments": sys.argv[2:],
        "data": sorted(os.listdir(os.path.join(here, "input", "data"))),
        "model": sorted(os.listdir(os.path.join(here, "model"))),
        "level": os.environ["LEVEL"],
        "job": [os.environ["PROCESSING_JOB_NAME"], config["ProcessingJobName"]],
        "first": config["ProcessingInputs"][0]["InputName"],
        "python": sys.executable,
    }
    assert os.listdir(os.path.join(here, "report")) == []  # made by the platform
    save("report/deep/evaluation.json", json.dumps(saw).encode())
    save("pictures/worst.jpg", b"jpeg")
    save("output/message", "accuracy 0.91, \u00fcber all".encode("utf-8"), base)
elif behave == "raise":
    save("report/half.json", b"{}")
    save("progress/log.txt", b"half way")
    save("output/message", b"no label file", base)
    raise ValueError("the labels are upside down")
elif behave == "latin":
    save("output/message", "\u00fc".encode("latin-1"), base)
elif behave == "wait":
    save("report/so-far.json", b"{}")
    save("progress/log.txt", b"working")
    print("waiting", flush=True)
    time.sleep(600)
"""


class Processor:
    """A user with a bucket and a script, who processes on one cloud by boto3."""

    def __init__(self, cloud: Connection) -> None:
        self.cloud = cloud
        self.sagemaker, self.s3 = cloud.boto.client("sagemaker"), cloud.boto.client("s3")
        self.logs = cloud.boto.client("logs")
        self.bucket = f"processing-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.put("code/process.py", SCRIPT.encode())
        self.put("data/a.csv", b"1")
        self.put("data/b.csv", b"2")
        self.put("models/7/model.tar.gz", b"m")
        self.put("data.manifest", json.dumps([{"prefix": self.uri("data/")}, "a.csv"]).encode())

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def input(self, name: str, key: str, path: str, data_type: str = "S3Prefix") -> dict[str, Any]:
        source = {"S3Uri": self.uri(key), "S3DataType": data_type, "LocalPath": f"/opt/ml/processing/{path}"}
        return {"InputName": name, "S3Input": source}

    def output(self, name: str, mode: str = "EndOfJob") -> dict[str, Any]:
        target = {"S3Uri": self.uri(f"out/{name}"), "LocalPath": f"/opt/ml/processing/{name}"}
        return {"OutputName": name, "S3Output": {**target, "S3UploadMode": mode}}

    def create(
        self,
        *arguments: str,
        inputs: tuple[dict[str, Any], ...] = (),
        outputs: tuple[dict[str, Any], ...] = (),
        application: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        name = f"{arguments[0]}-{uuid.uuid4().hex[:8]}"
        self.sagemaker.create_processing_job(
            ProcessingJobName=name,
            AppSpecification={
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/process.py"],
                "ContainerArguments": list(arguments),
                **(application or {}),
            },
            RoleArn=ROLE,
            ProcessingInputs=[*inputs, self.input("code", "code/process.py", "code")],
            ProcessingOutputConfig={"Outputs": list(outputs)},
            ProcessingResources={
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
            },
            **changes,
        )
        return name

    def describe(self, name: str) -> dict[str, Any]:
        described: dict[str, Any] = self.sagemaker.describe_processing_job(ProcessingJobName=name)
        return described

    def finished(self, name: str) -> dict[str, Any]:
        """The job's description when it has ended."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            described = self.describe(name)
            if described["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped"):
                return described
            time.sleep(0.1)
        pytest.fail(f"{name} has not ended: {described}\n" + "\n".join(self.log(name)))

    def log(self, name: str) -> list[str]:
        try:
            streams = self.logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/")
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        lines = []
        for stream in streams["logStreams"]:
            assert stream["logStreamName"].startswith(f"{name}/algo-1-")
            events = self.logs.get_log_events(
                logGroupName=LOG_GROUP, logStreamName=stream["logStreamName"], startFromHead=True
            )
            lines += [event["message"] for event in events["events"]]
        return lines

    def await_line(self, name: str, line: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while line not in self.log(name):
            if time.monotonic() > deadline or self.describe(name)["ProcessingJobStatus"] == "Failed":
                pytest.fail(f"no line {line!r}: {self.describe(name)}\n" + "\n".join(self.log(name)))
            time.sleep(0.1)

    def read(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def keys(self, prefix: str) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"].removeprefix(prefix) for each in listed.get("Contents", [])]

    def clear(self, prefix: str) -> None:
        for key in self.keys(prefix):
            self.s3.delete_object(Bucket=self.bucket, Key=prefix + key)


@pytest.fixture
def processor(cloud: LocalCloud) -> Processor:
    return Processor(cloud)


# --- a job that goes well --------------------------------------------------------------------------------


def test_a_job_with_inputs_outputs_arguments_and_environment(processor: Processor) -> None:
    name = processor.create(
        "evaluate",
        "--threshold",
        "0.9 or more",
        inputs=(
            processor.input("data", "data.manifest", "input/data", "ManifestFile"),
            processor.input("model", "models/7/model.tar.gz", "model"),
        ),
        outputs=(processor.output("report"), processor.output("pictures")),
        Environment={"LEVEL": "high"},
        NetworkConfig={"EnableNetworkIsolation": True},
        ExperimentConfig={"ExperimentName": "pets"},
    )
    described = processor.finished(name)
    assert described["ProcessingJobStatus"] == "Completed", "\n".join(processor.log(name))
    assert described["ExitMessage"] == "accuracy 0.91, über all"
    assert "FailureReason" not in described
    assert described["NetworkConfig"] == {"EnableNetworkIsolation": True}
    assert described["CreationTime"] <= described["ProcessingStartTime"] <= described["ProcessingEndTime"]
    assert processor.keys("out/") == ["pictures/worst.jpg", "report/deep/evaluation.json"]
    saw = json.loads(processor.read("out/report/deep/evaluation.json"))
    assert Path(saw.pop("python")).name == "python3"
    assert saw == {
        "arguments": ["--threshold", "0.9 or more"],
        "data": ["a.csv"],
        "model": ["model.tar.gz"],
        "level": "high",
        "job": [name, name],
        "first": "data",
    }
    assert "behaving: evaluate" in processor.log(name)
    summaries = processor.sagemaker.list_processing_jobs(NameContains=name)["ProcessingJobSummaries"]
    assert [each["ProcessingJobStatus"] for each in summaries] == ["Completed"]
    processor.sagemaker.delete_processing_job(ProcessingJobName=name)
    with pytest.raises(ClientError, match=f"Could not find requested job with name: {name}"):
        processor.describe(name)


# --- jobs that fail --------------------------------------------------------------------------------------


def test_a_script_that_raises(processor: Processor) -> None:
    name = processor.create(
        "raise", outputs=(processor.output("report"), processor.output("progress", "Continuous"))
    )
    described = processor.finished(name)
    assert described["ProcessingJobStatus"] == "Failed"
    reason = described["FailureReason"]
    assert reason.startswith("AlgorithmError: See job logs for more information\nTraceback")
    assert reason.endswith("ValueError: the labels are upside down, exit code: 1")
    assert described["ExitMessage"] == "no label file"
    assert processor.keys("out/") == ["progress/log.txt"]  # of the other, nothing: the job did not end well


@pytest.mark.parametrize(
    ("application", "words"),
    [
        ({"ImageUri": "xgboost:1"}, "ClientError: Nothing on this machine stands in for the image xgboost:1"),
        ({"ContainerEntrypoint": ["/no/such/program"]}, "cannot run '/no/such/program'"),
    ],
)
def test_what_cannot_be_run(processor: Processor, application: dict[str, Any], words: str) -> None:
    described = processor.finished(processor.create("evaluate", application=application))
    assert described["ProcessingJobStatus"] == "Failed"
    assert words in described["FailureReason"]


def test_an_image_without_an_entrypoint_of_its_own(processor: Processor) -> None:
    name = f"bare-{uuid.uuid4().hex[:8]}"
    processor.sagemaker.create_processing_job(
        ProcessingJobName=name,
        AppSpecification={"ImageUri": IMAGE},
        RoleArn=ROLE,
        ProcessingResources={
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
        },
    )
    reason = processor.finished(name)["FailureReason"]
    assert reason.startswith("ClientError: No program stands in here for the image's own entrypoint")
    assert "Give ContainerEntrypoint" in reason


@pytest.mark.parametrize(
    ("key", "data_type", "words"),
    [
        ("nothing/here", "S3Prefix", 'input "data": No S3 objects found under S3 URL'),
        ("nothing.manifest", "ManifestFile", "there is no such object"),
        ("data/a.csv", "ManifestFile", "it must be [{"),
    ],
)
def test_an_input_that_is_not_there(processor: Processor, key: str, data_type: str, words: str) -> None:
    name = processor.create("evaluate", inputs=(processor.input("data", key, "input/data", data_type),))
    described = processor.finished(name)
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["FailureReason"].startswith("ClientError: Data download failed")
    assert words in described["FailureReason"]


def test_a_bucket_that_takes_no_output(processor: Processor) -> None:
    target = {
        "S3Uri": "s3://no-such-bucket-here/x",
        "LocalPath": "/opt/ml/processing/report",
        "S3UploadMode": "EndOfJob",
    }
    name = processor.create(
        "evaluate",
        inputs=(
            processor.input("data", "data/", "input/data"),
            processor.input("model", "models/7/", "model"),
        ),
        outputs=({"OutputName": "report", "S3Output": target},),
        Environment={"LEVEL": "low"},
    )
    described = processor.finished(name)
    assert described["ProcessingJobStatus"] == "Failed"
    assert "the bucket 'no-such-bucket-here' does not exist" in described["FailureReason"]


def test_a_message_that_is_no_text(processor: Processor) -> None:
    described = processor.finished(processor.create("latin"))
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["FailureReason"].startswith(
        "ClientError: /opt/ml/output/message is not encoded in UTF-8"
    )


def test_a_request_that_is_refused_at_the_call(processor: Processor) -> None:
    twice = processor.input("code", "data/", "other")
    with pytest.raises(ClientError, match="Duplicate InputName code") as caught:
        processor.create("evaluate", inputs=(twice,))
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


# --- jobs that are ended ---------------------------------------------------------------------------------


def test_stop_keeps_what_was_written(processor: Processor) -> None:
    name = processor.create(
        "wait", outputs=(processor.output("report"), processor.output("progress", "Continuous"))
    )
    processor.await_line(name, "waiting")
    deadline = time.monotonic() + DEADLINE_SECONDS
    while processor.keys("out/") != ["progress/log.txt"]:  # while it runs
        assert time.monotonic() < deadline, "nothing was uploaded continuously"
        time.sleep(0.2)
    processor.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert processor.finished(name)["ProcessingJobStatus"] == "Stopped"
    assert processor.keys("out/") == ["progress/log.txt", "report/so-far.json"]
    with pytest.raises(ClientError, match="processing job is in status Stopped"):
        processor.sagemaker.stop_processing_job(ProcessingJobName=name)


def test_the_longest_runtime_ends_a_job(processor: Processor) -> None:
    name = processor.create("wait", StoppingCondition={"MaxRuntimeInSeconds": 1})
    described = processor.finished(name)
    assert described["ProcessingJobStatus"] == "Stopped"
    ran = described["ProcessingEndTime"] - described["ProcessingStartTime"]
    assert ran.total_seconds() >= 0.9


def test_the_clouds_end_stops_what_runs(tmp_path: Path) -> None:
    info = launcher.up(tmp_path, 0)
    family = [psutil.Process(info.pid)]
    try:
        processor = Processor(LocalCloud(info))
        name = processor.create("wait", outputs=(processor.output("report"),))
        processor.await_line(name, "waiting")
        family += family[0].children(recursive=True)
    finally:
        launcher.down(info.home, grace_seconds=10)
    assert len(family) > 2
    assert still_alive(family, 5) == []
    assert list((tmp_path / "containers").iterdir()) == []  # the job came to its end before the cloud did


# --- AWS's own tools -------------------------------------------------------------------------------------


def test_the_sdks_script_processor(cloud: LocalCloud, tmp_path: Path) -> None:
    from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor

    script = tmp_path / "count.py"
    script.write_text(
        "import os, sys\n"
        "base = os.environ.get('SAGEMAKER_BASE_DIR', '/opt/ml') + '/processing/'\n"
        "names = [name for name in os.listdir(base + 'input') if name.endswith('.txt')]\n"
        "open(base + 'output/count.txt', 'w').write(sys.argv[2] + str(len(names)))\n"
    )
    for name in ("a.txt", "b.txt"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).write_text(name)
    session = cloud.sagemaker
    processor = ScriptProcessor(
        role=cloud.role,
        image_uri="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        command=["python3"],
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )
    processor.run(
        code=str(script),
        inputs=[ProcessingInput(source=str(tmp_path / "data"), destination="/opt/ml/processing/input")],
        outputs=[ProcessingOutput(output_name="counts", source="/opt/ml/processing/output")],
        arguments=["--greeting", "found "],
        wait=False,
    )
    described = Processor(cloud).finished(processor.latest_job.name)
    assert described["ProcessingJobStatus"] == "Completed"
    uri = described["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    body = cloud.client("s3").get_object(Bucket=bucket, Key=f"{prefix}/count.txt")["Body"].read()
    assert body == b"found 2"
