"""A model's files, from S3 to where its container looks for them: ROOT/model."""

from __future__ import annotations

from pathlib import Path

from gluonship.local.contracts import Storage, StorageError
from gluonship.vision.artifacts import ArtifactError, extract

_EMPTY_HINT = (
    "A training job must write its model to /opt/ml/model; an image that brings its own model needs no "
    "ModelDataUrl."
)


class ModelDataError(Exception):
    """The model's files cannot be had; the message names the URI and the reason."""


def fetch(storage: Storage, uri: str | None, root: Path) -> None:
    """Fills `root`/model: from a .tar.gz, or from every object below a URI that ends with a slash.

    No URI leaves the folder empty, as for an image that brings its own model. Raises ModelDataError.
    """
    folder = root / "model"
    folder.mkdir(parents=True, exist_ok=True)
    if uri is None:
        return
    try:
        if uri.endswith("/"):
            if storage.download_prefix(uri, folder) == 0:
                raise ModelDataError(f"Could not find model data at {uri}.")
        else:
            _fetch_archive(storage, uri, root, folder)
    except StorageError as error:
        raise ModelDataError(f"Could not find model data at {uri}. {error}") from error
    except OSError as error:
        raise ModelDataError(f"Could not write the model data of {uri} to {folder}: {error}") from error


def _fetch_archive(storage: Storage, uri: str, root: Path, folder: Path) -> None:
    archive = root / "model.tar.gz"
    try:
        storage.download_file(uri, archive)
        extract(archive, folder)
    except ArtifactError as error:
        raise ModelDataError(f"Could not extract the model data at {uri}: {error}. {_EMPTY_HINT}") from error
    finally:
        archive.unlink(missing_ok=True)
    if not any(path.is_file() for path in folder.rglob("*")):
        raise ModelDataError(f"The model data at {uri} holds no files. {_EMPTY_HINT}")
