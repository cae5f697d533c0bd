"""Lays an artifact out in a folder, and proves that one is whole."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gluonship.vision.artifacts import names
from gluonship.vision.artifacts.errors import ArtifactError
from gluonship.vision.artifacts.manifest import Golden, Manifest
from gluonship.vision.artifacts.network import check_network
from gluonship.vision.atomic_files import is_unfinished, replacing
from gluonship.vision.images import decode, encode_png

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gluonship.vision.images import Preprocessing
    from gluonship.vision.predictions import Classification

_CHUNK = 2**20
# What Python leaves beside code that has run from the folder; never part of an artifact.
_BYTECODE = "__pycache__"


def write(
    folder: Path,
    *,
    task: str,
    network: str,
    classes: Sequence[str],
    preprocessing: Preprocessing,
    symbol: Path,
    params: Path,
    golden_image: bytes | None = None,
    golden_prediction: Classification | None = None,
    golden_tolerance: float = Golden.tolerance,
    input_name: str = "data",
    postprocessing: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    dataset: Mapping[str, Any] | None = None,
    versions: Mapping[str, Any] | None = None,
    code: Path | None = None,
) -> Manifest:
    """Makes `folder` an artifact: model, golden sample, code/, and last of all the manifest.

    `symbol` and `params` are what HybridBlock.export wrote. `golden_image` is any image file; it is stored as
    PNG, because JPEG decoders differ in the last bit. `code` is a folder that becomes code/. Other files that
    are in `folder` already become part of the artifact. A process killed midway leaves no manifest.

    Raises ArtifactError: wrong fields, a network that does not fit, names that Neo would refuse.
    """
    if (golden_image is None) != (golden_prediction is None):
        raise ArtifactError("a golden sample is a picture and a prediction: give both or neither")
    manifest = Manifest(
        task=task,
        network=network,
        classes=list(classes),
        preprocessing=preprocessing,
        input_name=input_name,
        postprocessing=dict(postprocessing or {"activation": "softmax", "top": min(5, len(classes))}),
        metrics=dict(metrics or {}),
        dataset=dict(dataset or {}),
        versions=dict(versions or {}),
        golden=Golden(tolerance=golden_tolerance) if golden_image is not None else None,
    )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path in [folder / names.MANIFEST, *(path for path in folder.iterdir() if is_unfinished(path))]:
        if path.exists():
            path.unlink()
    _copy(symbol, folder / names.SYMBOL)
    _copy(params, folder / names.PARAMS)
    if golden_image is not None and golden_prediction is not None:
        (folder / names.GOLDEN_IMAGE).parent.mkdir(exist_ok=True)
        _write_bytes(folder / names.GOLDEN_IMAGE, encode_png(decode(golden_image)))
        _write_bytes(folder / names.GOLDEN_PREDICTION, _json(golden_prediction.to_json()))
    if code is not None:
        _copy_code(Path(code), folder / names.CODE)
    return _sealed(folder, manifest)


def seal(folder: Path) -> Manifest:
    """Accepts the files of an artifact as they are now: the way to change its code on purpose.

    Raises ArtifactError as `write` does.
    """
    folder = Path(folder)
    return _sealed(folder, Manifest.load(folder))


def verify(folder: Path) -> Manifest:
    """The manifest of an artifact that is whole: every file is there with its SHA-256, none is there that the
    manifest does not list (but __pycache__), the names keep Neo's rule, the network fits the manifest.

    Raises ArtifactError naming the file and the cure.
    """
    folder = Path(folder)
    manifest = Manifest.load(folder)
    present = _files(folder)
    for name, digest in manifest.files.items():
        if name not in present:
            raise ArtifactError(f"{folder / name} is missing: fetch or extract the artifact again")
        if _digest(folder / name) != digest:
            raise ArtifactError(
                f"{folder / name} is not what the manifest says (SHA-256): fetch or extract the artifact "
                "again, or accept the change with gluonship.vision.artifacts.seal"
            )
    unlisted = sorted(present - set(manifest.files))
    if unlisted:
        raise ArtifactError(
            f"{folder / unlisted[0]} is not listed in the manifest: remove it, "
            "or accept it with gluonship.vision.artifacts.seal"
        )
    _check_contents(folder, manifest, present)
    return manifest


def _sealed(folder: Path, manifest: Manifest) -> Manifest:
    present = _files(folder)
    _check_contents(folder, manifest, present)
    files = {name: _digest(folder / name) for name in sorted(present)}
    manifest = dataclasses.replace(manifest, files=files)
    _write_bytes(folder / names.MANIFEST, _json(manifest.to_json()))
    return manifest


def _check_contents(folder: Path, manifest: Manifest, present: set[str]) -> None:
    violations = names.neo_violations([*present, names.MANIFEST])
    if violations:
        raise ArtifactError(f"SageMaker Neo could not compile {folder}: {'; '.join(violations)}")
    for name in (names.SYMBOL, names.PARAMS):
        if name not in present:
            raise ArtifactError(f"{folder / name} is missing: an artifact holds its model under this name")
    golden = manifest.golden
    if golden is not None:
        for name in (golden.image, golden.prediction):
            if name not in present:
                raise ArtifactError(f"{folder / name} is missing: the manifest names it as golden sample")
    check_network(folder / names.SYMBOL, folder / names.PARAMS, manifest.input_name)


def _files(folder: Path) -> set[str]:
    """Paths of all files but the manifest and bytecode. Raises ArtifactError for links and special files."""
    found: set[str] = set()
    for parent, subfolders, file_names in os.walk(folder):
        if _BYTECODE in subfolders:
            subfolders.remove(_BYTECODE)
        for name in [*file_names, *subfolders]:
            path = Path(parent) / name
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise ArtifactError(f"{path} is a link or a special file: an artifact holds files only")
        found.update((Path(parent) / name).relative_to(folder).as_posix() for name in file_names)
    return found - {names.MANIFEST}


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(_CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _json(value: Any) -> bytes:
    try:
        return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"the manifest can hold plain, finite JSON values only: {error}") from error


def _write_bytes(path: Path, data: bytes) -> None:
    with replacing(path) as unfinished:
        unfinished.write_bytes(data)


def _copy(source: Path, target: Path) -> None:
    source = Path(source)
    if not source.is_file():
        raise ArtifactError(f"{source} does not exist: export the network first (HybridBlock.export)")
    if target.exists() and os.path.samefile(source, target):
        return
    with replacing(target) as unfinished:
        shutil.copyfile(source, unfinished)


def _copy_code(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise ArtifactError(f"{source} is not a folder: code/ is copied from a folder with inference.py")
    if target.exists():
        if os.path.samefile(source, target):
            return
        shutil.rmtree(target)
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(_BYTECODE, "*.pyc"))
