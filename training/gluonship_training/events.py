"""TensorBoard's event files, for jobs with a TensorBoardOutputConfig or for a look at output.tar.gz."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gluonship_training.console import say
from gluonship_training.metrics import EpochMetrics


class TensorBoard:
    """Writes an epoch's metrics as scalars; without tensorboardX, says so once and writes nothing."""

    def __init__(self, folder: Path) -> None:
        self._writer: Any | None = None
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            say("TensorBoard events are not written: tensorboardX is not installed.")
        else:
            self._writer = SummaryWriter(logdir=str(folder))

    def write(self, metrics: EpochMetrics, learning_rate: float) -> None:
        """Adds one epoch."""
        if self._writer is None:
            return
        for name, value in (
            ("train/loss", metrics.train_loss),
            ("train/accuracy", metrics.train_accuracy),
            ("validation/loss", metrics.validation_loss),
            ("validation/accuracy", metrics.validation_accuracy),
            ("images_per_second", metrics.images_per_second),
            ("learning_rate", learning_rate),
        ):
            self._writer.add_scalar(name, value, metrics.epoch)
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
