"""`train.py --check`: a job's own words on its hyperparameters, without a job."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from training_runs import ROOT

SCRIPT = ROOT / "training/train.py"


def check(*arguments: str, modules: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`modules` is a folder of modules that go before the installed ones."""
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(modules or "")}
    command = [sys.executable, str(SCRIPT), "--check", *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture
def no_mxnet(tmp_path: Path) -> Path:
    """As on a machine without MXNet."""
    (tmp_path / "mxnet.py").write_text("raise ModuleNotFoundError('no mxnet', name='mxnet')\n")
    return tmp_path


def test_what_is_right_is_passed_without_mxnet(no_mxnet: Path) -> None:
    done = check("--epochs", "2", "--flip", "False", "--image-size", "28", modules=no_mxnet)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_wrong_is_said_without_mxnet(no_mxnet: Path) -> None:
    done = check("--learning_rte", "1", "--image-size", "2", modules=no_mxnet)
    assert done.returncode == 2
    assert done.stderr == (
        "Hyperparameters: learning_rte is not a hyperparameter of this script. Did you mean learning-rate? "
        "image-size must be a whole number from 8 to 4096, not '2'.\n"
    )


def test_a_network_that_cannot_be_checked_is_named(no_mxnet: Path) -> None:
    done = check("--network", "resnet18v1", modules=no_mxnet)
    assert done.returncode == 0
    assert "'resnet18v1' is checked by the job" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--network", "resnet18v1"], "neither gluonship_small nor in GluonCV's model zoo. Did you mean"),
        (["--network", "alexnet", "--image-size", "16"], "cannot take images of 16 x 16 pixels"),
    ],
)
def test_a_network_and_its_size_are_checked_where_mxnet_is(arguments: list[str], words: str) -> None:
    done = check(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_help_for_a_reader_that_has_enough_ends_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, str(SCRIPT), "--help"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
