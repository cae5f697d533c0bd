"""The evaluation's pictures for people: the confusion matrix and the worst answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from gluonship.vision import datasets, evaluation, images

_WORST = 24
_SHOWN_PIXELS = 640  # of a side; twice what the sheet has for a picture


def draw(
    folder: Path,
    report: evaluation.ClassificationReport,
    dataset: datasets.Dataset,
    say: Callable[[str], None],
) -> None:
    """Writes confusion-matrix.png and contact-sheet.png; without matplotlib, says so and writes nothing."""
    try:
        from gluonship.vision import drawing
    except ImportError:
        say("Pictures are not drawn: matplotlib is not installed.")
        return
    folder.mkdir(parents=True, exist_ok=True)
    title = f"Confusion on {len(report.labels):,} test images, accuracy {report.accuracy:.1%}"
    drawing.confusion_matrix(folder / "confusion-matrix.png", report.confusion, report.classes, title)
    worst = report.worst(_WORST)
    drawing.contact_sheet(
        folder / "contact-sheet.png",
        [_small(images.decode(dataset.samples[index].read())) for index in worst],
        [report.classes[report.labels[index]] for index in worst],
        [report.classes[report.predicted[index]] for index in worst],
        [float(report.probabilities[index, report.predicted[index]]) for index in worst],
        f"The worst of {len(report.labels):,} test images",
        of_true=[float(report.probabilities[index, report.labels[index]]) for index in worst],
    )


def _small(picture: Any) -> Any:
    """Every n-th pixel, without a reference to the others: all of the sheet's pictures are held at once."""
    step = max(1, max(picture.shape[:2]) // _SHOWN_PIXELS)
    return picture[::step, ::step].copy()
