"""Whole jobs: S3 and CloudWatch over HTTP, containers as processes, everything real but the state machine."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import os
import resource
import signal
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from execution_parts import IMAGE, REGION, SCOPE, Clients, eventually

from gluonship.local.container_images import ImageTable
from gluonship.local.contracts import (
    Channel,
    Checkpoints,
    JobOutcome,
    JobPhase,
    JobPlan,
    JobResult,
    MetricDefinition,
    Output,
    RunningJob,
)
from gluonship.local.execution.clock import SystemClock
from gluonship.local.execution.logs import CloudWatchLogs
from gluonship.local.execution.metrics import CloudWatchMetrics
from gluonship.local.execution.private_root import PrivateRoot
from gluonship.local.execution.runner import ProcessJobRunner
from gluonship.local.execution.runtime import ProcessRuntime
from gluonship.local.execution.storage import S3Storage

ALL = [JobPhase.STARTING, JobPhase.DOWNLOADING, JobPhase.RUNNING, JobPhase.UPLOADING]
# The container's folder, wherever the machine puts it.
BASE = "import os, sys, time; base = os.environ.get('SAGEMAKER_BASE_DIR', '/opt/ml')\n"
GROUP = "/aws/sagemaker/TrainingJobs"


@dataclass
class Told:
    phases: list[JobPhase] = field(default_factory=list)
    results: list[JobResult] = field(default_factory=list)
    end: threading.Event = field(default_factory=threading.Event)
    left: list[str] = field(default_factory=list)  # of the job's folders, when it was told the result
    home: Path = Path()

    def entered(self, phase: JobPhase) -> None:
        assert not self.results
        self.phases.append(phase)

    def finished(self, result: JobResult) -> None:
        folder = self.home / "containers"
        self.left = [each.name for each in folder.iterdir()] if folder.exists() else []
        self.results.append(result)
        self.end.set()


@dataclass
class Jobs:
    home: Path
    clients: Clients
    bucket: str
    runner: ProcessJobRunner

    def plan(self, code: str, **options: Any) -> JobPlan:
        return JobPlan(
            **{
                "scope": SCOPE,
                "name": "job",
                "image": IMAGE,
                "command": "train",
                "log_group": GROUP,
                "log_stream": f"{self.bucket}/algo-1-1",
                "files": {},
                "folders": ("model", "output/data"),
                "entrypoint": ("python", "-uc", BASE + code),
                "outputs": (Output("model", f"s3://{self.bucket}/out/model.tar.gz"),),
                **options,
            }
        )

    def start(self, code: str, **options: Any) -> tuple[RunningJob, Told]:
        told = Told(home=self.home)
        return self.runner.start(self.plan(code, **options), told), told

    def run(self, code: str, **options: Any) -> tuple[JobResult, Told]:
        _, told = self.start(code, **options)
        assert told.end.wait(60)
        assert len(told.results) == 1
        assert told.left == []
        return told.results[0], told

    def put(self, key: str, body: bytes = b"x") -> str:
        self.clients("s3", REGION).put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def get(self, key: str) -> bytes:
        content: bytes = self.clients("s3", REGION).get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def objects(self) -> list[str]:
        found = self.clients("s3", REGION).list_objects_v2(Bucket=self.bucket)
        return [each["Key"] for each in found.get("Contents", [])]

    def log(self) -> list[str]:
        found = self.clients("logs", REGION).get_log_events(
            logGroupName=GROUP, logStreamName=f"{self.bucket}/algo-1-1", startFromHead=True
        )
        return [each["message"] for each in found["events"]]


def make(
    tmp_path: Path, images: ImageTable, clients: Clients, bucket: str, private: PrivateRoot | None
) -> Jobs:
    runner = ProcessJobRunner(
        runtime=ProcessRuntime(tmp_path, images, private=private),
        storage_for=lambda scope: S3Storage(clients, scope.region),
        logs=CloudWatchLogs(clients, tmp_path),
        metrics=CloudWatchMetrics(clients),
        clock=SystemClock(),
        home=tmp_path,
        checkpoint_seconds=0.1,
    )
    return Jobs(tmp_path, clients, bucket, runner)


@pytest.fixture
def jobs(tmp_path: Path, images: ImageTable, clients: Clients, bucket: str) -> Jobs:
    return make(tmp_path, images, clients, bucket, None)


def reason(result: JobResult) -> str:
    assert result.failure is not None
    return f"{result.failure.kind}: {result.failure.message}"


def members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        files = [each for each in opened.getmembers() if each.isfile()]
        return {each.name: opened.extractfile(each).read() for each in files}  # type: ignore[union-attr]


def test_a_job_from_channels_to_archives(jobs: Jobs) -> None:
    train = jobs.put("in/train/cat/1.txt", b"meow").rpartition("/cat")[0]
    packed = jobs.put("in/packed/a.csv.gz", gzip.compress(b"1,2"))
    jobs.put("in/listed/x/1", b"one")
    jobs.put("in/listed/2", b"two")
    listed = f"s3://{jobs.bucket}/in/listed/"
    manifest = jobs.put("in/manifest", json.dumps([{"prefix": listed}, "x/1", "2"]).encode())
    result, told = jobs.run(
        "for folder, _, names in sorted(os.walk(base)):\n"
        "    for name in sorted(names): print(os.path.relpath(os.path.join(folder, name), base))\n"
        "print(open(base + '/input/data/packed/a.csv').read(), sys.argv[1:])\n"
        "open(base + '/model/weights', 'w').write('w'); os.makedirs(base + '/output/data/plots')\n"
        "open(base + '/output/data/plots/p', 'w').write('p')\n"
        "print('step loss=0.5'); print('step loss=0.25 accuracy=0.9')",
        files={"input/config/hyperparameters.json": b"{}"},
        channels=(
            Channel("train", train),
            Channel("packed", packed, compression="Gzip"),
            Channel("listed", manifest, data_type="ManifestFile"),
        ),
        arguments=("--flag", "1"),
        outputs=(
            Output("model", f"s3://{jobs.bucket}/out/model.tar.gz"),
            Output("output/data", f"s3://{jobs.bucket}/out/output.tar.gz", skip_if_empty=True),
            Output("output/data", f"s3://{jobs.bucket}/files/", archive=False),
        ),
        metric_definitions=(
            MetricDefinition("loss", "loss=([0-9.]+)"),
            MetricDefinition("accuracy", "accuracy=([0-9.]+)"),
            MetricDefinition("never", "never=([0-9.]+)"),
        ),
        metric_namespace=GROUP,
        metric_dimensions={"TrainingJobName": jobs.bucket},
    )
    assert result.failure is None
    assert result.outcome is JobOutcome.COMPLETED
    assert told.phases == ALL
    assert {name: value for name, (value, _) in result.metrics.items()} == {"loss": 0.25, "accuracy": 0.9}
    assert members(jobs.get("out/model.tar.gz")) == {"weights": b"w"}
    assert members(jobs.get("out/output.tar.gz")) == {"plots/p": b"p"}
    assert jobs.get("files/plots/p") == b"p"
    log = jobs.log()
    assert log[3:9] == [
        "input/config/hyperparameters.json",
        "input/data/listed/2",
        "input/data/listed/x/1",
        "input/data/packed/a.csv",
        "input/data/train/cat/1.txt",
        "1,2 ['--flag', '1']",
    ]
    found = jobs.clients("cloudwatch", REGION).list_metrics(
        Namespace=GROUP, Dimensions=[{"Name": "TrainingJobName", "Value": jobs.bucket}]
    )
    assert sorted(each["MetricName"] for each in found["Metrics"]) == ["accuracy", "loss"]


def test_links_in_a_model_stay_inside(jobs: Jobs) -> None:
    result, _ = jobs.run(
        "os.chdir(base + '/model'); open('a', 'w').write('a'); os.symlink('a', 'inside')\n"
        "open(base + '/output/secret', 'w').write('outside'); os.symlink(base + '/output/secret', 'b')\n"
        "os.mkdir('code'); os.symlink('/opt/ml/model/a', 'code/absolute')\n"
        "os.symlink('/nowhere', 'broken'); os.mkfifo('pipe')"
    )
    assert result.outcome is JobOutcome.COMPLETED
    packed = jobs.get("out/model.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        kinds = {each.name: each.issym() for each in archive.getmembers()}
        assert archive.getmember("code/absolute").linkname == "../a"
        owners = {each.uname for each in archive.getmembers()}
    assert kinds["a"] is False
    assert kinds["inside"] is True
    assert members(packed) == {"a": b"a", "b": b"outside"}
    assert "broken" not in kinds
    assert "pipe" not in kinds
    assert owners == {"root"}
    assert any(
        "'broken' of /opt/ml/model is left out: it links to '/nowhere', which is not there" in line
        for line in jobs.log()
    )


def test_odd_names_cost_a_job_nothing_else(jobs: Jobs) -> None:
    """In what is packed, in what is uploaded file by file at the end, and in what is uploaded meanwhile."""
    result, _ = jobs.run(
        "for folder in ('model', 'files', 'checkpoints'):\n"
        "    os.makedirs(base + '/' + folder, exist_ok=True); os.chdir(base + '/' + folder)\n"
        "    open('weights', 'w').write(folder); os.mkdir('sub'); open('sub/ü 1', 'w').write('1')\n"
        "    open(b'caf\\xe9', 'w').write('é'); open('a\\nb', 'w').close(); os.symlink('loop', 'loop')\n"
        "    os.mkdir('c\\td'); open('c\\td/e', 'w').close(); os.mkfifo('pipe')\n"
        "    os.symlink('nowhere', 'broken'); os.symlink(b'caf\\xe9', 'cafe')",
        folders=("model",),
        outputs=(
            Output("model", f"s3://{jobs.bucket}/out/model.tar.gz"),
            Output("files", f"s3://{jobs.bucket}/files", archive=False),
        ),
        checkpoints=Checkpoints(f"s3://{jobs.bucket}/ckpt", "/opt/ml/checkpoints"),
    )
    assert result.failure is None
    assert result.outcome is JobOutcome.COMPLETED
    kept = {"cafe": "é".encode(), "sub/ü 1": b"1", "weights": b"model"}
    assert members(jobs.get("out/model.tar.gz")) == kept
    assert sorted(jobs.objects()) == [
        *(f"ckpt/{name}" for name in kept),
        *(f"files/{name}" for name in kept),
        "out/model.tar.gz",
    ]
    log = jobs.log()
    for place in ("/opt/ml/model", "/opt/ml/files", "checkpoints"):
        lines = [line for line in log if f" of {place}" in line]
        assert lines == [
            f"gluonship: '{name}' of {place} is left out: {reason}"
            for name, reason in {
                "a\\nb": "its name has control characters",
                "broken": "it links to 'nowhere', which is not there",
                "c\\td": "its name has control characters",
                "caf\\xe9": "its name is not UTF-8",
                "loop": "it links to 'loop': Too many levels of symbolic links",
                "pipe": "it is a socket, a pipe or a device",
            }.items()
        ] + [f"gluonship: 6 left out of {place}"]


def test_a_script_that_raises(jobs: Jobs) -> None:
    result, told = jobs.run(
        "open(base + '/model/half', 'w').close()\nopen(base + '/output/data/log', 'w').write('l')\n"
        "raise ValueError('the learning rate is bad')",
        outputs=(
            Output("model", f"s3://{jobs.bucket}/model.tar.gz"),
            Output("output/data", f"s3://{jobs.bucket}/output.tar.gz", even_if_failed=True),
        ),
    )
    assert result.outcome is JobOutcome.FAILED
    assert reason(result).startswith("AlgorithmError: Traceback")
    assert reason(result).endswith("ValueError: the learning rate is bad")
    assert result.failure is not None
    assert result.failure.exit_code == 1
    assert told.phases == ALL
    assert jobs.objects() == ["output.tar.gz"]


def toolkit_run(jobs: Jobs, script: bytes, **hyperparameters: str) -> JobResult:
    """The script in AWS's own image, by its toolkit; it comes from S3."""
    source = io.BytesIO()
    with tarfile.open(fileobj=source, mode="w:gz") as archive:
        member = tarfile.TarInfo("train.py")
        member.size = len(script)
        archive.addfile(member, io.BytesIO(script))
    parameters = {
        **hyperparameters,
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": json.dumps(jobs.put("code/sourcedir.tar.gz", source.getvalue())),
        "sagemaker_region": '"us-east-1"',
    }
    hosts = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"}
    result, _ = jobs.run(
        "",
        entrypoint=(),
        image="763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38",
        files={
            "input/config/hyperparameters.json": json.dumps(parameters).encode(),
            "input/config/resourceconfig.json": json.dumps(hosts).encode(),
            "input/config/inputdataconfig.json": b"{}",
        },
        environment={
            "AWS_ENDPOINT_URL": jobs.clients("s3", REGION).meta.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        },
    )
    return result


