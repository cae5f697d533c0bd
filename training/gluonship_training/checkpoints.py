"""Checkpoints: all that a training needs to go on as if it had never been killed.

A checkpoint is a folder, step-00000120, of MXNet .params files and progress.json, which names the SHA-256
of the others. It gets its name only when it is complete. No pickle is written or read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping

import mxnet as mx

from gluonship_training.console import say
from gluonship_training.failures import JobError, last_line

SCHEMA = "gluonship.checkpoint/1"
KEPT = 2
_PROGRESS = "progress.json"
_NAME = re.compile(r"step-(\d{8,})$")
_UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class Checkpoint:
    """A point in a training: `arrays` by file name (without ending) and array name, the rest is JSON."""

    step: int  # updates done
    identity: Mapping[str, Any]  # what must be the same for the arrays to be of use
    progress: Mapping[str, Any]
    arrays: Mapping[str, Mapping[str, Any]]


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Writes a checkpoint and removes all but the newest two. Raises JobError where it cannot."""
    name = f"step-{checkpoint.step:08d}"
    target = folder / name
    unfinished = folder / (_UNFINISHED + name)
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for file, arrays in checkpoint.arrays.items():
            mx.nd.save(str(unfinished / (file + ".params")), dict(arrays))
        content = {
            "schema": SCHEMA,
            "step": checkpoint.step,
            "identity": checkpoint.identity,
            "progress": checkpoint.progress,
            "files": {path.name: _digest(path) for path in sorted(unfinished.iterdir())},
        }
        (unfinished / _PROGRESS).write_text(json.dumps(content, indent=1), encoding="utf-8")
        for path in unfinished.iterdir():
            _to_disk(path)
        if target.exists():  # the same step, with its epoch's end still to come
            os.rename(str(target), str(folder / (_UNFINISHED + "replaced")))
        os.rename(str(unfinished), str(target))
        shutil.rmtree(folder / (_UNFINISHED + "replaced"), ignore_errors=True)
        _to_disk(folder)
        for old in _complete_names(folder)[:-KEPT]:
            shutil.rmtree(folder / old)
    except (OSError, mx.MXNetError) as error:
        raise JobError(
            f"Could not write a checkpoint to {folder}: {last_line(error)}. "
            "Is the disk full, or the folder not writable?"
        ) from error
    return target


def newest(folder: Path) -> Checkpoint | None:
    """The newest whole checkpoint; those that are damaged or half uploaded are named in the log."""
    if not folder.is_dir():
        return None
    for leftover in folder.glob(_UNFINISHED + "*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for name in reversed(_complete_names(folder)):
        try:
            return _load(folder / name)
        except (OSError, ValueError, KeyError, TypeError, mx.MXNetError) as error:
            say(f"Checkpoint {name} is not used: {last_line(error)}")
    return None


def require_same(checkpoint: Checkpoint, identity: Mapping[str, Any], folder: Path) -> None:
    """Raises JobError naming what differs between this job and the one that wrote the checkpoint."""
    differing: list[str] = []
    for key, mine in identity.items():
        theirs = checkpoint.identity.get(key)
        if theirs != mine:
            differing.append(f"{key} was {_short(theirs)}, now {_short(mine)}")
    if differing:
        raise JobError(
            "The checkpoint in {} is of another training: {}. Use the same data and hyperparameters to go "
            "on with it, or another S3Uri in CheckpointConfig to start afresh.".format(
                folder, "; ".join(differing)
            )
        )


def _load(path: Path) -> Checkpoint:
    content = json.loads((path / _PROGRESS).read_text(encoding="utf-8"))
    if content["schema"] != SCHEMA:
        raise ValueError("its schema is {!r}, not {!r}".format(content["schema"], SCHEMA))
    arrays: dict[str, Mapping[str, Any]] = {}
    for name, digest in content["files"].items():
        file = path / Path(name).name
        if _digest(file) != digest:
            raise ValueError(f"{name} is damaged")
        loaded = mx.nd.load(str(file))
        arrays[file.stem] = loaded if isinstance(loaded, dict) else {}  # no arrays load as a list
    return Checkpoint(int(content["step"]), content["identity"], content["progress"], arrays)


def _complete_names(folder: Path) -> list[str]:
    return sorted(
        (path.name for path in folder.iterdir() if _NAME.match(path.name)),
        key=lambda name: int(name[len("step-") :]),
    )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _to_disk(path: Path) -> None:
    descriptor = os.open(str(path), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 120 else text[:117] + "..."
