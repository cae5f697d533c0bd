"""model.tar.gz: equal bytes for equal folders, and no archive that does harm."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import subprocess
import tarfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from gluonship.vision.artifacts import ArchiveLimits, ArtifactError, extract, pack


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def make_folder(folder: Path) -> Path:
    for name, data in {
        "b.txt": b"b",
        "a/deep/x.bin": os.urandom(3000),
        "a/ü.txt": b"",
        "z.sh": b"#!",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "z.sh").chmod(0o755)
    return folder


def archive(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
        for member, data in members:
            member.size = len(data) if member.isreg() else member.size
            tar.addfile(member, io.BytesIO(data))
    buffer.seek(0)
    return buffer


def member(name: str, **fields: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


class OneWay(io.RawIOBase):
    """A stream as S3 gives it: no seek, and fewer bytes than asked for."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(min(size, 777) if size >= 0 else 777)


# --- packing ------------------------------------------------------------------------------------------------


def test_packed_and_extracted_is_the_same(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "model")
    target = pack(folder, tmp_path / "out" / "model.tar.gz")
    written = extract(target, tmp_path / "again")
    assert tree(tmp_path / "again") == tree(folder)
    assert [path.relative_to(tmp_path / "again").as_posix() for path in written] == sorted(tree(folder))
    assert stat.S_IMODE((tmp_path / "again/z.sh").stat().st_mode) & 0o111
    assert not stat.S_IMODE((tmp_path / "again/b.txt").stat().st_mode) & 0o111
    assert list((tmp_path / "out").iterdir()) == [target]


def test_equal_folders_give_equal_bytes(tmp_path: Path) -> None:
    first = make_folder(tmp_path / "first")
    second = tmp_path / "second"
    for name, data in sorted(tree(first).items(), reverse=True):
        (second / name).parent.mkdir(parents=True, exist_ok=True)
        (second / name).write_bytes(data)
        os.utime(second / name, (1, 1))
    (second / "z.sh").chmod(0o700)
    (second / "a" / "__pycache__").mkdir()
    (second / "a" / "__pycache__" / "x.pyc").write_bytes(b"x")
    digests = {
        hashlib.sha256(pack(folder, tmp_path / f"{folder.name}.tar.gz").read_bytes()).hexdigest()
        for folder in (first, second)
    }
    assert len(digests) == 1


def test_packed_members_say_nothing_of_this_machine(tmp_path: Path) -> None:
    target = pack(make_folder(tmp_path / "model"), tmp_path / "model.tar.gz")
    with tarfile.open(target) as tar:
        for entry in tar:
            assert (entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, 0, "", "")
            assert entry.mode in (0o644, 0o755)
    assert target.read_bytes()[4:8] == b"\x00\x00\x00\x00"  # gzip's own time stamp


def test_gnu_tar_reads_it_and_is_read(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "model")
    pack(folder, tmp_path / "ours.tar.gz")
    (tmp_path / "theirs").mkdir()
    subprocess.run(["tar", "xzf", "ours.tar.gz", "-C", "theirs"], cwd=tmp_path, check=True, timeout=30)
    assert tree(tmp_path / "theirs") == tree(folder)
    for number, options in enumerate((["czf"], ["cf"], ["--format=posix", "-czf"])):
        command = ["tar", *options, "gnu.tar", "-C", str(folder), "."]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=30)
        extract(tmp_path / "gnu.tar", tmp_path / f"again{number}")
        assert tree(tmp_path / f"again{number}") == tree(folder)


def test_long_names_survive(tmp_path: Path) -> None:
    name = "/".join(["d" * 90] * 5) + "/" + "f" * 120
    (tmp_path / "model" / name).parent.mkdir(parents=True)
    (tmp_path / "model" / name).write_bytes(b"x")
    extract(pack(tmp_path / "model", tmp_path / "m.tar.gz"), tmp_path / "again")
    assert tree(tmp_path / "again") == {name: b"x"}


def test_an_empty_folder_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no files"):
        pack(tmp_path, tmp_path / "x.tar.gz")
    with pytest.raises(ArtifactError, match="not a folder"):
        pack(tmp_path / "nowhere", tmp_path / "x.tar.gz")
    assert list(tmp_path.iterdir()) == []


# --- extracting ---------------------------------------------------------------------------------------------


def test_a_one_way_stream_is_enough(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "model")
    data = pack(folder, tmp_path / "model.tar.gz").read_bytes()
    extract(OneWay(data), tmp_path / "again")  # type: ignore[arg-type]
    assert tree(tmp_path / "again") == tree(folder)