def test_the_toolkit_runs_a_users_script_and_its_failure_is_told(jobs: Jobs) -> None:
    script = (
        b"import argparse, os\nparser = argparse.ArgumentParser(); parser.add_argument('--fail', type=int)\n"
        b"if parser.parse_args().fail: raise RuntimeError('asked to fail')\n"
        b"open(os.environ['SM_MODEL_DIR'] + '/m', 'w').write(os.environ['SM_CURRENT_HOST'])\n"
    )
    failed = toolkit_run(jobs, script, fail="1")
    assert failed.outcome is JobOutcome.FAILED
    assert "RuntimeError: asked to fail" in reason(failed)
    assert "ExitCode 1" in reason(failed)
    completed = toolkit_run(jobs, script, fail="0")
    assert completed.failure is None
    assert members(jobs.get("out/model.tar.gz")) == {"m": b"algo-1"}


def test_exit_0_without_the_success_file(jobs: Jobs) -> None:
    """What the toolkit does where it cannot write its verdict (its own script here takes the folder away)."""
    take_away = (
        b"import os, sys\nbase = os.environ.get('SAGEMAKER_BASE_DIR', '/opt/ml')\n"
        b"os.rename(base + '/output', base + '/taken')\nopen(base + '/output', 'w').close()\n"
    )
    result = toolkit_run(jobs, take_away)
    assert result.outcome is JobOutcome.FAILED
    assert "did not write /opt/ml/output/success" in reason(result)


