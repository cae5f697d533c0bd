"""How good a classifier is, from labels and probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


@dataclass(frozen=True)
class ClassMeasures:
    """One class: `precision` (of what was called this, how much was), `recall` (of what was this, how much
    was found), `f1` (their harmonic mean), each 0 where undefined; `support` is its number of images."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class ClassificationReport:
    """`confusion[t, p]` counts images of true class t that were called p. `labels` (N,), `predicted` (N,) and
    `probabilities` (N, C) are what the report was made of."""

    classes: list[str]
    accuracy: float
    confusion: npt.NDArray[np.int64]
    per_class: list[ClassMeasures]
    labels: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]

    def worst(self, k: int) -> list[int]:
        """Indices of the k worst answers: mistakes first, the surest (by the predicted class's probability)
        at the front; then the right answers, the least sure first. Ties by the true class's probability, and
        by index."""
        rows = np.arange(len(self.labels))
        of_true = self.probabilities[rows, self.labels]
        of_answer = self.probabilities[rows, self.predicted]
        right = self.labels == self.predicted
        order = np.lexsort((rows, of_true, np.where(right, of_answer, -of_answer), right))
        return [int(index) for index in order[: max(0, k)]]

    def to_json(self) -> dict[str, Any]:
        """The figures as plain JSON values, without the images' rows."""
        return {
            "accuracy": self.accuracy,
            "images": len(self.labels),
            "classes": list(self.classes),
            "confusion": self.confusion.tolist(),
            "per_class": [vars(measures).copy() for measures in self.per_class],
        }


def evaluate(
    labels: Sequence[int] | npt.NDArray[Any],
    probabilities: npt.NDArray[Any],
    classes: Sequence[str],
) -> ClassificationReport:
    """The report on true `labels` (N,) and predicted `probabilities` (N, C); the answer is the first most
    probable class. Raises ValueError when the shapes do not fit or there are no images."""
    truth = np.asarray(labels, dtype=np.int64)
    scores = np.asarray(probabilities, dtype=np.float64)
    count = len(classes)
    if truth.ndim != 1 or not len(truth) or scores.shape != (len(truth), count):
        raise ValueError(
            f"expected labels (N,), probabilities (N, {count}), N > 0: got {truth.shape}, {scores.shape}"
        )
    if truth.min() < 0 or truth.max() >= count:
        raise ValueError(f"labels must be from 0 to {count - 1}, got {truth.min()} to {truth.max()}")
    if not np.isfinite(scores).all():
        raise ValueError("probabilities must be finite")
    predicted = scores.argmax(axis=1).astype(np.int64)
    confusion = np.bincount(truth * count + predicted, minlength=count * count).reshape(count, count)
    hits = np.diag(confusion)
    precision = _ratio(hits, confusion.sum(axis=0))
    recall = _ratio(hits, confusion.sum(axis=1))
    f1 = _ratio(2 * precision * recall, precision + recall)
    per_class = [
        ClassMeasures(name, float(precision[i]), float(recall[i]), float(f1[i]), int(confusion[i].sum()))
        for i, name in enumerate(classes)
    ]
    accuracy = float(hits.sum() / len(truth))
    return ClassificationReport(list(classes), accuracy, confusion, per_class, truth, predicted, scores)


def confusion_table(report: ClassificationReport, width: int = 100) -> str:
    """The confusion matrix as text of at most `width` columns: true classes down, predicted across, by index.

    With more classes than fit, the most frequent confusions instead.
    """
    cell = max(len(str(int(report.confusion.max()))), len(str(len(report.classes) - 1)), 3) + 1
    label_width = min(max(len(name) for name in report.classes), 24)
    prefix = len(str(len(report.classes) - 1)) + 1 + label_width
    if prefix + cell * len(report.classes) + 8 > width:
        return _confusions(report, width)
    lines = [" " * prefix + "".join(f"{i:>{cell}}" for i in range(len(report.classes))) + "  recall"]
    for i, measures in enumerate(report.per_class):
        row = "".join(f"{int(n) or '.':>{cell}}" for n in report.confusion[i])
        name = f"{i:>{prefix - label_width - 1}} {_cut(measures.label, label_width):<{label_width}}"
        lines.append(f"{name}{row}  {measures.recall:6.1%}")
    return "\n".join(line.rstrip() for line in lines)


def _confusions(report: ClassificationReport, width: int, rows: int = 20) -> str:
    wrong = report.confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:rows]
    name_width = max(8, (width - 8 - 4) // 2)
    lines = ["  images  true -> predicted"]
    for position in order:
        true, predicted = divmod(int(position), len(report.classes))
        if wrong[true, predicted]:
            names = [_cut(report.classes[i], name_width) for i in (true, predicted)]
            lines.append(f"{int(wrong[true, predicted]):>8}  {names[0]} -> {names[1]}"[:width])
    return "\n".join(lines if len(lines) > 1 else ["no confusions"])


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"


def _ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
