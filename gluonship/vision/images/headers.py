"""Format and dimensions of a picture from its first bytes, without a decoder.

Decoders allocate what a header declares, so the header is read here first, and the format is taken from the
content, never from a name or a Content-Type. Sources: ITU T.81 B.1-B.2 (JPEG), W3C PNG 3rd edition 5 and 11,
RFC 9649 (WebP).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from gluonship.vision.images.errors import ImageError

# Real files hold a few dozen segments and about ten progressive scans; thousands of either are an attack on
# the decoder's time.
_MAX_JPEG_SEGMENTS = 4096
_MAX_JPEG_SCANS = 64
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_STANDALONE = frozenset(range(0xD0, 0xD8)) | {0x01}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})

_REFUSED = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\x00", "a TIFF"),
    (b"MM\x00*", "a TIFF"),
    (b"%PDF", "a PDF"),
    (b"%!PS", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript file"),
    (b"8BPS", "a Photoshop file"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 file"),
    (b"\xff\x0a", "a JPEG XL file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
)


@dataclass(frozen=True)
class Header:
    """What a file says of itself: `format` is 'JPEG', 'PNG' or 'WEBP'; width and height in pixels, before
    any EXIF orientation."""

    format: str
    width: int
    height: int


def read_header(data: bytes) -> Header:
    """The header of a JPEG, PNG or WebP file.

    Raises ImageError: UnsupportedImage for other content, InvalidImage for a broken header.
    """
    if data.startswith(b"\xff\xd8\xff"):
        header = _jpeg(data)
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        header = _png(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        header = _webp(data)
    else:
        raise ImageError(
            "UnsupportedImage",
            f"the content is {_describe(data)}; send a JPEG, PNG or WebP image",
        )
    if header.width < 1 or header.height < 1:
        raise _invalid(header.format, f"its header declares {header.width} x {header.height} pixels")
    return header


def _invalid(name: str, what: str) -> ImageError:
    return ImageError("InvalidImage", f"not a usable {name} file: {what}")


def _describe(data: bytes) -> str:
    for magic, name in _REFUSED:
        if data.startswith(magic):
            return name
    if data[4:8] == b"ftyp":
        return "an AVIF, HEIC or video file"
    markup = data[:1024].lstrip()
    if markup.startswith(b"<") and b"<svg" in markup:
        return "an SVG drawing"
    if not data[:1024].strip(b"\x00"):
        return "zero bytes"
    start = data[:64]
    plain = all(32 <= byte < 127 or byte in b"\t\n\f\r" for byte in start)
    return "text" if plain else "of no known image format"


def _png(data: bytes) -> Header:
    if len(data) < 33 or data[8:16] != b"\x00\x00\x00\x0dIHDR":
        raise _invalid("PNG", "it does not begin with an IHDR chunk, or is cut off inside it")
    width, height = struct.unpack_from(">II", data, 16)
    return Header("PNG", width, height)


def _jpeg(data: bytes) -> Header:
    """Walks the marker segments up to the first frame header (SOFn)."""
    position = 2
    for _ in range(_MAX_JPEG_SEGMENTS):
        if position + 4 > len(data):
            raise _invalid("JPEG", "it is cut off before the picture's dimensions")
        if data[position] != 0xFF:
            raise _invalid("JPEG", f"there is no marker at byte {position}")
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
        elif marker in _JPEG_STANDALONE:
            position += 2
        elif marker in _JPEG_FRAMES:
            return _jpeg_frame(data, position, marker)
        elif marker in (0xD8, 0xD9, 0xDA):
            raise _invalid("JPEG", "it has no frame header")
        else:
            position += 2 + max(2, int(struct.unpack_from(">H", data, position + 2)[0]))
    raise _invalid("JPEG", f"more than {_MAX_JPEG_SEGMENTS} segments come before the picture")


def _jpeg_frame(data: bytes, position: int, marker: int) -> Header:
    if position + 9 > len(data):
        raise _invalid("JPEG", "it is cut off inside the frame header")
    height, width = struct.unpack_from(">HH", data, position + 5)
    # Inside entropy-coded data 0xFF is always stuffed, so this counts scans, and at worst a thumbnail's too.
    if marker in _PROGRESSIVE and data.count(b"\xff\xda", position) > _MAX_JPEG_SCANS:
        raise _invalid("JPEG", f"it has more than {_MAX_JPEG_SCANS} progressive scans")
    return Header("JPEG", width, height)


def _webp(data: bytes) -> Header:
    kind = data[12:16]
    if len(data) < 30 or kind not in (b"VP8 ", b"VP8L", b"VP8X"):
        raise _invalid("WebP", "its first chunk is missing or cut off")
    if kind == b"VP8X":  # canvas size minus one, 24 bits each
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    elif kind == b"VP8L":  # signature byte, then 14 bits of width - 1 and 14 of height - 1
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:  # frame tag (3), start code (3), then 14 bits of width and of height with 2 bits of scale
        width, height = (value & 0x3FFF for value in struct.unpack_from("<HH", data, 26))
    return Header("WEBP", width, height)