def test_the_failure_file_speaks(jobs: Jobs) -> None:
    result, _ = jobs.run("open(base + '/output/failure', 'w').write('no classes'); sys.exit(4)")
    assert reason(result) == "AlgorithmError: no classes"
    assert result.failure is not None
    assert result.failure.exit_code == 4


@pytest.mark.parametrize("uri", ["s3://{bucket}/nothing/here", "s3://{bucket}/marker/"])
def test_an_empty_channel(jobs: Jobs, uri: str) -> None:
    jobs.put("marker/", b"")
    uri = uri.format(bucket=jobs.bucket)
    result, told = jobs.run("", channels=(Channel("train", uri),))
    assert reason(result).startswith(
        f'ClientError: Data download failed: channel "train": No S3 objects found under S3 URL "{uri}" given '
        "in input data source."
    )
    assert told.phases == ALL[:2]


def test_channels_that_cannot_be_read(jobs: Jobs) -> None:
    result, _ = jobs.run("", channels=(Channel("train", "s3://no-such-bucket/x"),))
    assert "channel \"train\": cannot read s3://no-such-bucket/x: the bucket 'no-such-bucket'" in reason(
        result
    )
    plain = jobs.put("plain.gz", b"not compressed")
    result, _ = jobs.run("", channels=(Channel("train", plain, compression="Gzip"),))
    assert "CompressionType is Gzip, but the object 'plain.gz' is not" in reason(result)
    jobs.put("twice/a", gzip.compress(b"1"))
    twice = jobs.put("twice/a.gz", gzip.compress(b"2")).removesuffix("a.gz")
    result, _ = jobs.run("", channels=(Channel("train", twice, compression="Gzip"),))
    assert "the objects 'a.gz' and 'a' would be one file when decompressed" in reason(result)
    result, _ = jobs.run("", channels=(Channel("train", plain, data_type="ManifestFile"),))
    assert "is no JSON" in reason(result)
    manifest = jobs.put("m", json.dumps([{"prefix": f"s3://{jobs.bucket}/"}, "../../x"]).encode())
    result, _ = jobs.run("", channels=(Channel("train", manifest, data_type="ManifestFile"),))
    assert "no file below the channel's folder can have" in reason(result)


