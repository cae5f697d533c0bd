"""Pictures for people: a contact sheet of predictions, a confusion matrix. The only module with matplotlib.

Figures are drawn on Agg canvases of their own, without pyplot: no display, no global state.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gluonship.vision.atomic_files import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_RIGHT, _WRONG, _INK, _FAINT = "#2e8b57", "#c8332b", "#1d2733", "#66727f"
_DPI = 100


def contact_sheet(
    path: Path,
    images: Sequence[npt.NDArray[np.uint8]],
    true_labels: Sequence[str],
    predicted: Sequence[str],
    probabilities: Sequence[float],
    title: str,
    columns: int = 8,
    of_true: Sequence[float] | None = None,
) -> Path:
    """Draws uint8 (H, W, 3) pictures in the order given, each with its predicted label and probability, the
    true one when they differ (with its probability from `of_true`, where given), and a green or red frame; a
    PNG at `path`, which is returned.

    Raises ValueError when the sequences differ in length or are empty.
    """
    count = len(images)
    lengths = {len(each) for each in (true_labels, predicted, probabilities, of_true) if each is not None}
    if not count or lengths != {count}:
        raise ValueError("a contact sheet needs as many images, labels, predictions and probabilities, > 0")
    columns = max(1, min(columns, count))
    rows = math.ceil(count / columns)
    cell, caption, margin, header = 1.5, 0.46, 0.2, 0.75  # inches
    width = max(columns * cell + 2 * margin, 5.0)
    height = rows * (cell + caption) + header + margin
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(
        (margin + 0.06) / width,
        1 - 0.28 / height,
        _plain(title),
        fontsize=14,
        weight="bold",
        color=_INK,
        va="center",
    )
    wrong = sum(true != answer for true, answer in zip(true_labels, predicted))
    legend = f"{count} images shown, {wrong} of them mistakes (red)"
    figure.text((margin + 0.06) / width, 1 - 0.55 / height, legend, fontsize=9, color=_FAINT, va="center")
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        left = margin + column * cell + 0.06
        top = header + row * (cell + caption)
        side = cell - 0.12
        axes = figure.add_axes((left / width, 1 - (top + side) / height, side / width, side / height))
        right = true_labels[index] == predicted[index]
        _picture(axes, image, _RIGHT if right else _WRONG, side)
        answer = f"{_cut(predicted[index], 15)} {probabilities[index]:.0%}"
        truth = _cut(true_labels[index], 18)
        if of_true is not None:
            truth = f"{_cut(true_labels[index], 14)} {of_true[index]:.0%}"
        _caption(axes, answer, "" if right else f"true: {truth}")
    return _save(figure, Path(path))


def confusion_matrix(
    path: Path, confusion: npt.NDArray[Any], classes: Sequence[str], title: str = "Confusion"
) -> Path:
    """Draws a (C, C) matrix of counts, true classes down, predicted across, coloured by the share of the true
    class; a PNG at `path`, which is returned. Counts are written into the cells up to 30 classes."""
    matrix = np.asarray(confusion, dtype=np.float64)
    count = len(classes)
    if matrix.shape != (count, count) or not count:
        raise ValueError(f"expected a ({count}, {count}) matrix, got {matrix.shape}")
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros_like(matrix), where=totals > 0)
    side = min(max(4.0, 0.52 * count), 16.0)
    figure = Figure(figsize=(side + 1.8, side + 1.4), dpi=_DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_title(_plain(title), fontsize=13, weight="bold", color=_INK, loc="left", pad=12)
    axes.set_xlabel("predicted", color=_FAINT)
    axes.set_ylabel("true", color=_FAINT)
    step = max(1, math.ceil(count / 50))
    ticks = range(0, count, step)
    axes.set_xticks(ticks, [_cut(classes[i], 18) for i in ticks], rotation=45, ha="right", fontsize=8)
    axes.set_yticks(ticks, [_cut(classes[i], 18) for i in ticks], fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_color("#c9d1d9")
    if count <= 30:
        for (row, column), share in np.ndenumerate(shares):
            if matrix[row, column]:
                colour = "white" if share > 0.5 else _INK
                text = f"{int(matrix[row, column])}"
                axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    return _save(figure, Path(path))


def _picture(axes: Any, image: npt.NDArray[np.uint8], colour: str, inches: float) -> None:
    height, width = image.shape[:2]
    tiny = max(height, width) < inches * _DPI
    axes.imshow(image, interpolation="nearest" if tiny else "antialiased")
    # A square cell, the picture centred in it: portraits and landscapes get frames of one size.
    side = max(height, width)
    axes.set_xlim(width / 2 - 0.5 - side / 2, width / 2 - 0.5 + side / 2)
    axes.set_ylim(height / 2 - 0.5 + side / 2, height / 2 - 0.5 - side / 2)
    axes.set_facecolor("#f3f5f7")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.add_patch(
        Rectangle((0, 0), 1, 1, transform=axes.transAxes, fill=False, lw=3, ec=colour, clip_on=False)
    )


def _caption(axes: Any, answer: str, correction: str) -> None:
    """Plain text; a `correction` is what a wrong answer has."""
    below = {"transform": axes.transAxes, "ha": "center", "va": "top"}
    axes.text(
        0.5, -0.05, answer, fontsize=8.5, weight="bold", color=_WRONG if correction else _RIGHT, **below
    )
    axes.text(0.5, -0.18, correction, fontsize=8, color=_FAINT, **below)


def _cut(text: str, length: int) -> str:
    return _plain(text if len(text) <= length else text[: length - 1] + "…")


def _plain(text: str) -> str:
    """Text that matplotlib does not take for mathematics."""
    return text.replace("$", "\\$")


def _save(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished:
        figure.savefig(str(unfinished), format="png")
    return path
