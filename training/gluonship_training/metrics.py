"""The metric line of an epoch: what a training job's MetricDefinitions read from the log."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochMetrics:
    """What one epoch came to: losses are means an image, accuracies are 0..1."""

    epoch: int  # from 1
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    images_per_second: float


def line(metrics: EpochMetrics) -> str:
    """One line, whose form is a contract: `validation:accuracy=([0-9.eE+-]+)` and the like match it."""
    values = (
        ("train:loss", f"{metrics.train_loss:.6f}"),
        ("train:accuracy", f"{metrics.train_accuracy:.6f}"),
        ("validation:loss", f"{metrics.validation_loss:.6f}"),
        ("validation:accuracy", f"{metrics.validation_accuracy:.6f}"),
        ("images_per_second", f"{metrics.images_per_second:.1f}"),
    )
    return f"metric epoch={metrics.epoch} " + " ".join(f"{name}={value}" for name, value in values)
