"""Training data on its way to a job: checked, packed, uploaded; a channel each for training and validation.

An image folder goes up as RecordIO (one object in place of thousands) with every image's bytes as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gluonship.aws import storage
from gluonship.aws.storage import S3Uri
from gluonship.vision import datasets

if TYPE_CHECKING:
    from collections.abc import Callable

    from gluonship.aws.account import Account


@dataclass(frozen=True)
class Channel:
    """What one channel will hold: files that are ready to be uploaded."""

    name: str  # "train" or "validation"
    files: Sequence[Path]
    images: int
    packed: bool  # from an image folder


@dataclass(frozen=True)
class Prepared:
    channels: Sequence[Channel]
    classes: Sequence[str]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(path.stat().st_size for channel in self.channels for path in channel.files)


def prepare(data: Path, scratch: Path, on_step: Callable[[str], None]) -> Prepared:
    """Checks the data set at `data` and packs image folders into `scratch`.

    `data` is an image folder or RecordIO; or it has a folder `train` and perhaps one `validation`, each such.
    Raises gluonship.vision.datasets.DatasetError, naming the file at fault.
    """
    folders = split_folders(data)
    channels: list[Channel] = []
    classes: Sequence[str] | None = None
    for name, folder in folders.items():
        dataset = datasets.open_dataset(folder, classes=classes)
        classes = dataset.classes
        on_step(f"checking the {len(dataset.samples):,} images of '{folder}'")
        # A class that only validation lacks does no harm.
        datasets.check(dataset, every_class=name == "train")
        files = sorted(path for path in folder.iterdir() if path.suffix in (".rec", ".idx"))
        packed = not files
        if packed:
            on_step(f"packing them as RecordIO, for channel '{name}'")
            target = scratch / name
            target.mkdir(parents=True)
            pairs = ((sample.read(), sample.label) for sample in dataset.samples)
            datasets.write_recordio(target, name, pairs, dataset.classes)
            files = sorted(target.iterdir())
        elif (folder / "classes.txt").is_file():
            files.append(folder / "classes.txt")
        channels.append(Channel(name, files, len(dataset.samples), packed))
    return Prepared(channels, list(classes or ()))


def split_folders(data: Path) -> Mapping[str, Path]:
    """The folders of the channels: those named for them, or `data` itself as the training channel."""
    if not data.is_dir():
        raise datasets.DatasetError(
            f"'{data}' is not a folder. Give a folder with a folder of images per class, or one with .rec "
            "files, or an S3 URI."
        )
    named = {name: data / name for name in ("train", "validation") if (data / name).is_dir()}
    if "train" not in named:
        return {"train": data}
    strangers = sorted(
        path.name
        for path in data.iterdir()
        if path.is_dir() and path.name[0] != "." and path.name not in named
    )
    if strangers and "validation" not in named:
        return {"train": data}  # a class happens to be called "train"
    return named


def upload(
    account: Account, prepared: Prepared, target: S3Uri, on_bytes: Callable[[int], None] | None = None
) -> dict[str, str]:
    """Uploads each channel under `target`; returns the channels' S3 URIs by name."""
    return {
        channel.name: upload_channel(account, channel.files, target.joined(channel.name), on_bytes)
        for channel in prepared.channels
    }


def upload_channel(
    account: Account, files: Sequence[Path], target: S3Uri, on_bytes: Callable[[int], None] | None = None
) -> str:
    """Uploads `files` under `target`; returns the channel's S3 URI."""
    storage.upload_files(account, files, target, on_bytes)
    return f"{target}/"  # with the slash: S3Prefix would take TARGET-2 too


def uploaded(account: Account, data: S3Uri) -> dict[str, str]:
    """The channels of data that is in S3 already: `data`/train and `data`/validation, or `data` itself."""
    found = {
        name: f"{data.joined(name)}/"
        for name in ("train", "validation")
        if storage.any_object_under(account, S3Uri(data.bucket, f"{data.joined(name).key}/"))
    }
    if "train" in found:
        return found
    if not storage.any_object_under(account, data):
        raise datasets.DatasetError(f"There is nothing at {data}. `aws s3 ls {data}` lists what there is.")
    return {"train": str(data)}
