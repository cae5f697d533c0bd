"""The source bundles: what SageMaker unpacks is complete, runs alone, and is the same each time."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from gluonship import bundles


def test_the_same_source_packs_to_the_same_bytes(tmp_path: Path) -> None:
    first = bundles.pack_training(tmp_path / "first.tar.gz").read_bytes()
    second = bundles.pack_training(tmp_path / "second.tar.gz").read_bytes()
    assert first == second


def test_the_training_bundle_has_the_script_at_its_root_and_the_serving_code_beside(tmp_path: Path) -> None:
    with tarfile.open(bundles.pack_training(tmp_path / "sourcedir.tar.gz")) as archive:
        members = archive.getmembers()
    names = {member.name for member in members}
    assert {
        "train.py",
        "gluonship_training/__init__.py",
        "gluonship/__init__.py",
        "gluonship/vision/__init__.py",
        "serving_code/inference.py",
        "serving_code/gluonship_inference/__init__.py",
        "serving_code/gluonship/vision/__init__.py",
    } <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    # With a setup.py the toolkit would install the source as a package.
    assert "setup.py" not in names
    assert {member.mtime for member in members} == {0}
    rooms = {name.split("/")[1] for name in names if name.startswith("gluonship/") and "/" in name[10:]}
    assert rooms == {"vision"}


@pytest.mark.parametrize(
    ("bundle", "module"),
    [("training", "gluonship_training.main"), ("serving", "gluonship_inference.handlers")],
)
def test_a_bundle_imports_with_nothing_of_the_kit_around_it(tmp_path: Path, bundle: str, module: str) -> None:
    folder = tmp_path / "a place with a space"
    (bundles.training_source if bundle == "training" else bundles.serving_source)(folder)
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); import {module}, gluonship.vision\n"
        "print(gluonship.__file__)\n"
        "print([name for name in sys.modules if name.startswith(('gluonship.local', 'boto'))])"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    place, foreign = done.stdout.splitlines()[-2:]
    assert Path(place) == folder / "gluonship/__init__.py"
    assert foreign == "[]"


def test_a_wheel_carries_the_bundles(tmp_path: Path) -> None:
    repository = Path(__file__).parents[2]
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=repository, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("gluonship-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")  # noqa: S202 - made above
    code = (
        "import sys; from pathlib import Path; from gluonship import bundles\n"
        "print(bundles.__file__); bundles.training_source(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "laid out")],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == str(tmp_path / "installed/gluonship/bundles.py")
    bundles.training_source(tmp_path / "from the repository")
    assert _files(tmp_path / "laid out") == _files(tmp_path / "from the repository")


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_is_there_is_not_mixed_with_another_bundle(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        bundles.serving_source(tmp_path)
