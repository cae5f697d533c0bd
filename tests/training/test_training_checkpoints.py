"""Checkpoints on disk: whole or not used at all, and only the newest two."""

from __future__ import annotations

import json
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from gluonship_training import checkpoints
from gluonship_training.checkpoints import Checkpoint
from gluonship_training.failures import JobError


def checkpoint(step: int) -> Checkpoint:
    arrays = {"parameters": {"weight": mx.nd.full((3, 2), step)}, "optimizer": {}}
    return Checkpoint(step, {"network": "n", "batch-size": 4}, {"epoch": step}, arrays)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, checkpoint(7))
    loaded = checkpoints.newest(tmp_path)
    assert loaded is not None
    assert (loaded.step, loaded.progress) == (7, {"epoch": 7})
    assert (loaded.arrays["parameters"]["weight"].asnumpy() == np.full((3, 2), 7)).all()
    assert loaded.arrays["optimizer"] == {}


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    for step in (1, 5, 100_000_000, 20):
        checkpoints.save(tmp_path, checkpoint(step))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000020", "step-100000000"]
    loaded = checkpoints.newest(tmp_path)
    assert loaded is not None
    assert loaded.step == 100_000_000


def test_no_folder_and_an_empty_folder_hold_none(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path / "none") is None
    assert checkpoints.newest(tmp_path) is None


def test_a_step_saved_again_replaces_itself(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, checkpoint(3))
    again = Checkpoint(3, {"network": "n"}, {"epoch": 9}, {"parameters": {"weight": mx.nd.ones((1,))}})
    checkpoints.save(tmp_path, again)
    loaded = checkpoints.newest(tmp_path)
    assert loaded is not None
    assert loaded.progress == {"epoch": 9}
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003"]


@pytest.mark.parametrize("damage", ["cut", "missing", "no progress", "other schema", "unfinished"])
def test_a_damaged_one_is_passed_over_for_the_one_before(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints.save(tmp_path, checkpoint(1))
    newest = checkpoints.save(tmp_path, checkpoint(2))
    if damage == "cut":
        data = (newest / "parameters.params").read_bytes()
        (newest / "parameters.params").write_bytes(data[:-1])
    elif damage == "missing":
        (newest / "parameters.params").unlink()
    elif damage == "no progress":
        (newest / "progress.json").unlink()
    elif damage == "other schema":
        content = json.loads((newest / "progress.json").read_text())
        (newest / "progress.json").write_text(json.dumps({**content, "schema": "gluonship.checkpoint/9"}))
    else:
        newest.rename(tmp_path / ".unfinished-step-00000002")
    loaded = checkpoints.newest(tmp_path)
    assert loaded is not None
    assert loaded.step == 1
    assert ("step-00000002 is not used" in capsys.readouterr().out) == (damage != "unfinished")
    assert not list(tmp_path.glob(".unfinished-*"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JobError, match=r"Could not write a checkpoint to .*file"):
        checkpoints.save(tmp_path / "file", checkpoint(1))


def test_what_differs_is_named(tmp_path: Path) -> None:
    checkpoints.require_same(checkpoint(1), {"network": "n", "batch-size": 4}, tmp_path)
    with pytest.raises(JobError, match='batch-size was 4, now 8; classes was null, now \\["a"\\]'):
        checkpoints.require_same(checkpoint(1), {"network": "n", "batch-size": 8, "classes": ["a"]}, tmp_path)
