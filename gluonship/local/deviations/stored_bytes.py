"""The bytes of S3's objects: few in memory, many in files of their own, so that a model of any size costs the
control plane none of its memory. They never change; what is made of others (a part of them, several joined, a
copy) refers to the same files, and a file goes when nobody refers to it any more.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import secrets
import tempfile
import weakref
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_IN_MEMORY = 2**14
_CHUNK = 2**18


class _Folder:
    """Where the files are: one of their own, unless it is told."""

    def __init__(self) -> None:
        self.told: Path | None = None

    @functools.cached_property
    def own(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="gluonship-objects-")

    def new_file(self) -> Path:
        folder = self.told or Path(self.own.name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder / secrets.token_hex(16)


_folder = _Folder()


def keep_in(folder: Path) -> None:
    """From now on the files are made in `folder`, which is this process's own."""
    _folder.told = folder


class _File:
    """A file that lives as long as this does."""

    def __init__(self) -> None:
        self.path = _folder.new_file()
        weakref.finalize(self, _remove, self.path).atexit = False


@dataclass(frozen=True)
class _Piece:
    source: bytes | _File
    begin: int
    size: int

    def chunks(self) -> Iterator[bytes]:
        if isinstance(self.source, bytes):
            yield self.source[self.begin : self.begin + self.size]
            return
        with self.source.path.open("rb") as file:
            file.seek(self.begin)
            left = self.size
            while left:
                chunk = file.read(min(left, _CHUNK))
                if not chunk:
                    raise OSError(f"{self.source.path} was cut from outside")
                left -= len(chunk)
                yield chunk


class StoredBytes:
    """Immutable bytes: their length, slices of them, and their content a chunk at a time."""

    def __init__(self, pieces: tuple[_Piece, ...], md5: str = "") -> None:
        self._pieces = pieces
        self._size = sum(each.size for each in pieces)
        self._md5 = md5
        self._checksums: dict[str, bytes] = {}

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> StoredBytes:
        begin, end, _ = part.indices(self._size)
        pieces, passed = [], 0
        for each in self._pieces:
            first, last = max(begin - passed, 0), min(end - passed, each.size)
            if first < last:
                pieces.append(_Piece(each.source, each.begin + first, last - first))
            passed += each.size
        return StoredBytes(tuple(pieces))

    def __deepcopy__(self, _: object) -> StoredBytes:
        return self

    def __bytes__(self) -> bytes:
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        for each in self._pieces:
            yield from each.chunks()

    @property
    def md5(self) -> str:
        """In hexadecimal digits, as an ETag has it."""
        if not self._md5:
            digest = hashlib.md5(usedforsecurity=False)
            for chunk in self.chunks():
                digest.update(chunk)
            self._md5 = digest.hexdigest()
        return self._md5

    def checksum(self, algorithm: str) -> bytes | None:
        """By one of S3's algorithms; None for those that are not at hand here (CRC32C, CRC64NVME)."""
        if algorithm not in _CHECKSUMS:
            return None
        if algorithm not in self._checksums:
            self._checksums[algorithm] = _CHECKSUMS[algorithm](self.chunks())
        return self._checksums[algorithm]


def stored(content: Iterable[bytes]) -> StoredBytes:
    """Keeps what comes. A file that cannot be written whole does not stay."""
    digest = hashlib.md5(usedforsecurity=False)
    begun = bytearray()
    chunks = iter(content)
    for chunk in chunks:
        digest.update(chunk)
        begun += chunk
        if len(begun) > _IN_MEMORY:
            break
    else:
        return StoredBytes((_Piece(bytes(begun), 0, len(begun)),), digest.hexdigest())
    kept = _File()
    size = len(begun)
    with kept.path.open("xb", buffering=0) as file:
        _write(file, begun)
        for chunk in chunks:
            digest.update(chunk)
            _write(file, chunk)
            size += len(chunk)
    return StoredBytes((_Piece(kept, 0, size),), digest.hexdigest())


def joined(parts: Iterable[StoredBytes]) -> StoredBytes:
    return StoredBytes(tuple(piece for part in parts for piece in part._pieces))


def checksum_of_checksums(parts: Iterable[StoredBytes], algorithm: str) -> bytes | None:
    """What S3 calls a composite checksum."""
    digests = [part.checksum(algorithm) for part in parts]
    known = [each for each in digests if each is not None]
    return _CHECKSUMS[algorithm](iter(known)) if known and len(known) == len(digests) else None


def in_base64(checksum: bytes) -> str:
    return b64encode(checksum).decode()


def _crc32(chunks: Iterator[bytes]) -> bytes:
    value = 0
    for chunk in chunks:
        value = zlib.crc32(chunk, value)
    return value.to_bytes(4, "big")


def _hashed(name: str) -> Callable[[Iterator[bytes]], bytes]:
    def digest(chunks: Iterator[bytes]) -> bytes:
        made: Any = hashlib.new(name, usedforsecurity=False)
        for chunk in chunks:
            made.update(chunk)
        return bytes(made.digest())

    return digest


_CHECKSUMS: dict[str, Callable[[Iterator[bytes]], bytes]] = {
    "CRC32": _crc32,
    "SHA1": _hashed("sha1"),
    "SHA256": _hashed("sha256"),
}


def _write(file: Any, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # the folder is gone, or nothing was ever written
        os.unlink(path)
