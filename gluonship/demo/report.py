"""What came out of the demo: its measures and its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gluonship.demo.fashion_mnist import CLASSES, LabelledImages
from gluonship.vision import evaluation
from gluonship.vision.predictions import Classification

if TYPE_CHECKING:
    import numpy.typing as npt

SHOWN = 48  # images of the contact sheet


def evaluate(
    images: LabelledImages, predictions: Sequence[Classification]
) -> evaluation.ClassificationReport:
    return evaluation.evaluate(images.labels, _probabilities(predictions), CLASSES)


def draw(
    folder: Path,
    images: LabelledImages,
    predictions: Sequence[Classification],
    report: evaluation.ClassificationReport,
) -> tuple[Path, Path]:
    """Writes contact-sheet.png and confusion-matrix.png to `folder`, in place of an earlier demo's."""
    from gluonship.vision import drawing  # with matplotlib, which takes a while to import

    folder.mkdir(parents=True, exist_ok=True)
    sheet, matrix = folder / "contact-sheet.png", folder / "confusion-matrix.png"
    order = report.worst(SHOWN)
    drawing.contact_sheet(
        sheet,
        [np.repeat(images.pixels[index][:, :, None], 3, axis=2) for index in order],
        [CLASSES[images.labels[index]] for index in order],
        [predictions[index].top.label for index in order],
        [predictions[index].top.probability for index in order],
        title=f"Fashion-MNIST: the worst mistakes first (the surest); accuracy {report.accuracy:.3f}",
        of_true=[float(report.probabilities[index, images.labels[index]]) for index in order],
    )
    drawing.confusion_matrix(matrix, report.confusion, CLASSES)
    return sheet.absolute(), matrix.absolute()


def _probabilities(predictions: Sequence[Classification]) -> npt.NDArray[np.float64]:
    """(N, C); an endpoint names the most probable classes only, the others share the rest."""
    matrix = np.zeros((len(predictions), len(CLASSES)))
    for row, prediction in zip(matrix, predictions, strict=True):
        named = {score.index: score.probability for score in prediction.scores}
        rest = max(0.0, 1.0 - sum(named.values()))
        row[:] = rest / max(1, len(CLASSES) - len(named))
        row[list(named)] = list(named.values())
    return matrix
