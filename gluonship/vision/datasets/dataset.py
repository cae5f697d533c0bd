"""What a data set is, whatever it is stored as."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt


class DatasetError(ValueError):
    """A data set that cannot be trained on; the message names the file and the cure."""


@dataclass(frozen=True)
class Sample:
    """One labelled picture: `key` names it (a path or a record), `label` is an index into the data set's
    classes, `read` gives the bytes of its image file."""

    key: str
    label: int
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures in a fixed order. `ignored` lists files that are no pictures and were left out."""

    classes: list[str]
    samples: Sequence[Sample]
    ignored: Sequence[str] = field(default=())

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """(N,) class indices in the order of the samples."""
        return np.array([sample.label for sample in self.samples], dtype=np.int64)

    @property
    def counts(self) -> list[int]:
        """Number of samples of each class."""
        return [int(count) for count in np.bincount(self.labels, minlength=len(self.classes))]

    @property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of what the data set says: the class list and each picture's bytes and label.

        Names and order of files and the way of storing them do not count: an image folder and the RecordIO
        made of it have the same digest. Reads every picture at each call.
        """
        rows = sorted(
            hashlib.sha256(sample.read()).digest() + sample.label.to_bytes(4, "big")
            for sample in self.samples
        )
        digest = hashlib.sha256()
        for name in self.classes:
            digest.update(name.encode("utf-8") + b"\n")
        digest.update(b"\n")
        for row in rows:
            digest.update(row)
        return digest.hexdigest()
