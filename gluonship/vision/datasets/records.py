"""A data set as RecordIO: NAME.rec with image records, NAME.idx with their offsets, classes.txt."""

from __future__ import annotations

import struct
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gluonship.vision.atomic_files import replacing
from gluonship.vision.classes import FILE_NAME, check_classes
from gluonship.vision.datasets.dataset import Dataset, DatasetError, Sample
from gluonship.vision.datasets.recordio import RecordFile, RecordIOError, write_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# mxnet.recordio.IRHeader: flag (0, or how many float labels follow), label, id, id2
_IMAGE_HEADER = struct.Struct("<IfQQ")


def open_records(shards: Sequence[Path], classes: list[str]) -> Dataset:
    """The records of one or more .rec files, in the order of each one's .idx, else of the file.

    Raises DatasetError: a damaged file, an index of another file, a label that is no single class index.
    """
    samples: list[Sample] = []
    for path in shards:
        records = RecordFile(path)
        try:
            offsets = records.offsets()
        except (OSError, RecordIOError) as error:
            raise DatasetError(f"{error}: write the .rec file again") from error
        for key, offset in _indexed(path, offsets):
            name = f"{path.name}[{key}]"
            samples.append(
                Sample(name, _label(records, offset, name, classes), partial(_image, records, offset))
            )
    return Dataset(classes, samples)


def write_recordio(
    folder: Path, name: str, samples: Iterable[tuple[bytes, int]], classes: Sequence[str]
) -> Path:
    """Writes NAME.rec, NAME.idx and classes.txt into `folder` from (image file, label) pairs; returns the
    .rec's path. mxnet.recordio, ImageRecordIter and im2rec's readers read it.

    Raises DatasetError: a wrong class list, a label out of range, no samples.
    """
    try:
        check_classes(classes)
    except ValueError as error:
        raise DatasetError(str(error)) from error
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.rec"
    index = []
    with replacing(target) as unfinished, unfinished.open("wb") as file:
        for number, (data, label) in enumerate(samples):
            if not 0 <= label < len(classes):
                raise DatasetError(f"sample {number} has label {label}: there are {len(classes)} classes")
            offset = write_record(file, _IMAGE_HEADER.pack(0, label, number, 0) + data)
            index.append(f"{number}\t{offset}\n")
        if not index:
            raise DatasetError(f"there are no samples to write to {target}")
    with replacing(target.with_suffix(".idx")) as unfinished:
        unfinished.write_text("".join(index), encoding="ascii")
    with replacing(folder / FILE_NAME) as unfinished:
        unfinished.write_text("".join(f"{label}\n" for label in classes), encoding="utf-8")
    return target


def _indexed(path: Path, offsets: list[int]) -> list[tuple[str, int]]:
    index = path.with_suffix(".idx")
    try:
        lines = index.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return [(str(number), offset) for number, offset in enumerate(offsets)]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{index} cannot be read: {error}") from error
    starts = set(offsets)
    entries = []
    for number, line in enumerate(lines, 1):
        key, _, offset = line.partition("\t")
        if not offset.strip().isdigit() or int(offset) not in starts:
            raise DatasetError(
                f"{index}, line {number}: {line[:40]!r} points to no record of {path.name}: "
                "delete the .idx file, or write both again"
            )
        entries.append((key, int(offset)))
    listed = len({offset for _, offset in entries})
    if listed < len(starts):
        raise DatasetError(
            f"{index} lists {listed:,} of the {len(starts):,} records of {path.name}: "
            "delete the .idx file, or write both again"
        )
    return entries


def _label(records: RecordFile, offset: int, name: str, classes: list[str]) -> int:
    payload = records.head(offset, _IMAGE_HEADER.size + 4)
    if len(payload) < _IMAGE_HEADER.size:
        raise DatasetError(f"{name} is no image record: write it with mxnet.recordio.pack or write_recordio")
    flag, label, _, _ = _IMAGE_HEADER.unpack_from(payload)
    if flag == 1 and len(payload) >= _IMAGE_HEADER.size + 4:
        (label,) = struct.unpack_from("<f", payload, _IMAGE_HEADER.size)
    elif flag > 0:
        raise DatasetError(f"{name} has {flag} labels: classification takes one a picture")
    if not (label == label and abs(label) < 2**31 and label == int(label)):
        raise DatasetError(f"{name} has the label {label}: a class index is a whole number")
    if not 0 <= label < len(classes):
        raise DatasetError(f"{name} has the label {int(label)}: the {len(classes)} classes count from 0")
    return int(label)


def _image(records: RecordFile, offset: int) -> bytes:
    payload = records.read(offset)
    (flag,) = struct.unpack_from("<I", payload)
    return payload[_IMAGE_HEADER.size + 4 * flag :]
