"""The RecordIO container, byte for byte as dmlc-core writes it (include/dmlc/recordio.h), without MXNet.

A record is one or more parts: magic, then 3 bits of kind and 29 of length, then the payload, padded to four
bytes. A payload that holds the magic at a multiple of four is cut there, and the magic left out; the reader
puts it back.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import BinaryIO

from gluonship.vision.datasets.dataset import DatasetError

_MAGIC = struct.pack("<I", 0xCED7230A)
_HEADER = struct.Struct("<4sI")
_WHOLE, _FIRST, _MIDDLE, _LAST = 0, 1, 2, 3
MAX_LENGTH = 2**29 - 1


class RecordIOError(DatasetError):
    """A file that is no RecordIO, or is cut off; says at which byte."""


def write_record(file: BinaryIO, payload: bytes) -> int:
    """Appends one record; returns the byte it begins at. Raises RecordIOError above 2**29 - 1 bytes."""
    if len(payload) > MAX_LENGTH:
        raise RecordIOError(f"a record of {len(payload):,} bytes is longer than RecordIO allows")
    start = file.tell()
    parts = _split(payload)
    for index, part in enumerate(parts):
        if len(parts) == 1:
            kind = _WHOLE
        elif index == 0:
            kind = _FIRST
        else:
            kind = _LAST if index == len(parts) - 1 else _MIDDLE
        file.write(_HEADER.pack(_MAGIC, kind << 29 | len(part)) + part + bytes(-len(part) % 4))
    return start


class RecordFile:
    """Records of one file by their offsets. Opened lazily, mapped, safe to read from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._map: mmap.mmap | None = None

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path, "_map": None}

    def offsets(self) -> list[int]:
        """Where each record begins, by a walk over the headers."""
        found = []
        position = 0
        while position < len(self._bytes()):
            found.append(position)
            position = _padded_end(self._parts(position)[-1])
        return found

    def read(self, offset: int) -> bytes:
        """The payload of the record at `offset`. Raises RecordIOError."""
        data = self._bytes()
        return _MAGIC.join([data[start:end] for start, end in self._parts(offset)])

    def head(self, offset: int, length: int) -> bytes:
        """The first `length` bytes of the record at `offset` (all of a shorter one), without the rest."""
        start, end = self._parts(offset)[0]
        if end - start < length:  # a short record, or one that is cut at a magic
            return self.read(offset)[:length]
        return self._bytes()[start : start + length]

    def _parts(self, offset: int) -> list[tuple[int, int]]:
        """(start, end) of the payload of each part of the record at `offset`."""
        data = self._bytes()
        position = offset
        parts: list[tuple[int, int]] = []
        while True:
            if position + 8 > len(data):
                raise RecordIOError(f"{self.path} is cut off at byte {len(data):,}")
            magic, word = _HEADER.unpack_from(data, position)
            kind, length = word >> 29, word & MAX_LENGTH
            if magic != _MAGIC or kind not in ((_MIDDLE, _LAST) if parts else (_WHOLE, _FIRST)):
                raise RecordIOError(f"{self.path} has no record at byte {position:,}")
            parts.append((position + 8, position + 8 + length))
            position = _padded_end(parts[-1])
            if position > len(data):
                raise RecordIOError(f"{self.path} is cut off at byte {len(data):,}")
            if kind in (_WHOLE, _LAST):
                return parts

    def _bytes(self) -> mmap.mmap | bytes:
        if self._map is None:
            with self.path.open("rb") as file:
                if file.seek(0, 2) == 0:
                    return b""
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._map


def _padded_end(part: tuple[int, int]) -> int:
    start, end = part
    return end + (start - end) % 4


def _split(payload: bytes) -> list[bytes]:
    """Cuts at each magic that begins at a multiple of four."""
    parts = []
    start = 0
    position = payload.find(_MAGIC)
    while position >= 0:
        if position % 4 == 0:
            parts.append(payload[start:position])
            start = position + 4
            position = payload.find(_MAGIC, start)
        else:
            position = payload.find(_MAGIC, position + 1)
    parts.append(payload[start:])
    return parts
