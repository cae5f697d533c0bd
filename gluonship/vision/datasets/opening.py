"""Finds out how a folder holds its data set, and opens it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gluonship.vision.classes import FILE_NAME, check_classes, read_classes
from gluonship.vision.datasets.dataset import Dataset, DatasetError
from gluonship.vision.datasets.imagefolder import class_folders, open_image_folder
from gluonship.vision.datasets.records import open_records

if TYPE_CHECKING:
    from collections.abc import Sequence


def open_dataset(folder: Path, classes: Sequence[str] | None = None) -> Dataset:
    """The data set in `folder`: `*.rec` files make it RecordIO, else its folders are the classes.

    The class list, in label order, is `classes`, else the lines of classes.txt, else (image folder only) the
    sorted folder names. Pictures are not decoded yet: see `check`. Raises DatasetError.
    """
    folder = Path(folder)
    try:
        return _open(folder, classes)
    except OSError as error:
        raise DatasetError(f"{error.filename or folder} cannot be read: {error.strerror}") from error


def _open(folder: Path, classes: Sequence[str] | None) -> Dataset:
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder: a data set is a folder per class, or .rec files")
    listed = list(classes) if classes is not None else _listed(folder)
    if listed is not None:
        try:
            check_classes(listed)
        except ValueError as error:
            source = "the given class list" if classes is not None else str(folder / FILE_NAME)
            raise DatasetError(f"{source}: {error}") from error
    shards = sorted(path for path in folder.glob("*.rec") if not path.name.startswith("."))
    if not shards:
        return open_image_folder(folder, listed)
    if class_folders(folder):
        raise DatasetError(f"{folder} holds .rec files and class folders: keep one of the two")
    if listed is None:
        raise DatasetError(
            f"{folder} holds RecordIO, which knows labels only as numbers: "
            f"put a {FILE_NAME} beside it, with one class name a line, in the order of the labels"
        )
    return open_records(shards, listed)


def _listed(folder: Path) -> list[str] | None:
    path = folder / FILE_NAME
    try:
        return read_classes(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} cannot be read as UTF-8 text: {error}") from error
