"""model.tar.gz: packed so that equal folders give equal bytes, unpacked so that no archive does harm."""

from __future__ import annotations

import contextlib
import gzip
import os
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from gluonship.vision.artifacts.errors import ArtifactError
from gluonship.vision.atomic_files import is_unfinished, replacing

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 2**20
_BLOCK = 512
_MAX_DEPTH = 100  # of folders in folders
_MAX_HEADER_BYTES = 2**20  # of a long name or a pax header; tarfile would read gigabytes of it into memory
_SPECIAL_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


@dataclass(frozen=True)
class ArchiveLimits:
    """Caps on an archive: how many members it may have, how many files and folders (those that its paths
    imply, too) and how many bytes it may unpack to."""

    max_members: int = 20_000
    max_bytes: int = 16 * 2**30


_DEFAULT_LIMITS = ArchiveLimits()


def pack(folder: Path, target: Path) -> Path:
    """Writes the files of `folder` as the gzipped tar `target`, which is returned.

    Deterministic: sorted names, no times, no owners, modes 0644 or 0755; empty folders and __pycache__ are
    left out. Raises ArtifactError for links and special files, which no reader should trust.
    """
    folder, target = Path(folder), Path(target)
    members = sorted(_members(folder, target), key=lambda path: path.relative_to(folder).as_posix())
    if not members:
        raise ArtifactError(f"{folder} holds no files: there is nothing to pack")
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as unfinished, contextlib.ExitStack() as stack:
        raw = stack.enter_context(open(unfinished, "wb"))
        packed = stack.enter_context(gzip.GzipFile("", "wb", 6, raw, mtime=0))
        archive = stack.enter_context(tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT))
        for path in members:
            _add(archive, path, path.relative_to(folder).as_posix())
    return target


def extract(archive: Path | BinaryIO, folder: Path, limits: ArchiveLimits = _DEFAULT_LIMITS) -> list[Path]:
    """Unpacks a tar or gzipped tar (a path, or a stream that is read once) into `folder`.

    Returns the files written, in the archive's order. Only plain files and folders are accepted, under
    relative paths without '..'; nothing existing is overwritten; owners, times and all mode bits but
    'executable' are dropped. Raises ArtifactError, and removes what it has written, for anything else, for a
    damaged archive, and beyond the limits (which count real bytes, whatever headers declare).
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    try:
        with _opened(archive) as stream:
            return _extract(stream, folder.resolve(), limits, made)
    except ArtifactError:
        _remove(made)
        raise
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, RecursionError) as error:
        _remove(made)
        raise ArtifactError(f"{_name(archive)} cannot be unpacked: {error}") from error
    except BaseException:
        _remove(made)
        raise


def _members(folder: Path, target: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise ArtifactError(f"{folder} is not a folder")
    for parent, subfolders, names in os.walk(folder):
        subfolders[:] = [name for name in subfolders if name != "__pycache__"]
        for name in [*subfolders, *names]:
            path = Path(parent) / name
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise ArtifactError(f"{path} is a link or a special file: only files can be packed")
        for name in names:
            path = Path(parent) / name
            if not is_unfinished(path) and path != target:
                yield path


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    member = tarfile.TarInfo(name)
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        member.size = status.st_size
        member.mode = 0o755 if status.st_mode & 0o100 else 0o644
        archive.addfile(member, file)


class _Member(tarfile.TarInfo):
    """Refuses what tarfile would read into memory before anybody sees the member: huge headers, and the maps
    of sparse files, which may be as long as the archive."""

    # tarfile's own entry point for subclasses, called with every header before what follows it is read.
    def _proc_member(self, *arguments: Any) -> Any:
        if self.type in _SPECIAL_HEADERS and self.size > _MAX_HEADER_BYTES:
            raise ArtifactError(f"a header of {self.size:,} bytes: the archive is damaged or hostile")
        if self.type == tarfile.GNUTYPE_SPARSE:
            _refuse_sparse(self)
        return super()._proc_member(*arguments)  # type: ignore[misc]

    # What tarfile calls for the three forms of sparse files in pax archives; `following` is the member.
    def _proc_gnusparse_00(self, following: tarfile.TarInfo, *_: Any) -> None:
        _refuse_sparse(following)

    _proc_gnusparse_01 = _proc_gnusparse_10 = _proc_gnusparse_00


def _refuse_sparse(member: tarfile.TarInfo) -> None:
    raise ArtifactError(f"{member.name!r} in the archive is a sparse file: pack plain files (tar without -S)")


class _Capped:
    """A stream that ends in an error after `limit` bytes."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._left = limit
        self._limit = limit

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(min(size, _CHUNK) if size >= 0 else _CHUNK)
        self._left -= len(data)
        if self._left < 0:
            raise ArtifactError(f"the archive unpacks to more than {self._limit:,} bytes")
        return data


