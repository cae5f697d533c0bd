"""The evaluation job on real artifacts and images; as a processing job runs it, and within this process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gluonship import bundles
from gluonship.vision import artifacts

sys.path.insert(0, str(bundles.find("inference")))
from gluonship_inference import evaluation_job

COUNTS = {"red": 6, "green": 4, "blue": 2}
CLASSES = tuple(COUNTS)
Run = Callable[..., "Ended"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.pack_evaluation(tmp_path_factory.mktemp("bundle") / "evaluation.zip")


@pytest.fixture
def job(tmp_path: Path, artifact: Path) -> Path:
    """A folder as /opt/ml with a candidate and twelve test images."""
    base = tmp_path / "ml"
    artifacts.pack(artifact / "model", base / "processing" / "model" / "model.tar.gz")
    write_images(base / "processing" / "test")
    return base


@dataclass
class Ended:
    code: int
    output: str
    errors: str


@pytest.fixture
def run(job: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the job's `main` in this process: MXNet is loaded once."""

    def ended(*arguments: str) -> Ended:
        monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(job))
        code = evaluation_job.main(arguments)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return ended


def write_images(folder: Path, counts: Mapping[str, int] = COUNTS) -> None:
    random = np.random.default_rng(1)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = random.integers(0, 256, (20, 24, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.png")


def renamed(artifact: Path, target: Path, classes: list[str], scratch: Path) -> None:
    """A model.tar.gz whose classes are called otherwise."""
    shutil.copytree(artifact / "model", scratch)
    path = scratch / artifacts.MANIFEST
    manifest = json.loads(path.read_text())
    manifest.update(classes=classes, golden=None)
    path.write_text(json.dumps(manifest))
    artifacts.pack(scratch, target)


def report(job: Path, name: str = "evaluation.json") -> Any:
    return json.loads((job / "processing" / "evaluation" / name).read_text())


def test_both_models_are_measured_on_the_same_images(job: Path, artifact: Path, run: Run) -> None:
    artifacts.pack(artifact / "model", job / "processing" / "in-service" / "model.tar.gz")
    done = run("--batch-size", "5")
    assert done.code == 0, done.errors
    found, gate = report(job), report(job, "gate.json")
    metrics, ours = found["multiclass_classification_metrics"], found["gluonship"]
    confusion = metrics["confusion_matrix"]
    assert [sum(confusion[name].values()) for name in CLASSES] == [6, 4, 2]
    right = sum(confusion[name][name] for name in CLASSES)
    assert metrics["accuracy"] == {"value": pytest.approx(right / 12), "standard_deviation": "NaN"}
    assert metrics["weighted_recall"]["value"] == pytest.approx(right / 12)
    assert ours["classes"] == list(CLASSES)
    assert ours["candidate"] == ours["in_service"]
    assert gate == {
        "accuracy": round(right / 12, 6),
        "in_service_accuracy": round(right / 12, 6),
        "in_service_reason": "",
        "incomparable": False,
        "images": 12,
        "input": {"data": [1, 3, 32, 32]},
    }
    assert f"Accuracy of the candidate: {right / 12:.4f}" in done.output
    for picture in ("confusion-matrix.png", "contact-sheet.png"):
        with Image.open(job / "processing" / "evaluation" / picture) as image:
            assert image.width > 300


def test_the_figures_do_not_depend_on_the_batch_size(job: Path, run: Run) -> None:
    assert run("--batch-size", "1").code == 0
    one = report(job)
    assert run("--batch-size", "7").code == 0
    assert report(job) == one


def test_without_a_model_in_service_there_is_a_reason(job: Path, run: Run) -> None:
    (job / "processing" / "in-service").mkdir()
    assert run().code == 0
    gate = report(job, "gate.json")
    assert gate["in_service_accuracy"] is None
    assert gate["in_service_reason"] == "there is no model in service"
    assert gate["incomparable"] is False
    assert report(job)["gluonship"]["in_service"] is None


def test_other_classes_cannot_be_compared(job: Path, artifact: Path, run: Run, tmp_path: Path) -> None:
    archive = job / "processing" / "in-service" / "model.tar.gz"
    renamed(artifact, archive, ["red", "green", "violet"], tmp_path / "renamed")
    done = run()
    assert done.code == 0, done.errors
    gate = report(job, "gate.json")
    assert gate["incomparable"] is True
    assert gate["in_service_reason"] == (
        "its classes are others: only the candidate has blue; only it has violet"
    )


def test_the_same_classes_in_another_order_are_compared_by_name(
    job: Path, artifact: Path, run: Run, tmp_path: Path
) -> None:
    # The same network whose answers are read by shifted names: never right where the candidate is.
    archive = job / "processing" / "in-service" / "model.tar.gz"
    renamed(artifact, archive, ["green", "blue", "red"], tmp_path / "shifted")
    done = run()
    assert done.code == 0, done.errors
    gate, confusion = report(job, "gate.json"), report(job)["multiclass_classification_metrics"]
    shifted = {"red": "blue", "green": "red", "blue": "green"}  # true class to what the candidate has to say
    expected = sum(confusion["confusion_matrix"][name][shifted[name]] for name in CLASSES) / 12
    assert gate["in_service_accuracy"] == pytest.approx(expected, abs=1e-6)
    assert gate["in_service_accuracy"] != gate["accuracy"]


def test_a_model_in_service_that_is_not_ours_is_not_compared(job: Path, run: Run) -> None:
    folder = job / "processing" / "in-service"
    folder.mkdir()
    with zipfile.ZipFile(folder / "model.tar.gz", "w") as archive:
        archive.writestr("model.pkl", b"x")
    assert run().code == 0
    gate = report(job, "gate.json")
    assert gate["incomparable"] is True
    assert gate["in_service_reason"].startswith("it cannot be evaluated: ")


def test_no_two_large_pictures_are_held_at_once(job: Path, run: Run) -> None:
    for path in (job / "processing" / "test").rglob("*.png"):
        Image.new("RGB", (2000, 2000), (9, 99, 199)).save(path)
    tracemalloc.start()
    try:
        done = run("--batch-size", "12")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert done.code == 0, done.errors
    one = 2000 * 2000 * 3
    assert one < peak < 4 * one


def test_a_limit_takes_images_of_every_class(job: Path, run: Run) -> None:
    assert run("--limit", "6").code == 0
    found = report(job)["multiclass_classification_metrics"]["confusion_matrix"]
    assert [sum(found[name].values()) for name in CLASSES] == [3, 2, 1]


def no_candidate(job: Path) -> None:
    (job / "processing" / "model" / "model.tar.gz").unlink()


def damaged_candidate(job: Path) -> None:
    archive = job / "processing" / "model" / "model.tar.gz"
    archive.write_bytes(archive.read_bytes()[:1000])


def no_test_images(job: Path) -> None:
    shutil.rmtree(job / "processing" / "test")


def unknown_class(job: Path) -> None:
    write_images(job / "processing" / "test", {"yellow": 1})


def broken_image(job: Path) -> None:
    (job / "processing" / "test" / "red" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_candidate, "there is no model.tar.gz of the candidate in"),
        (damaged_candidate, "cannot be unpacked"),
        (no_test_images, "is not a folder"),
        (unknown_class, "the test data has the class 'yellow', which the model does not know"),
        (broken_image, "the test image red/0.png cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_words(
    job: Path, run: Run, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(job)
    done = run()
    assert done.code == 1
    assert words in done.errors
    assert "Traceback" not in done.errors
    assert words in (job / "output" / "message").read_text()
    assert not (job / "processing" / "evaluation" / "gate.json").exists()


def test_python_runs_the_bundle_with_nothing_of_the_kit_around_it(bundle: Path, job: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(bundle), "--batch-size", "5"],
        cwd=job,
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(job), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Evaluating 12 images of 3 classes" in done.stdout
    assert report(job, "gate.json")["images"] == 12


def test_the_same_source_packs_to_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    again = bundles.pack_evaluation(tmp_path / "again.zip")
    assert again.read_bytes() == bundle.read_bytes()
    with zipfile.ZipFile(again) as archive:
        names = set(archive.namelist())
    assert {"__main__.py", "gluonship/vision/__init__.py", "gluonship_inference/evaluation.py"} <= names
    assert not [name for name in names if name.endswith((".pyc", ".json"))]


def test_an_isolated_training_bundle_asks_for_no_packages(tmp_path: Path) -> None:
    assert (bundles.training_source(tmp_path / "usual") / "requirements.txt").is_file()
    isolated = bundles.training_source(tmp_path / "isolated", isolated=True)
    assert not (isolated / "requirements.txt").exists()
    assert (isolated / "serving_code" / "requirements.txt").is_file()
