"""What an evaluation says: SageMaker's layout of model quality metrics, our own figures, and the gate's.

Source of the layout: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
(multiclass metrics). The model registry and Studio show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

from gluonship.vision import evaluation
from gluonship_inference.classifier import Classifier

_DENSE_CLASSES = 100  # with more, the confusion matrix leaves out what never happened
_NAN = "NaN"  # as SageMaker writes a deviation that was not measured


@dataclass(frozen=True)
class Outcome:
    """What was measured. Without `in_service`, `reason` says why; `incomparable`: though one serves."""

    candidate: evaluation.ClassificationReport
    in_service: evaluation.ClassificationReport | None
    reason: str
    incomparable: bool
    dataset_digest: str
    candidate_model: Classifier

    @property
    def images(self) -> int:
        return len(self.candidate.labels)


def to_json(outcome: Outcome) -> dict[str, Any]:
    """evaluation.json."""
    return {
        "version": 0.0,
        "dataset": {"item_count": outcome.images},
        "multiclass_classification_metrics": quality(outcome.candidate),
        "gluonship": {
            "candidate": figures(outcome.candidate),
            "in_service": figures(outcome.in_service) if outcome.in_service else None,
            "in_service_reason": outcome.reason,
            "images": outcome.images,
            "classes": list(outcome.candidate.classes),
            "dataset_digest": outcome.dataset_digest,
            "network": outcome.candidate_model.manifest.network,
        },
    }


def gate(outcome: Outcome) -> dict[str, Any]:
    """gate.json: what a state machine needs to decide, and to compile."""
    manifest = outcome.candidate_model.manifest
    shape = [1, 3, manifest.preprocessing.height, manifest.preprocessing.width]
    return {
        "accuracy": round(outcome.candidate.accuracy, 6),
        "in_service_accuracy": round(outcome.in_service.accuracy, 6) if outcome.in_service else None,
        "in_service_reason": outcome.reason,
        "incomparable": outcome.incomparable,
        "images": outcome.images,
        "input": {manifest.input_name: shape},
    }


def quality(report: evaluation.ClassificationReport) -> dict[str, Any]:
    """SageMaker's multiclass metrics; those that are weighted, by each class's number of images."""
    weights = [measures.support for measures in report.per_class]
    averaged = {
        name: _weighted([getattr(measures, name) for measures in report.per_class], weights)
        for name in ("precision", "recall", "f1")
    }
    return {
        "confusion_matrix": _confusion(report),
        "accuracy": _metric(report.accuracy),
        **{"weighted_" + name: _metric(value) for name, value in averaged.items()},
        "accuracy_best_constant_classifier": _metric(max(weights) / sum(weights)),
    }


def figures(report: evaluation.ClassificationReport) -> dict[str, Any]:
    """A report without its confusion matrix, which is the largest part of it."""
    return {
        "accuracy": report.accuracy,
        "per_class": [vars(measures).copy() for measures in report.per_class],
    }


def _metric(value: float) -> dict[str, Any]:
    return {"value": value, "standard_deviation": _NAN}


def _weighted(values: Sequence[float], weights: Sequence[int]) -> float:
    return sum(value * weight for value, weight in zip(values, weights)) / sum(weights)


def _confusion(report: evaluation.ClassificationReport) -> dict[str, dict[str, int]]:
    """{true class: {predicted class: images}}"""
    dense = len(report.classes) <= _DENSE_CLASSES
    return {
        truth: {name: int(count) for name, count in zip(report.classes, row) if dense or count}
        for truth, row in zip(report.classes, report.confusion)
    }
