"""Whether a PNG holds all its rows.

Pillow is content with a compressed stream that ends early and leaves the rest of the picture black; libpng
and browsers are not. Source: PNG 3rd edition, 8 (interlacing) and 9 (filtering).
"""

from __future__ import annotations

import struct
import zlib

_HEADER = struct.Struct(">IIBBBBB")  # width, height, bit depth, colour type, compression, filter, interlacing
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type -> samples a pixel
# x and y of the first pixel, x and y steps, of Adam7's passes
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE = 2**18


def has_all_rows(data: bytes) -> bool:
    """Whether the IDAT chunks of a PNG (with a valid header) inflate to as many bytes as the header asks."""
    missing = _raw_bytes(data)
    inflate = zlib.decompressobj()
    position = 8
    while position + 8 <= len(data) and missing > 0:
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"IDAT":
            piece = data[position + 8 : position + 8 + length]
            while piece and missing > 0 and not inflate.eof:
                missing -= len(inflate.decompress(piece, _PIECE))
                piece = inflate.unconsumed_tail
        position += 12 + length
    return missing <= 0


def _raw_bytes(data: bytes) -> int:
    fields: tuple[int, ...] = _HEADER.unpack_from(data, 16)
    width, height, depth, colour, _, _, interlaced = fields
    bits = depth * _SAMPLES.get(colour, 1)
    if not interlaced:
        return height * (1 + (width * bits + 7) // 8)
    total = 0
    for left, top, step_x, step_y in _ADAM7:
        columns, rows = -((left - width) // step_x), -((top - height) // step_y)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total
