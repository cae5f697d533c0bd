"""What of a folder can go to S3, and how what cannot is told."""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gluonship.local.execution.left_out import LeftOut, entries, files_for_s3, readable
from gluonship.local.execution.outputs import follow_the_container, pack
from gluonship.local.execution.s3_uris import S3Uri

PLACE = S3Uri("bucket", "out/")


def sorted_out(folder: Path, place: S3Uri = PLACE) -> tuple[list[str], dict[str, str]]:
    """The names of what can be uploaded, and the reasons of what cannot."""
    left: dict[str, str] = {}
    return [name for name, _ in files_for_s3(folder, place, left.__setitem__)], left


def test_files_come_in_order_and_links_to_files_are_files(tmp_path: Path) -> None:
    for name in ("b", "a/z", "a/b/c", "c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("a/z")
    (tmp_path / "latest").symlink_to("a")
    assert sorted_out(tmp_path) == (
        ["a/b/c", "a/z", "b", "c", "link"],
        {"latest": "it is a link to a folder"},
    )
    names = [name for name, _ in entries(tmp_path, pytest.fail)]
    assert names == ["a", "a/b", "a/b/c", "a/z", "b", "c", "latest", "link"]
    assert sorted_out(tmp_path / "nowhere") == ([], {})


def test_a_key_may_have_1024_bytes(tmp_path: Path) -> None:
    long = "é" * 120
    (tmp_path / long).write_text("")
    (tmp_path / (long + "x")).write_text("")
    place = S3Uri("bucket", "p" * (1024 - 240 - 1))
    assert sorted_out(tmp_path, place) == (
        [long],
        {long + "x": "its key in S3 would have 1,025 bytes, and at most 1,024 are possible"},
    )


def test_paths_that_are_too_long_to_be_reached(tmp_path: Path) -> None:
    """A script makes them by going down; they cannot be named from above."""
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(20):
            os.mkdir("d" * 250)
            os.chdir("d" * 250)
    finally:
        os.chdir(here)
    (tmp_path / "weights").write_text("w")
    left: dict[str, str] = {}
    pack(tmp_path, tmp_path.parent / "deep.tar.gz", left.__setitem__)
    with tarfile.open(tmp_path.parent / "deep.tar.gz") as archive:
        assert "weights" in archive.getnames()
    assert [reason.rpartition(": ")[2] for reason in left.values()] == ["File name too long"]
    shutil.rmtree(tmp_path)


@contextlib.contextmanager
def nobody_in_particular() -> Iterator[Path]:
    """A folder of its own, as a user who may not read everything."""
    folder = Path(tempfile.mkdtemp())
    if os.geteuid() != 0:
        yield folder
        shutil.rmtree(folder)
        return
    os.chown(folder, 65534, 65534)
    os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)


def test_what_may_not_be_read_is_left_out() -> None:
    with nobody_in_particular() as folder:
        (folder / "secret").touch(mode=0)
        (folder / "closed").mkdir(mode=0)
        (folder / "weights").write_text("w")
        closed = "its content cannot be listed: Permission denied"
        secret = "it cannot be read: Permission denied"
        assert sorted_out(folder) == (["weights"], {"closed": closed, "secret": secret})
        left: dict[str, str] = {}
        archive = folder.parent / f"{folder.name}.tar.gz"
        pack(folder, archive, left.__setitem__)
        with tarfile.open(archive) as packed:
            assert packed.getnames() == ["closed", "weights"]
        archive.unlink()
        assert left == {"closed": closed, "secret": secret}
        (folder / "closed").chmod(0o700)


def test_each_is_told_once_and_the_rest_counted() -> None:
    lines: list[str] = []
    left_out = LeftOut("checkpoints", lines.append)
    left_out.count()
    assert lines == []
    for number in (*range(30), *range(30)):
        left_out.add(f"{number}\x1b", "it is odd")
    left_out.count()
    assert lines[0] == "gluonship: '0\\x1b' of checkpoints is left out: it is odd"
    assert len(lines) == 21
    assert lines[-1] == "gluonship: 30 left out of checkpoints"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("café", "café"),
        (os.fsdecode(b"caf\xe9"), "caf\\xe9"),
        ("a\nb\t\x7f", "a\\nb\\t\\x7f"),
        ("\u202etxt", "\\u202etxt"),
        ("n" * 250, "n" * 200 + "..."),
    ],
)
def test_names_in_a_log(name: str, shown: str) -> None:
    assert readable(name) == shown


def test_a_link_that_cannot_be_changed_stays(tmp_path: Path) -> None:
    root = tmp_path / "ml"
    (root / "model").mkdir(parents=True)
    (root / "model" / "file").write_text("x")
    for name, target in {"in": "/opt/ml/model/file", "out": "/opt/other", "loop": "loop"}.items():
        (root / "model" / name).symlink_to(target)
    follow_the_container(root / "model", root)
    links = {name: os.readlink(root / "model" / name) for name in ("in", "out", "loop")}
    assert links == {"in": "file", "out": "/opt/other", "loop": "loop"}
    assert sorted(os.listdir(root / "model")) == ["file", "in", "loop", "out"]
