"""What the journeys share: real pictures, and a local cloud to travel in (the `cloud` fixture)."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gluonship.demo import fashion_mnist

SCRIPTS = Path(__file__).parent / "user_scripts"


@dataclass(frozen=True)
class Pictures:
    images: np.ndarray  # (N, 28, 28) uint8
    labels: np.ndarray  # (N,) uint8

    def png(self, index: int) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(self.images[index]).save(buffer, "PNG")
        return buffer.getvalue()

    def write_idx(self, folder: Path) -> None:
        """Two files in the data set's own format: images.gz and labels.gz."""
        folder.mkdir(parents=True, exist_ok=True)
        count = len(self.labels)
        image_header = b"".join(n.to_bytes(4, "big") for n in (0x803, count, 28, 28))
        label_header = b"".join(n.to_bytes(4, "big") for n in (0x801, count))
        (folder / "images.gz").write_bytes(gzip.compress(image_header + self.images.tobytes(), 1))
        (folder / "labels.gz").write_bytes(gzip.compress(label_header + self.labels.tobytes(), 1))

    def write_folders(self, folder: Path) -> None:
        """An image folder: a folder a class, a PNG a picture."""
        for index, label in enumerate(self.labels):
            path = folder / fashion_mnist.CLASSES[label].replace("/", "-") / f"{index:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.png(index))


@pytest.fixture(scope="session")
def training_pictures() -> Pictures:
    images, labels = fashion_mnist.load("train")
    return Pictures(images[:2000], labels[:2000])


@pytest.fixture(scope="session")
def held_out_pictures() -> Pictures:
    images, labels = fashion_mnist.load("test")
    return Pictures(images[:200], labels[:200])
