"""Where a training is: everything about it that is not an array."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Mapping

from gluonship_training.metrics import EpochMetrics
from gluonship_training.steps import Totals


@dataclass
class Progress:
    """`epoch` and `batch` (both from 0) are the next to run; `totals` are of the epoch so far."""

    epoch: int = 0
    batch: int = 0
    totals: Totals = field(default_factory=Totals)
    history: list[EpochMetrics] = field(default_factory=list)
    best: EpochMetrics | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Progress:
        """Reads what `to_json` gave; raises KeyError or TypeError for anything else."""
        best = value["best"]
        return cls(
            int(value["epoch"]),
            int(value["batch"]),
            Totals(**value["totals"]),
            [EpochMetrics(**metrics) for metrics in value["history"]],
            EpochMetrics(**best) if best is not None else None,
        )

    def finish_epoch(self, metrics: EpochMetrics) -> bool:
        """Goes on to the next epoch; True where this one is the best: most accurate, then least loss."""
        self.history.append(metrics)
        self.epoch, self.batch, self.totals = self.epoch + 1, 0, Totals()
        better = self.best is None or (metrics.validation_accuracy, -metrics.validation_loss) > (
            self.best.validation_accuracy,
            -self.best.validation_loss,
        )
        if better:
            self.best = metrics
        return better
