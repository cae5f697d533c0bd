"""The demo's images: a subset of Fashion-MNIST, in the data set's own idx format.

Source: https://github.com/zalandoresearch/fashion-mnist (Expat licence, Copyright 2017 Zalando SE); which
images these are is said in fashion_mnist_data/README.md.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import numpy.typing as npt

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_FILES = {"train": "train", "held-out": "t10k"}
_UINT8 = 0x08  # idx's code of the element type


@dataclass(frozen=True)
class LabelledImages:
    """`pixels` is uint8 (N, 28, 28), gray; `labels` is int64 (N,), indices into CLASSES."""

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def jpegs(self) -> list[bytes]:
        """Every image as a JPEG file."""
        return [_jpeg(image) for image in self.pixels]


def load(part: Literal["train", "held-out"]) -> LabelledImages:
    """12,000 images to train on, or 2,000 that training never sees."""
    pixels = _read_idx(f"{_FILES[part]}-images-idx3-ubyte.gz")
    labels = _read_idx(f"{_FILES[part]}-labels-idx1-ubyte.gz")
    return LabelledImages(pixels, labels.astype(np.int64))


def _read_idx(name: str) -> npt.NDArray[np.uint8]:
    packed = resources.files("gluonship.demo").joinpath("fashion_mnist_data", name).read_bytes()
    content = gzip.decompress(packed)
    zero, kind, dimensions = struct.unpack_from(">HBB", content)
    if zero != 0 or kind != _UINT8:
        raise ValueError(f"{name} is not an idx file of bytes.")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    start = 4 + 4 * dimensions
    if len(content) - start != math.prod(shape):
        raise ValueError(f"{name} holds {len(content) - start} bytes of data; its header says {shape}.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _jpeg(image: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=95)
    return file.getvalue()
