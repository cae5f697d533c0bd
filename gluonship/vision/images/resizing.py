"""Three ways to bring a picture to the network's size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

# OpenCV's names. It is imported where it is used: clients that only read predictions need not have it.
INTERPOLATIONS: dict[str, str] = {
    "nearest": "INTER_NEAREST",
    "bilinear": "INTER_LINEAR",
    "bicubic": "INTER_CUBIC",
    "area": "INTER_AREA",
    "lanczos": "INTER_LANCZOS4",
}
RESIZES: tuple[str, ...] = ("stretch", "letterbox", "crop")


@dataclass(frozen=True)
class Placement:
    """Where the original lies on the resized canvas: x' = x * scale_x + left, y' = y * scale_y + top, in
    pixels, continuous coordinates (a pixel's area is [i, i + 1)). A crop has negative offsets."""

    scale_x: float
    scale_y: float
    left: float
    top: float

    def to_original(self, x: float, y: float) -> tuple[float, float]:
        """A point on the canvas, back in the original picture."""
        return (x - self.left) / self.scale_x, (y - self.top) / self.scale_y


def stretch(
    image: npt.NDArray[np.uint8], height: int, width: int, interpolation: str
) -> npt.NDArray[np.uint8]:
    """(H, W, 3) to (height, width, 3), each axis by itself; unchanged when the size is right.

    'area' shrinks only: where an axis grows, OpenCV's own area mode shifts the picture by pixels, and
    'bilinear' stands in.
    """
    if image.shape[:2] == (height, width):
        return image
    import cv2

    if interpolation == "area" and (height > image.shape[0] or width > image.shape[1]):
        interpolation = "bilinear"
    flag: int = getattr(cv2, INTERPOLATIONS[interpolation])
    resized: npt.NDArray[np.uint8] = cv2.resize(image, (width, height), interpolation=flag)
    return resized


def letterbox(
    image: npt.NDArray[np.uint8], height: int, width: int, interpolation: str, fill: tuple[int, int, int]
) -> tuple[npt.NDArray[np.uint8], Placement]:
    """The whole picture in its proportions, centred, the rest filled with the RGB colour `fill`."""
    old_height, old_width = image.shape[:2]
    scale = min(height / old_height, width / old_width)
    new_height = min(height, max(1, round(old_height * scale)))
    new_width = min(width, max(1, round(old_width * scale)))
    top, left = (height - new_height) // 2, (width - new_width) // 2
    canvas = np.empty((height, width, 3), dtype=np.uint8)
    canvas[:] = fill
    canvas[top : top + new_height, left : left + new_width] = stretch(
        image, new_height, new_width, interpolation
    )
    return canvas, Placement(new_width / old_width, new_height / old_height, float(left), float(top))


def crop(
    image: npt.NDArray[np.uint8], height: int, width: int, interpolation: str, ratio: float
) -> tuple[npt.NDArray[np.uint8], Placement]:
    """The centre of the picture in its proportions, as GluonCV evaluates ImageNet networks: the shorter side
    becomes ceil(size / ratio), then (height, width) is cut out of the middle.

    For a square target these are the sizes and offsets of mxnet.image.resize_short and center_crop.
    """
    old_height, old_width = image.shape[:2]
    cover_height, cover_width = math.ceil(height / ratio), math.ceil(width / ratio)
    if old_height * cover_width > cover_height * old_width:
        new_height, new_width = cover_width * old_height // old_width, cover_width
    else:
        new_height, new_width = cover_height, cover_height * old_width // old_height
    resized = stretch(image, new_height, new_width, interpolation)
    top, left = (new_height - height) // 2, (new_width - width) // 2
    cut = np.ascontiguousarray(resized[top : top + height, left : left + width])
    return cut, Placement(new_width / old_width, new_height / old_height, float(-left), float(-top))