@pytest.mark.parametrize(
    ("hostile", "words"),
    [
        (member("../outside"), "leads out"),
        (member("a/../../outside"), "leads out"),
        (member("a/.."), "leads out"),
        (member("/etc/evil"), "absolute path"),
        (member("//etc/evil"), "absolute path"),
        (member("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "symbolic link to '/etc/passwd'"),
        (member("link", type=tarfile.SYMTYPE, linkname="../.."), "symbolic link"),
        (member("link", type=tarfile.SYMTYPE, linkname="good.txt"), "pack the file itself"),
        (member("link", type=tarfile.LNKTYPE, linkname="../../etc/passwd"), "hard link"),
        (member("link", type=tarfile.LNKTYPE, linkname="good.txt"), "hard link"),
        (member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3), "device or a pipe"),
        (member("disk", type=tarfile.BLKTYPE, devmajor=8), "device"),
        (member("pipe", type=tarfile.FIFOTYPE), "pipe"),
        (member("."), "file named"),
        (member("good.txt"), "twice"),
        (member("good.txt/below"), "cannot be unpacked"),
        (member("n" * 300), "cannot be unpacked"),
    ],
)
def test_hostile_members_are_refused_and_nothing_is_left(
    tmp_path: Path, hostile: tarfile.TarInfo, words: str
) -> None:
    for mode in ("w:gz", "w"):
        folder = tmp_path / "model"
        with pytest.raises(ArtifactError, match=words):
            extract(
                archive(
                    (member("sub/good.txt"), b"x"), (member("good.txt"), b"x"), (hostile, b""), mode=mode
                ),
                folder,
            )
        assert list(folder.iterdir()) == []
        assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


def test_a_link_planted_before_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a").symlink_to(tmp_path / "outside")
    (tmp_path / "model" / "f").symlink_to(tmp_path / "outside" / "f")
    for name in ("a/x", "f"):
        with pytest.raises(ArtifactError, match="empty folder"):
            extract(archive((member(name), b"x")), tmp_path / "model")
    assert list((tmp_path / "outside").iterdir()) == []


def test_existing_files_are_never_overwritten_or_removed(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"mine")
    with pytest.raises(ArtifactError, match="exists already"):
        extract(archive((member("a"), b"x"), (member("b"), b"theirs")), tmp_path)
    assert tree(tmp_path) == {"b": b"mine"}


def test_owners_and_special_bits_are_dropped(tmp_path: Path) -> None:
    extract(archive((member("suid", mode=0o6777, uid=1234, gid=1234), b"x")), tmp_path)
    status = (tmp_path / "suid").stat()
    assert stat.S_IMODE(status.st_mode) & ~0o755 == 0
    assert (status.st_uid, status.st_gid) == (os.getuid(), os.getgid())


def test_a_bomb_is_cut_by_the_bytes_it_really_holds(tmp_path: Path) -> None:
    limits = ArchiveLimits(max_bytes=10 * 2**20)
    declared = archive((member("big"), bytes(11 * 2**20)))
    with pytest.raises(ArtifactError, match="more than 10,485,760 bytes"):
        extract(declared, tmp_path / "a", limits)
    # nothing declared: gzip that goes on for ever after the archive's end
    endless = gzip.compress(archive((member("x"), b"x"), mode="w").getvalue() + bytes(60 * 2**20))
    with pytest.raises(ArtifactError, match="more than"):
        extract(io.BytesIO(endless), tmp_path / "b", limits)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME]
)
def test_a_huge_header_costs_no_memory(tmp_path: Path, kind: bytes) -> None:
    header = member("x", type=kind, size=400 * 2**20).tobuf(tarfile.GNU_FORMAT)
    bomb = gzip.compress(header + bytes(40 * 2**20), 1)
    tracemalloc.start()
    try:
        with pytest.raises(ArtifactError, match="header of 419,430,400 bytes"):
            extract(io.BytesIO(bomb), tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    many = archive(*((member(f"f{number}"), b"") for number in range(101)))
    with pytest.raises(ArtifactError, match="more than 100 members"):
        extract(many, tmp_path, ArchiveLimits(max_members=100))
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(("depth", "accepted"), [(19, True), (20, False)])
def test_folders_that_paths_imply_count_as_members(tmp_path: Path, depth: int, accepted: bool) -> None:
    """Five members of 19 folders each and a file."""
    bomb = archive(*((member(f"{number}/" + "a/" * (depth - 1) + "f"), b"") for number in range(5)))
    if accepted:
        assert len(extract(bomb, tmp_path / "x", ArchiveLimits(max_members=100))) == 5
        return
    with pytest.raises(ArtifactError, match="more than 100 files and folders, counting those that its paths"):
        extract(bomb, tmp_path / "x", ArchiveLimits(max_members=100))
    assert tree(tmp_path) == {}
    assert list((tmp_path / "x").iterdir()) == []


def test_a_file_too_many_is_refused(tmp_path: Path) -> None:
    many = archive(*((member(f"a/{number}"), b"") for number in range(3)))
    assert len(extract(many, tmp_path / "enough", ArchiveLimits(max_members=4))) == 3
    many.seek(0)
    with pytest.raises(ArtifactError, match="more than 3 files and folders"):
        extract(many, tmp_path / "x", ArchiveLimits(max_members=3))


@pytest.mark.parametrize(("depth", "accepted"), [(100, True), (101, False)])
def test_folders_in_folders_have_a_limit(tmp_path: Path, depth: int, accepted: bool) -> None:
    deep = archive((member("a/" * depth + "f"), b""), (member("a/" * depth + "g"), b""))
    if accepted:
        assert len(extract(deep, tmp_path / "x")) == 2
    else:
        with pytest.raises(ArtifactError, match="more than 100 deep"):
            extract(deep, tmp_path / "x")


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(50 * 2**20)
    for number, form in enumerate(("gnu", "posix")):
        command = ["tar", f"--format={form}", "-czSf", "x.tar.gz", "holes"]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=30)
        with pytest.raises(ArtifactError, match="sparse"):
            extract(tmp_path / "x.tar.gz", tmp_path / str(number))


