"""The channels of a job as pixels: every image is decoded and resized once."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Sequence

import numpy as np

from gluonship.vision.datasets import Dataset, DatasetError, Sample, cached_pixels, check, open_dataset
from gluonship.vision.images import Preprocessing
from gluonship_training.batches import Samples
from gluonship_training.console import say
from gluonship_training.environment import Environment
from gluonship_training.failures import JobError

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class Data:
    """What a job trains on and is judged by."""

    classes: Sequence[str]
    train: Samples
    validation: Samples
    validation_samples: Sequence[Sample]  # in the order of `validation`
    digest: str  # of both, for the manifest and for checkpoints

    @property
    def counts(self) -> dict[str, int]:
        """Images by channel."""
        return {"train": len(self.train), "validation": len(self.validation)}


def load(
    environment: Environment,
    preprocessing: Preprocessing,
    classes: Sequence[str] | None,
    validation_fraction: float,
    seed: int,
    interrupted: Callable[[], None],
) -> Data:
    """Reads the channels `train` and `validation`; `interrupted` is called now and then and may raise.

    Without a validation channel, a seeded share of each class of the train channel is held out.
    Raises JobError for a missing channel, or data that cannot be trained on, naming what is wrong.
    """
    train = _open(environment, "train", classes)
    if environment.channel("validation") is not None:
        validation = _open(environment, "validation", train.classes)
    else:
        kept, held_out = split(train.labels, validation_fraction, seed)
        train, validation = _part(train, kept), _part(train, held_out)
        say(f"No channel validation: {len(validation.samples):,} images of train are held out.")
    return Data(
        list(train.classes),
        _pixels("train", train, preprocessing, environment.cpus, interrupted),
        _pixels("validation", validation, preprocessing, environment.cpus, interrupted),
        validation.samples,
        f"{train.digest}+{validation.digest}",
    )


def split(
    labels: npt.NDArray[np.int64], fraction: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(kept, held out) positions, each in order: of every class with two or more, at least one of each."""
    random: Any = np.random.RandomState(seed)
    held_out = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        if len(members) > 1:
            count = min(len(members) - 1, max(1, round(fraction * len(members))))
            held_out[members[:count]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _part(dataset: Dataset, positions: npt.NDArray[np.int64]) -> Dataset:
    return dataclasses.replace(dataset, samples=[dataset.samples[position] for position in positions])


def _open(environment: Environment, channel: str, classes: Sequence[str] | None) -> Dataset:
    folder = environment.channel(channel)
    if folder is None:
        present = ", ".join(sorted(environment.channels)) or "none"
        raise JobError(
            f"The job has no channel {channel}: give InputDataConfig one with ChannelName {channel} "
            f"(it has: {present})."
        )
    try:
        dataset = open_dataset(folder, classes)
        check(dataset, decode_images=False, every_class=channel == "train")
    except DatasetError as error:
        raise JobError(f"Channel {channel}: {error}") from error
    if dataset.ignored:
        say(f"Channel {channel}: {len(dataset.ignored)} files are no images, such as {dataset.ignored[0]}.")
    return dataset


def _pixels(
    channel: str,
    dataset: Dataset,
    preprocessing: Preprocessing,
    threads: int,
    interrupted: Callable[[], None],
) -> Samples:
    try:
        # The mapping outlives its file, so nothing is left behind however the job ends.
        with tempfile.TemporaryDirectory(prefix="gluonship-pixels-") as folder:
            images = cached_pixels(
                dataset,
                preprocessing,
                Path(folder),
                threads=threads,
                progress=lambda done, total: interrupted(),
            )
    except DatasetError as error:
        raise JobError(f"Channel {channel}: {error}") from error
    except OSError as error:
        raise JobError(
            f"Channel {channel}: its resized images cannot be kept in {tempfile.gettempdir()}: "
            f"{error.strerror}. Give the job a larger volume, or a smaller image-size."
        ) from error
    return Samples(images, dataset.labels.astype(np.int32))
