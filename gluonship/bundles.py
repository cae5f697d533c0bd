"""The source bundles that travel to SageMaker: the training script's, the evaluation's, the handler's.

`training/` and `inference/` are, to SageMaker, folders of source: a `sourcedir.tar.gz` with `train.py` at its
root, and an artifact's `code/` with `inference.py` at its root. Each carries its own copy of the domain
(`gluonship/vision`), because the containers have no private package index.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Literal

BundleName = Literal["training", "inference"]

_PACKAGE = Path(__file__).resolve().parent
_IN_WHEEL = _PACKAGE / "source_bundles"  # not `bundles`, which is this module's name
_ENTRY = {"training": "train.py", "inference": "inference.py"}
_NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.py[co]", ".*", "*.egg-info")


class BundleMissing(RuntimeError):
    """This installation lacks the source of a bundle."""


def find(name: BundleName) -> Path:
    """The folder that holds the bundle's source: in the repository, or in an installed wheel."""
    candidates = [_IN_WHEEL / name, _PACKAGE.parent / name]
    for folder in candidates:
        if (folder / _ENTRY[name]).is_file():
            return folder
    places = " nor ".join(f"'{folder}'" for folder in candidates)
    raise BundleMissing(
        f"The {name} bundle is in neither {places}. "
        "Install gluonship from its wheel, or as editable from its repository."
    )


def training_source(target: Path, isolated: bool = False) -> Path:
    """Lays out at `target`, a new folder, what the root of a training job's `sourcedir.tar.gz` holds.

    `isolated` leaves out requirements.txt: where a container cannot reach the network, the toolkit would fail
    to install them. They hold TensorBoard's events alone, without which the script says so and goes on.
    """
    source = find("training")
    target.mkdir(parents=True)
    requirements = () if isolated else ("requirements.txt",)
    _copy(source, target, required=("train.py", "gluonship_training"), optional=requirements)
    _copy_domain(target)
    serving_source(target / "serving_code")  # opaque to training, which copies it into the artifact's code/
    return target


def serving_source(target: Path) -> Path:
    """Lays out at `target`, a new folder, what the `code/` folder of an artifact holds."""
    source = find("inference")
    target.mkdir(parents=True)
    _copy(source, target, required=("inference.py", "gluonship_inference"), optional=("requirements.txt",))
    _copy_domain(target)
    return target


def evaluation_source(target: Path) -> Path:
    """Lays out at `target`, a new folder, what evaluates artifacts: `python3 target` runs it."""
    source = find("inference")
    target.mkdir(parents=True)
    _copy(source, target, required=("evaluate.py", "gluonship_inference"), optional=())
    (target / "evaluate.py").rename(target / "__main__.py")
    _copy_domain(target)
    return target


def pack_training(target: Path, isolated: bool = False) -> Path:
    """Writes the training bundle to `target`, a .tar.gz: the same bytes for the same source. `isolated` as in
    `training_source`."""
    with tempfile.TemporaryDirectory(prefix="gluonship-bundle-") as scratch:
        return pack_folder(training_source(Path(scratch) / "source", isolated), target)


def pack_evaluation(target: Path) -> Path:
    """Writes the evaluation to `target`, a .zip that Python runs: the same bytes for the same source."""
    with tempfile.TemporaryDirectory(prefix="gluonship-bundle-") as scratch:
        folder = evaluation_source(Path(scratch) / "source")
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in _files(folder):
                member = zipfile.ZipInfo(path.relative_to(folder).as_posix())  # of 1980, the earliest date
                member.compress_type = zipfile.ZIP_DEFLATED
                member.external_attr = 0o644 << 16
                archive.writestr(member, path.read_bytes())
        return _replace(target, content.getvalue())


def pack_folder(folder: Path, target: Path) -> Path:
    """Writes the files of `folder` to `target`, a .tar.gz that depends on their names and bytes alone."""
    content = io.BytesIO()
    # mtime=0 and no file name in the header: a second pack gives the same bytes.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=content, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in _files(folder):
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size = path.stat().st_size
            member.mode = 0o644
            with path.open("rb") as stream:
                archive.addfile(member, stream)
    return _replace(target, content.getvalue())


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _replace(target: Path, content: bytes) -> Path:
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    partial.write_bytes(content)
    partial.replace(target)
    return target


def _copy_domain(target: Path) -> None:
    package = target / "gluonship"
    package.mkdir()
    shutil.copyfile(_PACKAGE / "__init__.py", package / "__init__.py")
    shutil.copytree(_PACKAGE / "vision", package / "vision", ignore=_NOT_SOURCE)


def _copy(source: Path, target: Path, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    for name in (*required, *optional):
        path = source / name
        if path.is_dir():
            shutil.copytree(path, target / name, ignore=_NOT_SOURCE)
        elif path.is_file():
            shutil.copyfile(path, target / name)
        elif name in required:
            raise BundleMissing(f"'{path}' is missing: the bundle is not complete. Install gluonship again.")
