"""A job that is killed goes on from its checkpoint to the very same bits."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
import pytest
from training_runs import command, job_folder, script_environment, train

from gluonship.vision import artifacts

EPOCHS = 16
COMMON = {
    "epochs": EPOCHS,
    "batch-size": 16,
    "image-size": 16,
    "crop-padding": 2,
    "checkpoint-interval": 0.5,
    "label-smoothing": 0.05,
}
OPTIMIZERS: dict[str, dict[str, object]] = {
    "sgd": {**COMMON, "optimizer": "sgd", "learning-rate": 0.05},
    "adam": {**COMMON, "optimizer": "adam", "learning-rate": 0.002},
}


@pytest.fixture(scope="module", params=sorted(OPTIMIZERS))
def uninterrupted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, object]]:
    """A job that nothing disturbed, and its hyperparameters."""
    base = job_folder(tmp_path_factory.mktemp(f"whole-{request.param}"))
    ended = train(base, OPTIMIZERS[request.param])
    assert ended.returncode == 0, ended.stderr
    return base, OPTIMIZERS[request.param]


def test_killed_and_resumed_is_bit_identical(
    uninterrupted: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    whole, hyperparameters = uninterrupted
    base = _same_data(whole, tmp_path / "killed")
    process = _start(base, hyperparameters)
    _wait_for_checkpoints(process, base, 5)
    process.kill()
    assert process.wait(timeout=30) == -signal.SIGKILL
    assert _last_epoch(base) < EPOCHS
    shutil.rmtree(base / "model")  # a new instance has an empty one
    resumed = train(base, hyperparameters)
    assert resumed.returncode == 0, resumed.stderr
    assert "Resumed from" in resumed.stdout
    _assert_same_end(whole, base)


@pytest.mark.parametrize("uninterrupted", ["sgd"], indirect=True)
def test_stopped_by_sigterm_keeps_its_model_and_can_be_resumed(
    uninterrupted: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    whole, hyperparameters = uninterrupted
    base = _same_data(whole, tmp_path / "stopped")
    # No checkpoint of its own accord: what it goes on from is what SIGTERM made it write.
    seldom = {**hyperparameters, "checkpoint-interval": 1000}
    process = _start(base, seldom)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("metric epoch=3 "):
            break
    time.sleep(0.05)  # into the midst of an epoch
    sent = time.monotonic()
    process.terminate()
    output = process.stdout.read()
    assert process.wait(timeout=20) == 0
    assert time.monotonic() - sent < 20
    assert "SIGTERM: the job ends here" in output
    assert not (base / "output" / "failure").exists()
    best = artifacts.verify(base / "model").metrics
    assert 1 <= best["epoch"] <= _last_epoch(base) < EPOCHS
    resumed = train(base, hyperparameters)
    assert resumed.returncode == 0, resumed.stderr
    assert "Resumed from" in resumed.stdout
    _assert_same_end(whole, base)


@pytest.mark.parametrize("uninterrupted", ["sgd"], indirect=True)
def test_a_checkpoint_of_another_training_is_refused_with_what_differs(
    uninterrupted: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    whole, hyperparameters = uninterrupted
    base = _same_data(whole, tmp_path / "other")
    shutil.copytree(whole / "checkpoints", base / "checkpoints")
    ended = train(base, {**hyperparameters, "batch-size": 8, "image-size": 20})
    assert ended.returncode == 2
    reason = (base / "output" / "failure").read_text()
    assert "batch-size was 16, now 8" in reason
    assert "preprocessing was" in reason
    assert "another S3Uri in CheckpointConfig" in reason
    assert not list((base / "model").iterdir())


def _start(base: Path, hyperparameters: dict[str, object]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(hyperparameters),
        env=script_environment(base),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _same_data(whole: Path, base: Path) -> Path:
    shutil.copytree(whole / "input", base / "input")
    return base


def _wait_for_checkpoints(process: subprocess.Popen[str], base: Path, step: int) -> None:
    deadline = time.monotonic() + 60
    while not any(int(path.name[5:]) >= step for path in (base / "checkpoints").glob("step-*")):
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline, "no checkpoint came"
        time.sleep(0.002)


def _last(base: Path) -> Path:
    return max((base / "checkpoints").glob("step-*"))


def _last_epoch(base: Path) -> int:
    return int(json.loads((_last(base) / "progress.json").read_text())["progress"]["epoch"])


def _assert_same_end(whole: Path, other: Path) -> None:
    expected, actual = _state(whole), _state(other)
    assert expected["history"] == actual["history"]
    assert len(expected["history"]) == EPOCHS
    assert expected["arrays"].keys() == actual["arrays"].keys()
    for name, array in expected["arrays"].items():
        assert array.tobytes() == actual["arrays"][name].tobytes(), name
    mine, theirs = artifacts.verify(whole / "model"), artifacts.verify(other / "model")
    assert mine.metrics["epoch"] == theirs.metrics["epoch"]
    assert mine.files == theirs.files


def _state(base: Path) -> dict[str, Any]:
    """Everything that the last checkpoint holds but how fast it was."""
    folder = _last(base)
    progress = json.loads((folder / "progress.json").read_text())["progress"]
    arrays: dict[str, np.ndarray] = {}
    for file in sorted(folder.glob("*.params")):
        arrays.update({f"{file.name}/{name}": a.asnumpy() for name, a in mx.nd.load(str(file)).items()})
    history = [
        {key: epoch[key] for key in epoch if key != "images_per_second"} for epoch in progress["history"]
    ]
    return {"history": history, "arrays": arrays}
