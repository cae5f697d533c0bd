"""Whole training jobs: by SageMaker's toolkit from the bundle, and what is said where one cannot run."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import mxnet as mx
import pytest
from gluonship_training import environment, hyperparameters, job
from gluonship_training.failures import JobError, Stopped
from gluonship_training.interruption import Interruption
from training_runs import CLASSES, arguments, job_folder, picture, script_environment, train, write_images

from gluonship import bundles
from gluonship.vision import artifacts
from gluonship.vision.datasets import write_recordio
from gluonship.vision.images import decode, encode_png
from gluonship.vision.predictions import classification, difference, softmax

SMALL_JOB = {"epochs": 10, "batch-size": 16, "image-size": 20, "learning-rate": 0.05}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The training bundle, as it lies in a container."""
    return bundles.training_source(tmp_path_factory.mktemp("bundle") / "source")


@pytest.fixture(scope="module")
def trained(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The root of a job that the toolkit ran on RecordIO channels, and its log."""
    base = tmp_path_factory.mktemp("trained")
    for channel, count, seed in (("train", 300, 0), ("validation", 45, 10_000)):
        samples = [(encode_png(picture(i % 3, seed + i)), i % 3) for i in range(count)]
        write_recordio(_made(base / "input" / "data" / channel), channel, samples, CLASSES)
    ended = _toolkit(base, source, {**SMALL_JOB, "flip": True, "mean": [0.5, 0.5, 0.5]})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return base, ended.stdout


def test_the_toolkit_runs_the_bundle_to_a_whole_artifact(trained: tuple[Path, str]) -> None:
    base, _ = trained
    assert (base / "output" / "success").exists()
    assert not (base / "output" / "failure").exists()
    manifest = artifacts.verify(base / "model")
    assert (manifest.task, manifest.network, manifest.classes) == (
        "classification",
        "gluonship_small",
        list(CLASSES),
    )
    assert manifest.preprocessing.mean == (0.5, 0.5, 0.5)
    assert manifest.postprocessing["activation"] == "softmax"
    assert manifest.dataset["samples"] == {"train": 300, "validation": 45}
    assert manifest.versions["mxnet"] == mx.__version__
    assert {"gluonship", "numpy", "opencv", "pillow", "python"} < set(manifest.versions)
    for name in ("code/inference.py", "code/gluonship/vision/__init__.py", "golden/image.png"):
        assert name in manifest.files


def test_it_learns_and_keeps_the_best_epoch(trained: tuple[Path, str]) -> None:
    base, log = trained
    accuracies = [float(value) for value in re.findall(r"validation:accuracy=([0-9.eE+-]+)", log)]
    assert len(accuracies) == 10
    best = artifacts.verify(base / "model").metrics
    assert best["validation_accuracy"] == pytest.approx(max(accuracies), abs=1e-6)
    assert accuracies[best["epoch"] - 1] == max(accuracies) > 0.8
    report = json.loads((base / "output" / "data" / "evaluation.json").read_text())
    assert report["best_epoch"] == best["epoch"]
    assert report["validation"]["accuracy"] == best["validation_accuracy"]
    assert [epoch["epoch"] for epoch in report["history"]] == list(range(1, 11))


def test_the_log_is_for_people_and_for_metric_definitions(trained: tuple[Path, str]) -> None:
    _, log = trained
    assert "300 training and 45 validation images of 3 classes" in log
    assert re.search(r"epoch 4/10: train loss .* \| [\d,]+ images/s, .* left", log)
    line = re.search(r"^metric epoch=10 .*$", log, re.MULTILINE)
    assert line is not None
    for name in (
        "train:loss",
        "train:accuracy",
        "validation:loss",
        "validation:accuracy",
        "images_per_second",
    ):
        found = re.search(name + "=([0-9.eE+-]+)", line.group())
        assert found is not None
        assert float(found.group(1)) >= 0


def test_the_golden_sample_is_a_validation_image_and_what_the_exported_files_say(
    trained: tuple[Path, str],
) -> None:
    model = trained[0] / "model"
    manifest = artifacts.verify(model)
    assert manifest.golden is not None
    image, expected = manifest.golden.read(model)
    assert encode_png(decode(image)) in {encode_png(picture(i % 3, 10_000 + i)) for i in range(45)}
    served = mx.gluon.SymbolBlock.imports(
        str(model / artifacts.SYMBOL), [manifest.input_name], str(model / artifacts.PARAMS)
    )
    logits = served(mx.nd.array(manifest.preprocessing.tensor(decode(image))[None])).asnumpy()[0]
    assert abs(logits.sum()) != pytest.approx(1)  # no softmax in the graph
    answer = classification(softmax(logits), manifest.classes, top=None)
    assert difference(expected, answer) < 1e-6
    assert len(expected.scores) == 3


def test_tensorboard_events_hold_every_epoch(trained: tuple[Path, str]) -> None:
    files = list((trained[0] / "output" / "data" / "tensorboard").iterdir())
    assert len(files) == 1
    content = files[0].read_bytes()
    assert content.count(b"validation/accuracy") == 10
    assert content.count(b"train/loss") == 10


def test_a_misspelt_hyperparameter_is_the_failure_of_the_job(source: Path, tmp_path: Path) -> None:
    write_images(tmp_path / "input" / "data" / "train", 2)
    ended = _toolkit(tmp_path, source, {"learning_rte": 0.1})
    assert ended.returncode != 0
    assert not (tmp_path / "output" / "success").exists()
    assert (tmp_path / "output" / "failure").read_text() == (
        "Hyperparameters: learning_rte is not a hyperparameter of this script. Did you mean learning-rate?"
    )


def test_a_failure_is_one_message_without_a_traceback(tmp_path: Path) -> None:
    ended = train(tmp_path, {"network": "resnet18v1"})
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    reason = (tmp_path / "output" / "failure").read_text()
    assert f"error: {reason}" in ended.stderr
    assert "Did you mean resnet18_v1" in reason


def test_an_unexpected_error_leaves_its_traceback_in_the_log(tmp_path: Path) -> None:
    base = job_folder(tmp_path, count=4)
    library = _made(tmp_path / "library")
    (library / "tensorboardX.py").write_text("class SummaryWriter:\n    def __init__(self, logdir): 1 / 0\n")
    ended = train(base, {**SMALL_JOB, "epochs": 1}, library)
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert (base / "output" / "failure").read_text() == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("folder", ["model", "output/data", "checkpoints"])
def test_a_folder_that_cannot_be_written_is_said_before_anything_is_trained(
    folder: str, tmp_path: Path
) -> None:
    place = tmp_path / folder
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("a file where a folder must be")
    with pytest.raises(JobError, match=f"{folder} cannot be written"):
        job.run(
            hyperparameters.read([]), environment.read({"SAGEMAKER_BASE_DIR": str(tmp_path)}), Interruption()
        )


def test_a_user_goes_on_from_the_parameters_of_a_finished_job(
    trained: tuple[Path, str], tmp_path: Path
) -> None:
    base = job_folder(tmp_path, ("train",), count=10)
    shutil.copytree(trained[0] / "model", _made(base / "input" / "data") / "start")
    hyper = {**SMALL_JOB, "epochs": 1, "initial-parameters": "start/model-0000.params"}
    said = _run(base, hyper)
    assert "these start afresh: none." in said
    assert "No channel validation: 3 images of train are held out." in said


@pytest.mark.parametrize(
    ("hyper", "sentence"),
    [
        ({}, "The job has no channel train: .* \\(it has: none\\)"),
        ({"classes": "disc"}, "at least two classes"),
        ({"network": "squeezenet1.1", "image-size": 32}, "cannot take images of 32 x 32 pixels"),
        ({"initial-parameters": "start/model.params"}, "must be CHANNEL/FILE .*\\(train, validation\\)"),
        ({"serving-code": "/nowhere"}, "serving-code /nowhere has no inference.py"),
    ],
)
def test_what_keeps_a_job_from_running_is_said(
    hyper: Mapping[str, object], sentence: str, images: Path, tmp_path: Path
) -> None:
    base = images if hyper else tmp_path
    with pytest.raises(JobError, match=sentence):
        _run(base, hyper, model=tmp_path)


def test_data_that_cannot_be_trained_on_is_said(tmp_path: Path) -> None:
    channel = tmp_path / "input" / "data" / "train"
    (channel / "cat").mkdir(parents=True)
    with pytest.raises(JobError, match=r"Channel train: .*at least two classes"):
        _run(tmp_path, {})
    (channel / "dog").mkdir()
    with pytest.raises(JobError, match=r"Channel train: .*no images"):
        _run(tmp_path, {})
    for name in ("cat", "dog"):
        for index in range(3):
            (channel / name / f"{index}.png").write_bytes(encode_png(picture(0, index)))
    (channel / "dog" / "1.png").write_text("not a picture")
    with pytest.raises(JobError, match=r"Channel train: .*dog/1\.png cannot be read"):
        _run(tmp_path, {"validation-fraction": 0.3})


def test_more_than_one_instance_is_refused(images: Path, tmp_path: Path) -> None:
    with pytest.raises(JobError, match="set InstanceCount to 1"):
        _run(images, {}, model=tmp_path, SM_HOSTS='["algo-1", "algo-2"]')


def test_sigterm_before_the_first_step_leaves_no_model(images: Path, tmp_path: Path) -> None:
    interruption = Interruption()
    interruption.requested = True
    folders = {"SM_MODEL_DIR": str(tmp_path / "model"), "SM_OUTPUT_DATA_DIR": str(tmp_path / "data")}
    place = environment.read({"SAGEMAKER_BASE_DIR": str(images), **folders})
    with pytest.raises(Stopped):
        job.run(
            hyperparameters.read(["--checkpoint-dir", str(tmp_path / "checkpoints")]), place, interruption
        )
    assert not list((tmp_path / "model").iterdir())


def _run(base: Path, hyper: Mapping[str, object], model: Path | None = None, **variables: str) -> str:
    """Runs a job in this process."""
    folders = {
        "SAGEMAKER_BASE_DIR": str(base),
        "SM_MODEL_DIR": str((model or base) / "model"),
        "SM_OUTPUT_DATA_DIR": str((model or base) / "data"),
    }
    log = io.StringIO()
    with contextlib.redirect_stdout(log):
        job.run(
            hyperparameters.read(
                [*arguments(hyper), "--checkpoint-dir", str((model or base) / "checkpoints")]
            ),
            environment.read({**folders, **variables}),
            Interruption(),
        )
    return log.getvalue()


def _toolkit(base: Path, source: Path, hyper: Mapping[str, object]) -> subprocess.CompletedProcess[str]:
    """A job as SageMaker's toolkit runs it: base/input/config, then `train`."""
    config = _made(base / "input" / "config")
    channels = {folder.name: {} for folder in (base / "input" / "data").iterdir()}
    given = {**hyper, "sagemaker_program": "train.py", "sagemaker_submit_directory": str(source)}
    (config / "hyperparameters.json").write_text(json.dumps({k: json.dumps(v) for k, v in given.items()}))
    (config / "inputdataconfig.json").write_text(json.dumps(channels))
    (config / "resourceconfig.json").write_text(
        json.dumps({"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"})
    )
    for folder in ("model", "output", "code"):
        _made(base / folder)
    variables = {key: value for key, value in script_environment(base).items() if key != "PYTHONPATH"}
    # The toolkit splits its interpreter's path at spaces, and the environment may lie in such a folder.
    plain = base / "environment"
    plain.symlink_to(sys.prefix)
    return subprocess.run(
        [str(plain / "bin" / "python"), "-m", "sagemaker_training.cli.train"],
        env={
            **variables,
            "SM_STUDIO_LOCAL_MODE": "true",
            "SAGEMAKER_TRAINING_MODULE": "sagemaker_mxnet_container.training:main",
            "PATH": f"{plain / 'bin'}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
