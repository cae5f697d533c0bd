"""From pixels to a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def encode_png(image: npt.NDArray[np.uint8]) -> bytes:
    """A PNG file of an (H, W, 3) uint8 RGB picture: lossless, so `decode` gives the same pixels back."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return buffer.getvalue()