def pax_archive(headers: dict[str, str], data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member("x", size=len(data), pax_headers=headers), io.BytesIO(data))
    return buffer.getvalue()


def test_the_map_of_a_sparse_file_is_not_read(tmp_path: Path) -> None:
    """tarfile would make a list of all its numbers: 1 kB of archive, some GB of memory."""
    count = 2**20
    data = b"%d\n" % count + b"1\n" * (2 * count)
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x"}
    bomb = gzip.compress(pax_archive({**headers, "GNU.sparse.realsize": "1"}, data), 9)
    tracemalloc.start()
    try:
        with pytest.raises(ArtifactError, match="sparse"):
            extract(io.BytesIO(bomb), tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "headers",
    [
        {"GNU.sparse.map": "a,b"},
        {"GNU.sparse.size": "x", "GNU.sparse.map": "1"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"},
        {"size": "-5"},
        {"size": "9" * 30},
    ],
)
def test_headers_of_nonsense_are_refused_in_words(tmp_path: Path, headers: dict[str, str]) -> None:
    with pytest.raises(ArtifactError):
        extract(io.BytesIO(pax_archive(headers, b"hello")), tmp_path)
    assert tree(tmp_path) == {}


def test_headers_without_end_are_refused_in_words(tmp_path: Path) -> None:
    """Each pax header calls tarfile's reader again for the next."""
    header = pax_archive({"comment": "x"}, b"")[:1024]
    with pytest.raises(ArtifactError, match="cannot be unpacked"):
        extract(io.BytesIO(header * 5000), tmp_path)


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_a_truncated_archive_leaves_nothing(tmp_path: Path, mode: str) -> None:
    data = archive((member("a"), os.urandom(5000)), (member("b"), os.urandom(5000)), mode=mode).getvalue()
    end = len(data) if mode == "w:gz" else 11_000
    for cut in (0, 1, 5, 100, 600, end // 2, end - 5):
        with pytest.raises(ArtifactError):
            extract(io.BytesIO(data[:cut]), tmp_path / "model")
        assert tree(tmp_path / "model") == {}


def test_gzips_checksum_is_checked(tmp_path: Path) -> None:
    data = bytearray(archive((member("a"), b"hello")).getvalue())
    data[-6] ^= 1
    with pytest.raises(ArtifactError, match="cannot be unpacked"):
        extract(io.BytesIO(bytes(data)), tmp_path)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"no archive at all",
        lambda: b"PK\x03\x04" + bytes(600),
        lambda: bytes(10_240),
        lambda: b"x" * 5000,
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, make: Callable[[], bytes]) -> None:
    with pytest.raises(ArtifactError):
        extract(io.BytesIO(make()), tmp_path)


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"nowhere\.tar\.gz cannot be unpacked: .*No such file"):
        extract(tmp_path / "nowhere.tar.gz", tmp_path / "x")


def test_refusals_are_fast(tmp_path: Path) -> None:
    streams: list[BinaryIO] = [archive((member("../x"), bytes(50 * 2**20)))]
    started = time.process_time()
    for stream in streams:
        with pytest.raises(ArtifactError):
            extract(stream, tmp_path)
    assert time.process_time() - started < 0.5
