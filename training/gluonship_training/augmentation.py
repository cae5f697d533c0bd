"""Random changes of training images, on whole batches of uint8 pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def augment(
    images: npt.NDArray[np.uint8], random: np.random.RandomState, flip: bool, padding: int
) -> npt.NDArray[np.uint8]:
    """A changed copy of `images`, uint8 (N, H, W, 3).

    Every image is cut out of itself padded by `padding` black pixels on each side, at a random place, and
    mirrored with probability 1/2. The numbers drawn depend on `random` and the shape alone.
    """
    count = len(images)
    changed = _cropped(images, random, padding) if padding else images.copy()
    if flip:
        mirrored = random.randint(0, 2, count).astype(bool)
        changed[mirrored] = changed[mirrored, :, ::-1]
    return changed


def _cropped(
    images: npt.NDArray[np.uint8], random: np.random.RandomState, padding: int
) -> npt.NDArray[np.uint8]:
    count, height, width, _ = images.shape
    sides: Any = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    padded = np.pad(images, sides, mode="constant")
    places = random.randint(0, 2 * padding + 1, (count, 2))
    cut = np.empty_like(images)
    for index, (top, left) in enumerate(places):
        cut[index] = padded[index, top : top + height, left : left + width]
    return cut
