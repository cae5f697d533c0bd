"""A job's folder before its container starts: files, folders, channels, checkpoints."""

from __future__ import annotations

import gzip
import json
import secrets
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from gluonship.local.contracts import Channel, Checkpoints, JobPlan, Storage, StorageError
from gluonship.local.execution import s3_uris
from gluonship.local.execution.failures import client_error
from gluonship.local.execution.shim import MAIN_FOLDER


def lay_out(plan: JobPlan, root: Path) -> None:
    """The files and folders that the plan names."""
    root.mkdir(parents=True)
    for folder in plan.folders:
        inside(root, folder).mkdir(parents=True, exist_ok=True)
    for name, content in plan.files.items():
        path = inside(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def inside(root: Path, name: str) -> Path:
    """`name` below `root`. Raises JobFailed for a name that leads out of it."""
    if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
        raise client_error(f"'{name}' is no path below {MAIN_FOLDER}.")
    return root / name


def download(plan: JobPlan, root: Path, storage: Storage, check: Callable[[], None]) -> None:
    """All channels, one after the other; `check` is called before each and may raise.

    FastFile channels are downloaded like File ones. Raises JobFailed, naming channel and URI.
    """
    word = "input" if plan.command == "process" else "channel"
    for channel in plan.channels:
        check()
        folder = inside(root, channel.destination or f"input/data/{channel.name}")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            count = _fetch(channel, folder, storage)
            if channel.compression == "Gzip":
                _decompress(folder)
        except StorageError as error:
            raise client_error(f'Data download failed: {word} "{channel.name}": {error}') from error
        if count == 0:
            raise client_error(
                f'Data download failed: {word} "{channel.name}": No S3 objects found under S3 URL '
                f'"{channel.uri}" given in input data source. Please ensure that the bucket exists in the '
                f"selected region ({plan.scope.region}), and that objects exist under that S3 prefix."
            )


def checkpoint_folder(checkpoints: Checkpoints, root: Path) -> Path:
    """Where /opt/ml/checkpoints is on this machine. Raises JobFailed for a folder outside /opt/ml."""
    folder = PurePosixPath(checkpoints.folder)
    if not folder.is_relative_to(MAIN_FOLDER):
        raise client_error(
            f"CheckpointConfig.LocalPath is '{folder}': on this machine it must be below {MAIN_FOLDER}, "
            "the only folder that a container has of its own."
        )
    return inside(root, str(folder.relative_to(MAIN_FOLDER)))


def _fetch(channel: Channel, folder: Path, storage: Storage) -> int:
    if channel.data_type == "S3Prefix":
        return storage.download_prefix(channel.uri, folder)
    prefix, names = parse_manifest(storage.read(channel.uri), channel.uri)
    location = s3_uris.parse(prefix)
    for name in names:
        # A plain join: a manifest's prefix need not end with a slash.
        target = s3_uris.S3Uri(location.bucket, location.key + name)
        storage.download_file(str(target), folder / s3_uris.safe_name(name.lstrip("/"), target.key))
    return len(names)


def parse_manifest(content: bytes, uri: str) -> tuple[str, list[str]]:
    """A ManifestFile's prefix and names: [{"prefix": "s3://bucket/prefix/"}, "name", ...].

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html. Raises StorageError.
    """
    form = 'it must be [{"prefix": "s3://bucket/prefix/"}, "relative/name", ...]'
    try:
        parsed: Any = json.loads(content)
    except ValueError as error:
        raise StorageError(f"the manifest {uri} is no JSON: {error}; {form}") from error
    if not isinstance(parsed, list) or not parsed or not isinstance(parsed[0], dict):
        raise StorageError(f"the manifest {uri} has no prefix: {form}")
    prefix, names = parsed[0].get("prefix"), parsed[1:]
    if not isinstance(prefix, str) or not all(isinstance(name, str) for name in names):
        raise StorageError(f"the manifest {uri} is not well formed: {form}")
    return prefix, names


def _decompress(folder: Path) -> None:
    """Each file, from gzip; a `.gz` at the end of its name goes."""
    for path in [each for each in sorted(folder.rglob("*")) if each.is_file()]:
        plain = path.with_suffix("") if path.suffix == ".gz" else path
        if plain != path and plain.exists():
            names = f"'{path.relative_to(folder)}' and '{plain.relative_to(folder)}'"
            raise StorageError(f"the objects {names} would be one file when decompressed; rename one")
        partial = path.with_name(f".{secrets.token_hex(8)}.partial")
        try:
            with gzip.open(path) as source, partial.open("wb") as target:
                shutil.copyfileobj(source, target, 1024 * 1024)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            name = path.relative_to(folder)
            raise StorageError(
                f"CompressionType is Gzip, but the object '{name}' is not (or not all of it): {error}"
            ) from error
        path.unlink()
        partial.replace(plain)
