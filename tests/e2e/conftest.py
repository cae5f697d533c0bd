"""What the journeys share: real pictures, and a local cloud to travel in (the `cloud` fixture)."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from gluonship.demo import fashion_mnist


@dataclass(frozen=True)
class Pictures:
    images: np.ndarray  # (N, 28, 28) uint8
    labels: np.ndarray  # (N,) uint8

    def write_idx(self, folder: Path) -> None:
        """Two files in the data set's own format: images.gz and labels.gz."""
        folder.mkdir(parents=True, exist_ok=True)
        count = len(self.labels)
        image_header = b"".join(n.to_bytes(4, "big") for n in (0x803, count, 28, 28))
        label_header = b"".join(n.to_bytes(4, "big") for n in (0x801, count))
        (folder / "images.gz").write_bytes(gzip.compress(image_header + self.images.tobytes(), 1))
        (folder / "labels.gz").write_bytes(gzip.compress(label_header + self.labels.tobytes(), 1))


@pytest.fixture(scope="session")
def training_pictures() -> Pictures:
    part = fashion_mnist.load("train")
    return Pictures(part.pixels[:2000], part.labels[:2000].astype(np.uint8))


@pytest.fixture(scope="session")
def held_out_pictures() -> Pictures:
    part = fashion_mnist.load("held-out")
    return Pictures(part.pixels[:200], part.labels[:200].astype(np.uint8))
