"""Request bodies for a model server: good ones, and bad ones that it must refuse in words."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    name: str
    body: bytes
    content_type: str


def picture() -> Sample:
    """A small JPEG of two colours, for a model without a golden sample."""
    return Sample("a JPEG", _jpeg(), "image/jpeg")


def bad() -> list[Sample]:
    """Bodies that no image model can answer."""
    return [
        Sample("an empty body", b"", "image/jpeg"),
        Sample("a text named a JPEG", b"this is no picture\n" * 20, "image/jpeg"),
        Sample("half a JPEG", _jpeg()[:300], "image/jpeg"),
        Sample("a PNG of 30,000 x 30,000", _huge_png(), "image/png"),
        Sample("a wrong content type", _jpeg(), "application/x-unheard-of"),
    ]


def _jpeg() -> bytes:
    from PIL import Image

    image = Image.new("RGB", (64, 48), (200, 120, 40))
    image.paste((20, 60, 160), (16, 8, 48, 40))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return file.getvalue()


def _huge_png() -> bytes:
    """A valid header, and less data than it says: what unpacks it by its header needs 2.7 GB."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(90_001))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
