"""The commands on a local cloud: a folder of images becomes an endpoint's answers, and is cleared away."""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gluonship.cli.main import run
from gluonship.vision import artifacts, datasets

COLOURS = {"blue": (30, 60, 200), "red": (200, 40, 30), "yellow": (220, 200, 40)}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Done]


@pytest.fixture
def call(cloud: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command line on the tests' cloud."""
    monkeypatch.setenv("GLUONSHIP_HOME", str(cloud.home))
    monkeypatch.setenv("COLUMNS", "200")

    def call_(*arguments: str) -> Done:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Done(code, captured.out, captured.err)

    return call_


def jpeg(colour: str, seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(-30, 30, (24, 24, 3))
    file = io.BytesIO()
    Image.fromarray((np.array(COLOURS[colour]) + noise).clip(0, 255).astype(np.uint8)).save(file, "JPEG")
    return file.getvalue()


def write_images(folder: Path, count: int, first: int = 0) -> Path:
    for colour in COLOURS:
        (folder / colour).mkdir(parents=True)
        for number in range(first, first + count):
            (folder / colour / f"{number}.jpg").write_bytes(jpeg(colour, number))
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with channels of its own."""
    folder = tmp_path_factory.mktemp("images of colours")
    write_images(folder / "train", 48)
    write_images(folder / "validation", 8, first=1000)
    return folder


JOB = "colours"


@pytest.fixture(scope="module")
def trained(cloud: Any, images: Path) -> dict[str, Any]:
    """The one training of this module, by the command; gives what --json printed."""

    patch = pytest.MonkeyPatch()
    patch.setenv("GLUONSHIP_HOME", str(cloud.home))
    out, err = io.StringIO(), io.StringIO()
    arguments = ["train", str(images), "--job-name", JOB, "--epochs", "4", "--image-size", "16"]
    arguments += ["--batch-size", "8", "--set", "num_threads=1", "--set", "flip=false", "--json"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(arguments)
    patch.undo()
    assert code == 0, out.getvalue() + err.getvalue()
    return {**json.loads(out.getvalue()), "messages": err.getvalue()}


# --- train ------------------------------------------------------------------------------------------------


def test_training_gives_an_artifact_and_metrics_and_shows_the_log(
    trained: dict[str, Any], cloud: Any
) -> None:
    assert trained["job"] == JOB
    assert trained["metrics"]["validation:accuracy"] > 0.9
    bucket, _, key = trained["artifact"].removeprefix("s3://").partition("/")
    assert cloud.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 0
    messages = trained["messages"]
    assert "train: 144 images of 3 classes" in messages
    assert "validation: 24 images of 3 classes" in messages
    assert "metric epoch=4 train:loss=" in messages
    assert f"gluonship deploy {JOB} --endpoint NAME" in messages


def test_the_job_got_the_hyperparameters_and_every_byte_of_every_image(
    trained: dict[str, Any], cloud: Any, images: Path, tmp_path: Path
) -> None:
    job = cloud.client("sagemaker").describe_training_job(TrainingJobName=JOB)
    settings = {name: json.loads(value) for name, value in job["HyperParameters"].items()}
    expected = {"epochs": 4, "image-size": 16, "batch-size": 8, "num-threads": 1, "flip": False}
    assert {name: settings[name] for name in expected} == expected
    (uri,) = [
        channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in job["InputDataConfig"]
        if channel["ChannelName"] == "validation"
    ]
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    for name in ("validation.rec", "validation.idx", "classes.txt"):
        cloud.client("s3").download_file(bucket, prefix + name, str(tmp_path / name))
    uploaded = datasets.open_dataset(tmp_path)
    assert uploaded.digest == datasets.open_dataset(images / "validation").digest


def _one_class(folder: Path) -> None:
    (folder / "red").mkdir(parents=True)
    (folder / "red/1.jpg").write_bytes(jpeg("red", 1))


def _unreadable(folder: Path) -> None:
    write_images(folder, 3)
    (folder / "red/broken.jpg").write_bytes(jpeg("red", 1)[:200])


def _text_named_jpg(folder: Path) -> None:
    write_images(folder, 3)
    (folder / "blue/notes.jpg").write_text("not a picture at all")


def _no_images(folder: Path) -> None:
    for colour in COLOURS:
        (folder / colour).mkdir(parents=True)


def _not_there(folder: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_one_class, "one class|two classes|fewer than|at least"),
        (_unreadable, "red/broken.jpg"),
        (_text_named_jpg, "blue/notes.jpg"),
        (_no_images, "no images"),
        (_not_there, "is not a folder"),
    ],
)
def test_a_data_set_that_cannot_be_trained_on_is_found_before_it_goes_up(
    call: Call, cloud: Any, tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:

    make(tmp_path / "data")
    done = call("train", str(tmp_path / "data"), "--job-name", "never")
    assert done.code == 1
    assert re.search(words, done.err), done.err
    with pytest.raises(cloud.client("sagemaker").exceptions.ClientError):
        cloud.client("sagemaker").describe_training_job(TrainingJobName="never")


def test_s3_data_that_is_not_there_is_said(call: Call) -> None:
    done = call("train", "s3://nobodys-bucket-here/data")
    assert done.code == 1
    assert "There is nothing at s3://nobodys-bucket-here/data" in done.err
    assert call("train", "s3:nonsense").code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--set", "momentun=0.9"],
            "momentun is not a hyperparameter of this script. Did you mean momentum?",
        ),
        (["--set", "warmup_epochs=20"], "warmup-epochs (20) must not be more than epochs (8)."),
        (["--set", "flip=2"], "flip must be True or False, not '2'."),
        (["--set", "x=1"], "'-x' is not of the form --name value."),
        (["--image-size", "2"], "image-size must be a whole number from 8 to 4096, not '2'."),
        (["--network", "resnet18v1"], "network 'resnet18v1' is neither gluonship_small nor in GluonCV's"),
    ],
)
def test_a_wrong_hyperparameter_is_found_before_anything_goes_up(
    call: Call, cloud: Any, images: Path, arguments: list[str], words: str
) -> None:
    done = call("train", str(images), *arguments, "--job-name", "never", "--bucket", "never-made-for-this")
    assert done.code == 2
    assert words in " ".join(done.err.split())
    with pytest.raises(cloud.client("sagemaker").exceptions.ClientError):
        cloud.client("sagemaker").describe_training_job(TrainingJobName="never")
    buckets = [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]]
    assert "never-made-for-this" not in buckets


def test_a_jobs_model_is_fetched(call: Call, trained: dict[str, Any], tmp_path: Path) -> None:
    fetched = call("download", JOB, "--to", str(tmp_path / "here"), "--json")
    assert fetched.code == 0, fetched.err
    assert (fetched.json["kind"], fetched.json["files"][0]["source"]) == ("training job", trained["artifact"])
    with tarfile.open(tmp_path / "here" / "model.tar.gz") as archive:
        assert "model-symbol.json" in archive.getnames()


# --- deploy, invoke, doctor, delete -------------------------------------------------------------------------


def test_a_job_is_deployed_asked_examined_updated_and_deleted(
    call: Call, trained: dict[str, Any], cloud: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed = call("deploy", JOB, "--endpoint", "eye", "--json")
    assert deployed.code == 0, deployed.err
    assert deployed.json["change"] == "created"
    assert deployed.json["model_data"] == trained["artifact"]

    pictures = {colour: tmp_path / f"{colour} picture.jpg" for colour in COLOURS}
    for colour, path in pictures.items():
        path.write_bytes(jpeg(colour, 5000))
    asked = call("invoke", "eye", *map(str, pictures.values()), "--json")
    assert asked.code == 0, asked.err
    top = {result["image"]: result["predictions"][0]["label"] for result in asked.json["results"]}
    assert top == {str(path): colour for colour, path in pictures.items()}
    table = call("invoke", "eye", str(pictures["red"]), "--top", "1").out
    assert "red picture.jpg" in table
    assert "blue" not in table

    _a_bad_image_costs_only_its_own_answer(call, "eye", pictures, tmp_path)

    (tmp_path / "eye").mkdir()  # as the folder of its images may be called
    monkeypatch.chdir(tmp_path)
    examined = call("doctor", "eye", "--json")
    assert examined.code == 0, examined.out
    assert "InService" in [finding["detail"] for finding in examined.json["findings"]]
    assert examined.json["healthy"]
    assert {finding["verdict"] for finding in examined.json["findings"]} == {"ok"}
    assert len(examined.json["findings"]) >= 4

    status = call("local", "status", "--json")
    assert {"kind": "endpoint", "name": "eye", "status": "InService"} in status.json["resources"]
    assert {"kind": "training job", "name": JOB, "status": "Completed"} in status.json["resources"]

    bucket, _, key = trained["artifact"].removeprefix("s3://").partition("/")
    cloud.client("s3").download_file(bucket, key, str(tmp_path / "model.tar.gz"))
    updated = call("deploy", str(tmp_path / "model.tar.gz"), "--endpoint", "eye", "--json")
    assert (updated.code, updated.json["change"]) == (0, "updated"), updated.err

    log = call("local", "logs", "eye")
    assert log.code == 0
    assert len({line.partition("]")[0] for line in log.out.splitlines() if line.startswith("[")}) == 2

    deleted = call("delete", "eye", "--json")
    assert deleted.code == 0, deleted.err
    assert len(deleted.json["deleted"]) == 5
    assert cloud.client("sagemaker").list_endpoints(NameContains="eye")["Endpoints"] == []
    assert call("delete", "eye").code == 1


def _a_bad_image_costs_only_its_own_answer(
    call: Call, endpoint: str, pictures: dict[str, Path], tmp_path: Path
) -> None:
    bad = {
        "text.jpg": (b"no picture", "UnsupportedImage", "the content is text; send a JPEG"),
        "empty.jpg": (b"", "EmptyImage", "the file is empty"),
        "x.gif": (b"GIF89a" + bytes(20), "UnsupportedImage", "the content is a GIF"),
        "zeros.jpg": (bytes(30 * 2**20), "UnsupportedImage", "the content is zero bytes"),
        "huge.jpg": (jpeg("red", 1) + bytes(30 * 2**20), "ValidationError", "exceeded 6291456 bytes"),
        "large.jpg": (jpeg("red", 1) + bytes(6_291_456), "ValidationError", "exceeded 6291456 bytes"),
        "cut.jpg": (jpeg("red", 1)[:-200], "InvalidImage", "truncated"),
    }
    for name, (content, _, _) in bad.items():
        (tmp_path / name).write_bytes(content)
    files = [str(pictures["red"]), *(str(tmp_path / name) for name in bad), str(pictures["blue"])]
    mixed = call("invoke", endpoint, *files, "--json")
    assert mixed.code == 1
    first, *refused, last = mixed.json["results"]
    assert [each["predictions"][0]["label"] for each in (first, last)] == ["red", "blue"]
    assert "7 of 9 images got no answer" in mixed.err
    for result, (name, (_, code, words)) in zip(refused, bad.items(), strict=True):
        assert result["image"] == str(tmp_path / name)
        assert code in result["error"]["code"]
        assert re.search(words, result["error"]["message"]), result
    table = call("invoke", endpoint, *files)
    assert table.code == 1
    assert "the content is a GIF" in table.out
    alone = call("invoke", endpoint, str(tmp_path / "x.gif"), "--json")
    assert (alone.code, len(alone.json["results"])) == (1, 1)


@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        ("no-such-job", 1, "no-such-job"),
        ("no/such/model.tar.gz", 2, "There is no file"),
        ("s3://nobodys-bucket-here/model.tar.gz", 1, "There is no model at"),
        ("not a name", 2, "'not-a-name' would do"),
    ],
)
def test_what_cannot_be_deployed_is_said(call: Call, model: str, code: int, words: str) -> None:
    done = call("deploy", model, "--endpoint", "nowhere")
    assert done.code == code
    assert words in done.err


def test_a_users_names_are_quoted_and_keep_their_case(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mk.py").write_text("print()")
    (tmp_path / "none").mkdir()
    for arguments in (
        ("deploy", "mk.py", "--endpoint", "nowhere"),
        ("train", "none"),
        ("local", "interrupt", "nope"),
    ):
        done = call(*arguments)
        (name,) = {"mk.py", "none", "nope"} & set(arguments)
        last = done.err.strip().splitlines()[-1]
        assert done.code == 1
        assert f"'{name}'" in last
        assert name.capitalize() not in last


def _archive(path: Path, name: str, link: str = "") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        if link:
            member.type, member.linkname = tarfile.SYMTYPE, link
        archive.addfile(member)
    return path


@pytest.mark.parametrize(("name", "link"), [("../escaped", ""), ("/absolute", ""), ("link", "/etc/passwd")])
def test_an_archive_that_leads_out_is_refused_by_deploy_and_doctor(
    call: Call, tmp_path: Path, name: str, link: str
) -> None:
    path = _archive(tmp_path / "model.tar.gz", name, link)
    refused = call("deploy", str(path), "--endpoint", "nowhere")
    assert refused.code == 1
    assert name in refused.err
    examined = call("doctor", str(path), "--json")
    assert examined.code == 1
    (finding,) = examined.json["findings"]
    assert (finding["check"], finding["verdict"]) == ("archive", "failed")
    assert name in finding["detail"]
    assert finding["cure"]


def test_an_endpoint_that_is_not_there_is_said(call: Call, tmp_path: Path) -> None:
    (tmp_path / "red.jpg").write_bytes(jpeg("red", 1))
    assert "There is no endpoint 'nobody'" in call("invoke", "nobody", str(tmp_path / "red.jpg")).err
    examined = call("doctor", "nobody", "--json")
    assert (examined.code, examined.json["healthy"]) == (1, False)


def test_a_folder_with_a_plain_name_is_examined_by_its_path(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    (finding,) = call("doctor", "photos", "--json").json["findings"]
    assert "neither an endpoint nor a training job named 'photos'" in finding["detail"]
    assert "./photos" in finding["cure"]
    by_path = call("doctor", "./photos", "--json").json["findings"]
    assert "there is no .params file among 0 files." in [each["detail"] for each in by_path]
    assert call("doctor", "no_name").code == 2
    assert call("doctor", "s3:nonsense").code == 2
    assert (
        "There is nothing at s3://nobodys-bucket-here/x" in call("doctor", "s3://nobodys-bucket-here/x").err
    )


# --- doctor on an artifact ----------------------------------------------------------------------------------


@pytest.fixture
def artifact(trained: dict[str, Any], cloud: Any, tmp_path: Path) -> Path:
    bucket, _, key = trained["artifact"].removeprefix("s3://").partition("/")
    cloud.client("s3").download_file(bucket, key, str(tmp_path / "model.tar.gz"))
    return tmp_path / "model.tar.gz"


def test_a_good_artifact_keeps_the_contract_in_both_servers(call: Call, trained: dict[str, Any]) -> None:
    done = call("doctor", JOB, "--json")
    assert f"Reading '{trained['artifact']}'" in done.err
    findings = {finding["check"]: finding for finding in done.json["findings"]}
    assert done.code == 0, done.out
    assert {finding["verdict"] for finding in findings.values()} == {"ok"}, done.out
    for server in ("our server", "AWS's handlers"):
        for check in ("start", "GET /ping", "POST /invocations", "bad input", "SIGTERM"):
            assert f"{server}: {check}" in findings


def test_a_changed_file_is_named_with_the_cure(
    call: Call, artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    artifacts.extract(artifact, folder)
    (folder / "code/inference.py").write_text("print('changed')")
    monkeypatch.chdir(tmp_path)
    done = call("doctor", "model")  # a folder with a manifest
    assert done.code == 1
    assert "code/inference.py is not what the manifest says" in " ".join(done.out.split())
    assert "1 of 2 checks failed" in done.err


def test_a_broken_golden_prediction_is_named(call: Call, artifact: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    artifacts.extract(artifact, folder)
    (folder / "golden/prediction").write_text("{}")
    artifacts.seal(folder)
    done = call("doctor", str(folder), "--json")
    assert done.code == 1
    (failed,) = [finding for finding in done.json["findings"] if finding["verdict"] == "failed"]
    assert "golden sample" in failed["detail"]


# --- logs and environment ---------------------------------------------------------------------------------


def test_the_log_of_a_job_can_be_read_whole_its_end_or_followed(call: Call, trained: dict[str, Any]) -> None:
    whole = call("local", "logs", JOB)
    assert whole.code == 0
    assert "stands in for the image" in whole.out.splitlines()[0]
    end = call("local", "logs", JOB, "-n", "2")
    assert end.out.splitlines() == whole.out.splitlines()[-2:]
    followed = call("local", "logs", JOB, "-f")  # ends by itself, since the job has
    assert followed.out == whole.out
    assert "no training job and no endpoint 'nobody'" in call("local", "logs", "nobody").err


def test_the_clouds_own_log_is_shown_without_a_name(call: Call) -> None:
    done = call("local", "logs")
    assert done.code == 0
    assert "ready on port" in done.out


def test_env_gives_lines_that_a_shell_takes(call: Call, cloud: Any) -> None:

    lines = call("local", "env").out
    shell = ["bash", "-c", f'{lines}\necho "$AWS_ENDPOINT_URL ${{AWS_PROFILE-none}}"']
    environment = {"PATH": "/usr/bin:/bin", "AWS_PROFILE": "mine"}
    done = subprocess.run(shell, env=environment, capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.split() == [cloud.url, "none"]
    assert call("local", "env", "--json").json["AWS_PROFILE"] is None


def test_a_job_that_is_not_on_spot_cannot_be_interrupted(call: Call, trained: dict[str, Any]) -> None:
    done = call("local", "interrupt", JOB)
    assert done.code == 1
    assert "EnableManagedSpotTraining" in done.err
