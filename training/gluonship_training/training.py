"""A training from its start, or from its newest checkpoint, to its best model."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Mapping

import mxnet as mx

from gluonship.vision.images import Preprocessing
from gluonship_training import checkpoints, metrics, networks, schedule, scoring
from gluonship_training.batches import Samples, TrainingBatches
from gluonship_training.checkpoints import Checkpoint
from gluonship_training.console import duration, say
from gluonship_training.data import Data
from gluonship_training.events import TensorBoard
from gluonship_training.failures import Stopped
from gluonship_training.hyperparameters import Hyperparameters
from gluonship_training.interruption import Interruption
from gluonship_training.metrics import EpochMetrics
from gluonship_training.progress import Progress
from gluonship_training.publishing import Publisher
from gluonship_training.steps import Steps
from gluonship_training.updates import Updates

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_LOG_SECONDS = 10.0
# There are two minutes between SIGTERM and SIGKILL: too few to judge a network on all images again.
_SCORED_WHEN_STOPPED = 32


class Training:
    """One network, its optimizer and where they are. Build it, `resume` it, `run` it."""

    def __init__(
        self,
        hyper: Hyperparameters,
        network: Any,
        data: Data,
        preprocessing: Preprocessing,
        context: Any,
        checkpoint_folder: Path,
        publisher: Publisher,
        events: TensorBoard,
        interruption: Interruption,
    ) -> None:
        self._hyper = hyper
        self._network = network
        self._data = data
        self._preprocessing = preprocessing
        self._context = context
        self._folder = checkpoint_folder
        self._publisher = publisher
        self._events = events
        self._interruption = interruption
        self._progress = Progress()
        self._best_arrays: dict[str, Any] = {}
        self._batches = TrainingBatches(
            data.train, preprocessing, hyper.batch_size, hyper.seed, hyper.flip, hyper.crop_padding
        )
        self._validation_seconds = 0.0
        self._updates, self._steps = self._start(0)

    @property
    def step(self) -> int:
        """Updates done."""
        return self._progress.epoch * self._batches.per_epoch + self._progress.batch

    def resume(self) -> None:
        """Goes on from the newest checkpoint where there is one.

        Raises JobError where it is of another training.
        """
        found = checkpoints.newest(self._folder)
        if found is None:
            return
        checkpoints.require_same(found, self._identity(), self._folder)
        self._restore(found)
        say(
            f"Resumed from {self._folder}: {self._progress.epoch} of {self._hyper.epochs} epochs "
            f"and {self._progress.batch} batches done."
        )

    def run(self) -> None:
        """Trains what remains and publishes the best epoch's model.

        On SIGTERM: writes a checkpoint, publishes the best so far (before any epoch's end: the parameters
        as they are) and raises Stopped where there is nothing to publish.
        """
        try:
            while self._progress.epoch < self._hyper.epochs:
                self._epoch()
        except Stopped:
            if self.step == 0:
                raise
            say("SIGTERM: the job ends here and keeps the best model so far.")
            self._checkpoint()
            self._publish_best(_SCORED_WHEN_STOPPED)
        else:
            self._publish_best(len(self._data.validation))
        finally:
            self._events.close()

    def _epoch(self) -> None:
        progress = self._progress
        clock = _Clock()
        for tensor, labels in self._batches.epoch(progress.epoch, progress.batch):
            self._interruption.check()
            self._steps.run(self.step, tensor, labels, self._rate())
            self._steps.collect(progress.totals)
            progress.batch += 1
            clock.add(len(labels))
            if progress.batch < self._batches.per_epoch and self._due():
                self._checkpoint()
            if clock.log_due():
                self._log_batch(clock.images_per_second())
        self._steps.collect(progress.totals, leave=0)
        mx.nd.waitall()
        self._finish_epoch(clock.images_per_second())
        if self._due() or progress.epoch == self._hyper.epochs:
            self._checkpoint()

    def _finish_epoch(self, images_per_second: float) -> None:
        """Judges the network on the validation images, says how it did, and keeps it where it is the best."""
        progress = self._progress
        began = time.monotonic()
        scores = self._scores(len(self._data.validation), self._interruption.check)
        self._validation_seconds = time.monotonic() - began
        loss, accuracy = scoring.loss_and_accuracy(scores, self._data.validation.labels)
        result = EpochMetrics(
            progress.epoch + 1,
            progress.totals.mean_loss,
            progress.totals.accuracy,
            loss,
            accuracy,
            images_per_second,
        )
        rate = self._rate()
        best = progress.finish_epoch(result)
        self._log_epoch(result, best)
        self._events.write(result, rate)
        if best:
            self._best_arrays = {
                name: parameter.data().copy()
                for name, parameter in networks.parameters(self._network).items()
            }
            self._publisher.publish(self._network, result, scores)
        self._publisher.report(progress.history)

    def _publish_best(self, images: int) -> None:
        """Publishes the best epoch where that is still to do, judged on so many validation images."""
        best = self._progress.best
        if not self._publisher.has_published(best):
            if self._best_arrays:
                networks.set_parameters(self._network, self._best_arrays)
            self._publisher.publish(self._network, best, self._scores(images, lambda: None))
        self._publisher.report(self._progress.history)

    def _scores(self, images: int, check: Callable[[], None]) -> npt.NDArray[np.float32]:
        """Probabilities of the first validation images."""
        validation = self._data.validation
        return scoring.probabilities(
            self._network,
            Samples(validation.images[:images], validation.labels[:images]),
            self._preprocessing,
            self._hyper.batch_size,
            self._context,
            check,
        )

    def _rate(self) -> float:
        return schedule.rate(
            self.step,
            self._batches.per_epoch,
            self._hyper.epochs,
            self._hyper.learning_rate,
            self._hyper.lr_schedule,
            self._hyper.warmup_epochs,
        )

    # --- checkpoints -------------------------------------------------------------------------------------

    def _due(self) -> bool:
        """Whether the step just done ends a checkpoint interval."""
        interval = self._hyper.checkpoint_interval * self._batches.per_epoch
        return math.floor(self.step / interval) > math.floor((self.step - 1) / interval)

    def _checkpoint(self) -> None:
        self._steps.collect(self._progress.totals, leave=0)
        current = {name: parameter.data() for name, parameter in networks.parameters(self._network).items()}
        arrays = {"parameters": current, "optimizer": self._updates.state()}
        if self._best_arrays:
            arrays["best"] = self._best_arrays
        checkpoints.save(
            self._folder, Checkpoint(self.step, self._identity(), self._progress.to_json(), arrays)
        )

    def _restore(self, found: Checkpoint) -> None:
        self._progress = Progress.from_json(found.progress)
        networks.set_parameters(self._network, found.arrays["parameters"])
        self._best_arrays = dict(found.arrays.get("best", {}))
        self._updates, self._steps = self._start(found.step)
        self._updates.restore(found.arrays["optimizer"])

    def _start(self, steps_done: int) -> tuple[Updates, Steps]:
        hyper = self._hyper
        updates = Updates(
            self._network,
            hyper.optimizer,
            hyper.batch_size,
            hyper.momentum,
            hyper.weight_decay,
            steps_done,
        )
        classes = len(self._data.classes)
        return updates, Steps(
            self._network, updates, classes, hyper.label_smoothing, hyper.seed, self._context
        )

    def _identity(self) -> Mapping[str, Any]:
        """What a checkpoint must share with this job for its arrays to mean the same."""
        return {
            "network": self._hyper.network,
            "classes": list(self._data.classes),
            "preprocessing": self._preprocessing.to_json(),
            "optimizer": self._hyper.optimizer,
            "batch-size": self._hyper.batch_size,
            "seed": self._hyper.seed,
            "data": self._data.digest,
            "images": self._data.counts,
        }

    # --- log ---------------------------------------------------------------------------------------------

    def _log_batch(self, images_per_second: float) -> None:
        progress, totals = self._progress, self._progress.totals
        say(
            f"epoch {progress.epoch + 1}/{self._hyper.epochs}, "
            f"batch {progress.batch}/{self._batches.per_epoch}: "
            f"loss {totals.mean_loss:.3f}, accuracy {totals.accuracy:.3f} | "
            f"{images_per_second:,.0f} images/s, {duration(self._seconds_left(images_per_second))} left"
        )

    def _log_epoch(self, result: EpochMetrics, best: bool) -> None:
        say(
            f"epoch {result.epoch}/{self._hyper.epochs}: "
            f"train loss {result.train_loss:.3f}, accuracy {result.train_accuracy:.3f} | "
            f"validation loss {result.validation_loss:.3f}, accuracy {result.validation_accuracy:.3f}"
            f"{' (best)' if best else ''} | {result.images_per_second:,.0f} images/s, "
            f"{duration(self._seconds_left(result.images_per_second))} left"
        )
        say(metrics.line(result))

    def _seconds_left(self, images_per_second: float) -> float:
        steps = self._hyper.epochs * self._batches.per_epoch - self.step
        validations = self._hyper.epochs - self._progress.epoch
        return (
            steps * self._hyper.batch_size / max(images_per_second, 1e-9)
            + validations * self._validation_seconds
        )


class _Clock:
    """How fast an epoch goes, and when to say so."""

    def __init__(self) -> None:
        self._began = self._logged = time.monotonic()
        self._images = 0

    def add(self, images: int) -> None:
        self._images += images

    def images_per_second(self) -> float:
        return self._images / max(time.monotonic() - self._began, 1e-9)

    def log_due(self) -> bool:
        now = time.monotonic()
        if now - self._logged < _LOG_SECONDS:
            return False
        self._logged = now
        return True
