"""Batches of training and validation images, prepared on a thread while the network computes.

Order and augmentation are pure functions of (seed, epoch, batch), so a resumed job sees what an
uninterrupted one would have seen.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, TypeVar

import numpy as np

from gluonship.vision.images import Preprocessing
from gluonship_training.augmentation import augment

if TYPE_CHECKING:
    import numpy.typing as npt

_Item = TypeVar("_Item")
_DEPTH = 4  # batches ready ahead of the network

# What a stream of random numbers is for; part of its seed.
_ORDER, _AUGMENTATION = 1, 2


@dataclass(frozen=True)
class Samples:
    """Images at the network's size, and their classes."""

    images: npt.NDArray[np.uint8]  # uint8 (N, H, W, 3), RGB
    labels: npt.NDArray[np.int32]  # int32 (N,)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class TrainingBatches:
    """All batches of a training: (epoch, batch) to tensors and labels."""

    samples: Samples
    preprocessing: Preprocessing
    batch_size: int
    seed: int
    flip: bool
    padding: int

    @property
    def per_epoch(self) -> int:
        """Full batches an epoch; one where all samples fill none."""
        return max(1, len(self.samples) // self.batch_size)

    def indices(self, epoch: int) -> npt.NDArray[np.int64]:
        """Which samples the batches of an epoch hold: int (per_epoch, batch_size).

        Fewer samples than a batch are repeated to fill it.
        """
        order = _random(self.seed, _ORDER, epoch, 0).permutation(len(self.samples))
        return np.resize(order, self.per_epoch * self.batch_size).reshape(self.per_epoch, self.batch_size)

    def batch(
        self, epoch: int, batch: int, indices: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Tensor float32 (B, 3, H, W) and labels float32 (B,) of the samples at `indices`."""
        images = self.samples.images[indices]
        if self.flip or self.padding:
            random = _random(self.seed, _AUGMENTATION, epoch, batch)
            images = augment(images, random, self.flip, self.padding)
        return self.preprocessing.normalised(images), self.samples.labels[indices].astype(np.float32)

    def epoch(
        self, epoch: int, start: int = 0
    ) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
        """The batches of an epoch from batch `start` on."""
        indices = self.indices(epoch)
        return prefetched(
            lambda batch: self.batch(epoch, batch, indices[batch]), range(start, self.per_epoch)
        )


def in_order(
    samples: Samples, preprocessing: Preprocessing, batch_size: int
) -> Iterator[tuple[npt.NDArray[np.float32], int]]:
    """All samples once: tensors float32 (batch_size, 3, H, W), and how many of each are samples.

    The last is filled up by repeating, so that a network compiled for one shape takes every batch.
    """

    def batch(start: int) -> tuple[npt.NDArray[np.float32], int]:
        count = min(batch_size, len(samples) - start)
        indices = np.resize(np.arange(start, start + count), batch_size)
        return preprocessing.normalised(samples.images[indices]), count

    return prefetched(batch, range(0, len(samples), batch_size))


def prefetched(make: Callable[[int], _Item], keys: Iterable[int]) -> Iterator[_Item]:
    """make(key) of each key, in order, made on one thread a few ahead; its errors are raised here."""
    pending: deque[Future[_Item]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        try:
            for key in keys:
                pending.append(pool.submit(make, key))
                if len(pending) > _DEPTH:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _random(seed: int, purpose: int, epoch: int, batch: int) -> Any:
    # RandomState, not a Generator: NumPy promises that its numbers never change between versions.
    return np.random.RandomState(np.array([seed, purpose, epoch, batch], dtype=np.uint32))
