"""A data set as a folder per class.

Rules: a class's pictures may lie in subfolders. Files and folders that begin with a dot, and what operating
systems leave behind (`__MACOSX`, `lost+found`, `Thumbs.db`, `desktop.ini`), are skipped. Files that end in a
picture format that cannot be read here are an error, so that no picture is lost silently; other files are
ignored and listed. Links to files and to class folders are followed, a link to a folder further down is an
error (it could lead in circles).
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gluonship.vision.classes import FILE_NAME, check_classes
from gluonship.vision.datasets.dataset import Dataset, DatasetError, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_FOREIGN_PICTURES = frozenset(
    {
        ".avif",
        ".bmp",
        ".eps",
        ".gif",
        ".heic",
        ".heif",
        ".jp2",
        ".jxl",
        ".pgm",
        ".ppm",
        ".svg",
        ".tif",
        ".tiff",
    }
)
_LEFT_BEHIND = frozenset({"__macosx", "lost+found", "thumbs.db", "desktop.ini"})


def class_folders(folder: Path) -> list[Path]:
    """The folders that stand for classes, sorted by name."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not _skipped(path.name))


def open_image_folder(folder: Path, classes: list[str] | None) -> Dataset:
    """The pictures below `folder`, sorted by path. With `classes`, other folders are an error, and a class
    without a folder has no samples. Raises DatasetError, and OSError for a folder that cannot be read."""
    folders = class_folders(folder)
    if not folders:
        raise DatasetError(f"{folder} has no folders: a data set is a folder per class, or .rec files")
    names = [path.name for path in folders]
    if classes is None:
        try:
            check_classes(names)
        except ValueError as error:
            raise DatasetError(f"the folders in {folder}: {error}") from error
        classes = names
    strangers = sorted(set(names) - set(classes))
    if strangers:
        raise DatasetError(f"folder {folder / strangers[0]} is no class: there are {_few(classes)}")
    ignored: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() or _skipped(path.name) or path.name == FILE_NAME:
            continue
        if path.suffix.lower() in PICTURES:
            raise DatasetError(f"{path} lies outside the class folders: move it into the folder of its class")
        ignored.append(path.name)
    labels = {name: index for index, name in enumerate(classes)}
    samples: list[Sample] = []
    for path in folders:
        for picture in sorted(_pictures(path, folder, ignored)):
            key = picture.relative_to(folder).as_posix()
            samples.append(Sample(key, labels[path.name], partial(_read, picture)))
    return Dataset(classes, samples, tuple(ignored))


def _pictures(class_folder: Path, root: Path, ignored: list[str]) -> Iterator[Path]:
    for parent, subfolders, names in os.walk(class_folder, onerror=_raise):
        subfolders[:] = sorted(name for name in subfolders if not _skipped(name))
        for name in subfolders:
            if (Path(parent) / name).is_symlink():
                raise DatasetError(f"{Path(parent) / name} links to a folder: put the folder itself there")
        for name in names:
            path = Path(parent) / name
            suffix = path.suffix.lower()
            if _skipped(name):
                continue
            if suffix in _FOREIGN_PICTURES:
                raise DatasetError(f"{path} is no JPEG, PNG or WebP picture: convert it, or take it out")
            if suffix not in PICTURES:
                ignored.append(path.relative_to(root).as_posix())
            elif path.is_file():
                yield path
            else:
                raise DatasetError(f"{path} is a broken link or no plain file: take it out")


def _raise(error: OSError) -> None:
    """Without it os.walk passes over a folder that it cannot read."""
    raise error


def _skipped(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f", ... ({len(names)} in all)" if len(names) > 5 else "")
