"""Looks for what would spoil a training before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gluonship.vision.classes import check_classes
from gluonship.vision.datasets.dataset import Dataset, DatasetError
from gluonship.vision.images import ImageError, Limits, decode

if TYPE_CHECKING:
    from collections.abc import Callable

_DEFAULT_LIMITS = Limits()
_SHOWN = 5


def check(
    dataset: Dataset,
    *,
    decode_images: bool = True,
    every_class: bool = True,
    limits: Limits = _DEFAULT_LIMITS,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Raises DatasetError: fewer than two classes, no images, a class without images (with `every_class`), or
    images that cannot be decoded (with `decode_images`), the first of them named with the reason.

    `progress` is called with (images done, images in all).
    """
    try:
        check_classes(dataset.classes)
    except ValueError as error:
        raise DatasetError(str(error)) from error
    if not dataset.samples:
        raise DatasetError("the data set has no images (JPEG, PNG or WebP files)")
    empty = [name for name, count in zip(dataset.classes, dataset.counts) if not count]
    if empty and every_class:
        raise DatasetError(f"class {empty[0]!r} has no images: add some, or take the class out")
    if decode_images:
        _check_images(dataset, limits, progress)


def _check_images(dataset: Dataset, limits: Limits, progress: Callable[[int, int], None] | None) -> None:
    broken = []
    for number, sample in enumerate(dataset.samples, 1):
        try:
            decode(sample.read(), limits)
        except ImageError as error:
            broken.append(f"{sample.key}: {error.message}")
        if progress is not None:
            progress(number, len(dataset.samples))
    if broken:
        more = f"\n  ... and {len(broken) - _SHOWN} more" if len(broken) > _SHOWN else ""
        raise DatasetError(
            f"{len(broken)} of {len(dataset.samples)} images cannot be read: replace them, or take them out"
            + "\n  "
            + "\n  ".join(broken[:_SHOWN])
            + more
        )
