"""EXIF orientation: cameras store turned pictures and say so in tag 0x0112 (CIPA DC-008, 4.6.4)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_TAG = 0x0112
_SHORT = 3


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, from an EXIF block (with or without its "Exif\\0\\0" prefix).

    A broken or missing tag is 1, upright: metadata that cannot be read must not cost the picture.
    """
    if exif.startswith(b"Exif\x00\x00"):
        exif = exif[6:]
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, directory)
        for index in range(count):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, directory + 2 + 12 * index)
            if tag == _TAG:
                return int(value) if kind == _SHORT and 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def upright(image: npt.NDArray[np.uint8], value: int) -> npt.NDArray[np.uint8]:
    """The (H, W, 3) picture as its orientation says it is to be seen; a contiguous array."""
    if value >= 5:  # stored by columns
        image = image.transpose(1, 0, 2)
    if value in (3, 4, 6, 7):
        image = image[:, ::-1] if value in (3, 6) else image
        image = image[::-1] if value in (3, 4) else image
        image = image[::-1, ::-1] if value == 7 else image
    elif value in (2,):
        image = image[:, ::-1]
    elif value == 8:
        image = image[::-1]
    return np.ascontiguousarray(image)
