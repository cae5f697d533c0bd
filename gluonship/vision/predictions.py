"""What a network says of a picture: one result type a task, the same from every place that predicts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Mapping, Sequence

import numpy as np

from gluonship.vision.tasks import CLASSIFICATION

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class ClassScore:
    """One class and how probable it is: `index` counts from 0 in the model's class list, `probability` is
    0..1."""

    label: str
    index: int
    probability: float


@dataclass(frozen=True)
class Classification:
    """Classes by falling probability (ties by index); at least one."""

    scores: tuple[ClassScore, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", tuple(self.scores))
        if not self.scores:
            raise ValueError("a classification needs at least one class score")

    @property
    def top(self) -> ClassScore:
        """The most probable class."""
        return self.scores[0]

    def to_json(self) -> dict[str, Any]:
        """{"schema": "gluonship.classification/1", "predictions": [{"label", "index", "probability"}]}"""
        return {
            "schema": CLASSIFICATION.schema,
            "predictions": [
                {"label": score.label, "index": score.index, "probability": score.probability}
                for score in self.scores
            ],
        }

    @classmethod
    def from_json(cls, value: Any) -> Classification:
        """Reads what `to_json` wrote; unknown keys are left out. Raises ValueError, saying what is wrong."""
        if not isinstance(value, Mapping):
            raise ValueError(f"a classification is a JSON object, got {type(value).__name__}")
        if value.get("schema") != CLASSIFICATION.schema:
            raise ValueError(
                "expected schema {!r}, got {!r}".format(CLASSIFICATION.schema, value.get("schema"))
            )
        rows = value.get("predictions")
        if not isinstance(rows, list) or not rows:
            raise ValueError("'predictions' must be a list with at least one entry")
        return cls(tuple(_score(row, position) for position, row in enumerate(rows)))


def classification(
    probabilities: npt.NDArray[Any], labels: Sequence[str], top: int | None = 5
) -> Classification:
    """The `top` classes (None: all) of a probability vector (C,), with their labels.

    Raises ValueError when the shapes do not fit or a value is not a finite number from 0 to 1.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if values.shape != (len(labels),) or not labels:
        raise ValueError(f"the network gave an output of shape {values.shape} for {len(labels)} classes")
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1 + 1e-6:
        raise ValueError("the network's output is not a vector of probabilities (finite, 0 to 1)")
    if top is not None and top < 1:
        raise ValueError(f"top must be at least 1, got {top}")
    order = np.argsort(-values, kind="stable")[:top]
    return Classification(
        tuple(ClassScore(labels[index], int(index), float(min(values[index], 1.0))) for index in order)
    )


def softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Probabilities from logits over the last axis, in float64, without overflow."""
    values = np.asarray(logits, dtype=np.float64)
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def difference(expected: Classification, actual: Classification) -> float:
    """The largest absolute difference of probability over the classes of `expected`.

    infinity when `actual` lacks one of them or names it differently: predict with top=None to compare.
    """
    found = {(score.index, score.label): score.probability for score in actual.scores}
    return max(
        abs(score.probability - found.get((score.index, score.label), math.inf)) for score in expected.scores
    )


def _score(row: Any, position: int) -> ClassScore:
    where = f"predictions[{position}]"
    if not isinstance(row, Mapping):
        raise ValueError(f"{where} must be an object")
    label, index, probability = row.get("label"), row.get("index"), row.get("probability")
    if not isinstance(label, str):
        raise ValueError(f"{where}.label must be a string, got {label!r}")
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        raise ValueError(f"{where}.index must be an integer from 0, got {index!r}")
    if (
        not isinstance(probability, (int, float))
        or isinstance(probability, bool)
        or not 0 <= probability <= 1
    ):
        raise ValueError(f"{where}.probability must be a number from 0 to 1, got {probability!r}")
    return ClassScore(label, index, float(probability))