def test_an_unknown_image(jobs: Jobs) -> None:
    result, _ = jobs.run("", image="xgboost:1")
    assert reason(result).startswith(
        "ClientError: Nothing on this machine stands in for the image xgboost:1."
    )
    assert "[[image]]" in reason(result)


def test_a_metric_definition_that_is_none(jobs: Jobs) -> None:
    result, _ = jobs.run("", metric_definitions=(MetricDefinition("m", "("),))
    assert reason(result).startswith("ClientError: the Regex of metric 'm' is not valid")


def test_an_output_that_cannot_be_written(jobs: Jobs) -> None:
    result, told = jobs.run("", outputs=(Output("model", "s3://no-such-bucket/m.tar.gz"),))
    assert reason(result) == (
        "ClientError: Artifact upload failed: cannot write s3://no-such-bucket/m.tar.gz: "
        "the bucket 'no-such-bucket' does not exist"
    )
    assert told.phases == ALL


@pytest.fixture
def small_files_only() -> Iterator[None]:
    """What a full disk does to a writer, for this process and its containers: no file above 64 KB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_while_downloading(jobs: Jobs, small_files_only: None) -> None:
    big = jobs.put("big", b"x" * 200_000)
    result, _ = jobs.run("", channels=(Channel("train", big),))
    for words in ("ClientError: ", str(jobs.home), "MiB free of", "GLUONSHIP_HOME"):
        assert words in reason(result)


def test_a_full_disk_while_packing(jobs: Jobs, small_files_only: None) -> None:
    result, told = jobs.run("for n in range(5): open(base + f'/model/{n}', 'wb').write(os.urandom(60_000))")
    assert "MiB free of" in reason(result)
    assert told.phases == ALL


def test_a_full_disk_in_the_script(jobs: Jobs) -> None:
    result, _ = jobs.run("open('/dev/full', 'wb', 0).write(b'x')")
    for words in ("AlgorithmError: ", "No space left on device", str(jobs.home), "MiB free of"):
        assert words in reason(result)


def test_more_memory_than_allowed(jobs: Jobs) -> None:
    result, _ = jobs.run("b = bytearray(300_000_000); time.sleep(60)", memory_limit_bytes=150 * 2**20)
    assert result.failure is not None
    assert result.failure.exit_code == 137
    assert "more than the limit of 150 MiB" in reason(result)


def test_killed_from_outside(jobs: Jobs) -> None:
    _, told = jobs.start("print('pid', os.getpid()); time.sleep(60)")
    assert eventually(lambda: any(line.startswith("pid ") for line in _log_on_disk(jobs)))
    pid = next(int(line.split()[1]) for line in _log_on_disk(jobs) if line.startswith("pid "))
    os.kill(pid, signal.SIGKILL)
    assert told.end.wait(20)
    (result,) = told.results
    assert "The container was killed with SIGKILL by another process of this machine" in reason(result)
    assert result.failure is not None
    assert result.failure.exit_code == 137


def _log_on_disk(jobs: Jobs) -> list[str]:
    return [line for file in jobs.home.rglob("*.log") for line in file.read_text().splitlines()]


def test_stop_keeps_what_was_written(jobs: Jobs) -> None:
    job, told = jobs.start("open(base + '/model/m', 'w').write('half'); print('ready'); time.sleep(60)")
    assert eventually(lambda: "ready" in _log_on_disk(jobs))
    job.stop(10.0)
    assert told.end.wait(20)
    assert told.results[0].outcome is JobOutcome.STOPPED
    assert told.results[0].failure is None
    assert told.phases == ALL
    assert members(jobs.get("out/model.tar.gz")) == {"m": b"half"}
    job.stop(10.0)  # too late, and harmless
    job.interrupt()
    assert len(told.results) == 1


def test_stop_before_the_container_runs(jobs: Jobs) -> None:
    runner = jobs.runner
    plan = jobs.plan("print('ran')", channels=(Channel("train", jobs.put("x")),))
    gate = threading.Event()

    class StopsWhileDownloading(Told):
        def entered(self, phase: JobPhase) -> None:
            super().entered(phase)
            if phase is JobPhase.DOWNLOADING:
                gate.wait(10)

    told = StopsWhileDownloading(home=jobs.home)
    job = runner.start(plan, told)
    job.stop(10.0)
    gate.set()
    assert told.end.wait(20)
    assert told.results[0].outcome is JobOutcome.STOPPED
    assert "ran" not in jobs.log()


def test_interruption_and_checkpoints(jobs: Jobs) -> None:
    """The second attempt goes on where the first was killed."""
    code = (
        "path = base + '/checkpoints/step'\n"
        "step = int(open(path).read()) if os.path.exists(path) else 0\n"
        "print('begins at', step)\n"
        "if step: open(base + '/model/m', 'w').write(str(step)); sys.exit(0)\n"
        "open(path + '.new', 'w').write('7'); os.rename(path + '.new', path); print('saved'); time.sleep(60)"
    )
    options: dict[str, Any] = {"checkpoints": Checkpoints(f"s3://{jobs.bucket}/ckpt", "/opt/ml/checkpoints")}
    job, told = jobs.start(code, **options)
    assert eventually(lambda: "ckpt/step" in jobs.objects())  # while it runs
    job.interrupt()
    assert told.end.wait(20)
    assert told.results[0].outcome is JobOutcome.INTERRUPTED
    assert told.phases == ALL[:3]
    assert jobs.objects() == ["ckpt/step"]
    result, _ = jobs.run(code, **options)
    assert result.outcome is JobOutcome.COMPLETED
    assert members(jobs.get("out/model.tar.gz")) == {"m": b"7"}
    assert "begins at 7" in jobs.log()


def test_checkpoints_elsewhere_are_refused(jobs: Jobs) -> None:
    result, _ = jobs.run("", checkpoints=Checkpoints(f"s3://{jobs.bucket}/c", "/tmp/checkpoints"))
    assert "CheckpointConfig.LocalPath is '/tmp/checkpoints'" in reason(result)


def test_a_read_only_folder_is_no_obstacle_to_cleaning_up(jobs: Jobs) -> None:
    result, _ = jobs.run(
        "os.makedirs(base + '/model/d'); open(base + '/model/d/f', 'w'); os.chmod(base + '/model/d', 0o500)"
    )
    assert result.outcome is JobOutcome.COMPLETED


def test_a_log_is_closed_whatever_else_goes_wrong_at_the_end(
    jobs: Jobs, images: ImageTable, clients: Clients
) -> None:
    class Unwilling(CloudWatchMetrics):
        def flush(self) -> None:
            raise OSError("no descriptor is free")

    jobs.runner = ProcessJobRunner(
        runtime=ProcessRuntime(jobs.home, images),
        storage_for=lambda scope: S3Storage(clients, scope.region),
        logs=CloudWatchLogs(clients, jobs.home),
        metrics=Unwilling(clients),
        clock=SystemClock(),
        home=jobs.home,
    )
    result, _ = jobs.run("print('the last words')")
    assert result.outcome is JobOutcome.COMPLETED
    assert "the last words" in jobs.log()
    assert [each.name for each in threading.enumerate() if each.name.startswith("log-")] == []


def test_opt_ml_where_it_cannot_be_made(
    tmp_path: Path, images: ImageTable, clients: Clients, bucket: str
) -> None:
    jobs = make(tmp_path, images, clients, bucket, PrivateRoot(allowed=False, reason="mount: not permitted"))
    result, _ = jobs.run("open('/opt/ml/input/config/hyperparameters.json')")
    assert "The output mentions /opt/ml, which this machine does not let a container have" in reason(result)
    assert "mount: not permitted" in reason(result)


def test_a_plan_whose_paths_lead_out(jobs: Jobs) -> None:
    result, _ = jobs.run("", files={"../../x": b""})
    assert "'../../x' is no path below /opt/ml" in reason(result)


def test_two_scopes_may_run_one_name(jobs: Jobs) -> None:
    code = "time.sleep(0.2); open(base + '/model/m', 'w').write('m')"
    first = Told(home=jobs.home)
    second = Told(home=jobs.home)
    plan = jobs.plan(code)
    jobs.runner.start(plan, first)
    other = dataclasses.replace(plan, outputs=(Output("model", f"s3://{jobs.bucket}/other.tar.gz"),))
    jobs.runner.start(other, second)
    assert first.end.wait(20)
    assert second.end.wait(20)
    assert first.results[0].outcome is second.results[0].outcome is JobOutcome.COMPLETED
    assert jobs.objects() == ["other.tar.gz", "out/model.tar.gz"]