class _Prefixed:
    """A stream with its first bytes put back."""

    def __init__(self, prefix: bytes, stream: BinaryIO) -> None:
        self._prefix = prefix
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if self._prefix:
            head, self._prefix = self._prefix[:size], self._prefix[size:] if size >= 0 else b""
            return head
        return self._stream.read(size)


@contextlib.contextmanager
def _opened(archive: Path | BinaryIO) -> Iterator[BinaryIO]:
    """The tar stream of `archive`, whether gzipped or not."""
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(open(archive, "rb")) if isinstance(archive, (str, Path)) else archive
        magic = b""
        while len(magic) < 2:
            more = raw.read(2 - len(magic))
            if not more:
                raise ArtifactError(f"{_name(archive)} is empty: it is no archive")
            magic += more
        stream = cast("BinaryIO", _Prefixed(magic, raw))
        if magic == b"\x1f\x8b":
            stream = cast("BinaryIO", stack.enter_context(gzip.GzipFile(fileobj=stream, mode="rb")))
        yield stream


def _extract(stream: BinaryIO, folder: Path, limits: ArchiveLimits, made: list[Path]) -> list[Path]:
    # Each member costs a header and its padding beside its bytes; the slack is for the archive's last blocks.
    capped = _Capped(stream, limits.max_bytes + (limits.max_members + 64) * 2 * _BLOCK)
    written: list[Path] = []
    total = members = 0
    target = _Folder(folder, limits.max_members, made)
    with tarfile.open(fileobj=cast("Any", capped), mode="r|", tarinfo=_Member) as tar:
        for member in tar:
            members += 1
            total += member.size
            if members > limits.max_members:
                raise ArtifactError(f"the archive has more than {limits.max_members:,} members")
            if total > limits.max_bytes:
                raise ArtifactError(f"the archive unpacks to more than {limits.max_bytes:,} bytes")
            parts = _checked(member)
            if member.isdir():
                target.make(parts)
            else:
                target.make(parts[:-1])
                target.expect_one_more()
                written.append(_write(tar, member, folder.joinpath(*parts), made))
    while capped.read(_CHUNK):  # to the end, so that gzip checks its sum
        pass
    if not members:
        raise ArtifactError("the archive is empty")
    return written


def _checked(member: tarfile.TarInfo) -> list[str]:
    """The member's path as parts, when it is harmless; [] is the archive's root."""
    name = member.name
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/"):
        raise ArtifactError(f"the archive holds the absolute path {name!r}: pack it with relative paths")
    if ".." in parts or "\x00" in name:
        raise ArtifactError(f"the archive holds {name!r}, which leads out of the folder")
    if member.issym() or member.islnk():
        kind = "symbolic link" if member.issym() else "hard link"
        raise ArtifactError(
            f"{name!r} in the archive is a {kind} to {member.linkname!r}: pack the file itself (tar -h)"
        )
    if not (member.isreg() or member.isdir()):
        raise ArtifactError(f"{name!r} in the archive is a device or a pipe: pack plain files")
    if member.isreg() and not parts:
        raise ArtifactError(f"the archive holds a file named {name!r}")
    return parts


class _Folder:
    """Where an archive is unpacked to: what it has made there, which counts against the limit."""

    def __init__(self, root: Path, limit: int, made: list[Path]) -> None:
        self.root = root
        self.made = made
        self._limit = limit
        self._known = {root}

    def make(self, parts: list[str]) -> None:
        """The folder of these names, with those above it."""
        if self.root.joinpath(*parts) in self._known:
            return
        if len(parts) > _MAX_DEPTH:
            raise ArtifactError(f"the archive has folders in each other, more than {_MAX_DEPTH} deep")
        folder = self.root
        for part in parts:
            folder = folder / part
            if folder in self._known:
                continue
            if folder.is_symlink():
                raise ArtifactError(f"{folder} is a link: unpack into an empty folder")
            if not folder.is_dir():
                self.expect_one_more()
                folder.mkdir(mode=0o755)
                self.made.append(folder)
            self._known.add(folder)

    def expect_one_more(self) -> None:
        if len(self.made) >= self._limit:
            raise ArtifactError(
                f"the archive unpacks to more than {self._limit:,} files and folders, counting those that "
                "its paths imply"
            )


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, made: list[Path]) -> Path:
    mode = 0o755 if member.mode & 0o100 else 0o644
    try:
        target = os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except FileExistsError:
        raise ArtifactError(
            f"{path} exists already, or is twice in the archive: unpack into an empty folder"
        ) from None
    made.append(path)
    source = tar.extractfile(member)
    with os.fdopen(target, "wb") as file:
        left = member.size
        while source is not None and left:
            chunk = source.read(min(left, _CHUNK))
            if not chunk:
                raise ArtifactError(f"the archive is cut off inside {member.name!r}: fetch it again")
            file.write(chunk)
            left -= len(chunk)
    return path


def _remove(made: list[Path]) -> None:
    for path in reversed(made):
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()


def _name(archive: Path | BinaryIO) -> str:
    return str(archive) if isinstance(archive, (str, Path)) else "the archive"
