"""The manifest: what a model is, in one JSON file at the root of its artifact."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from gluonship.vision.artifacts.errors import ArtifactError
from gluonship.vision.artifacts.names import GOLDEN_IMAGE, GOLDEN_PREDICTION, MANIFEST
from gluonship.vision.classes import check_classes
from gluonship.vision.images import Preprocessing
from gluonship.vision.predictions import Classification
from gluonship.vision.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = "gluonship.manifest/1"
_FAMILY = "gluonship.manifest/"
_MAX_MANIFEST_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Golden:
    """A picture and what the model said of it when it was trained: serving must say the same, to `tolerance`
    (largest absolute difference of a probability). Paths are relative to the artifact."""

    image: str = GOLDEN_IMAGE
    prediction: str = GOLDEN_PREDICTION
    tolerance: float = 1e-4

    def read(self, folder: Path) -> tuple[bytes, Classification]:
        """The picture's bytes and the expected prediction. Raises ArtifactError naming the file."""
        try:
            expected = Classification.from_json(json.loads((folder / self.prediction).read_bytes()))
            return (folder / self.image).read_bytes(), expected
        except (OSError, ValueError) as error:
            raise ArtifactError(f"the golden sample in {folder} cannot be read: {error}") from error


@dataclass(frozen=True)
class Manifest:
    """`postprocessing` is {"activation": "softmax" | "none", "top": how many classes to answer}; `metrics`
    are the training's last; `dataset` is {"digest", "samples"}; `versions` are of what trained it; `files`
    maps each file's path (with '/', from the root; all but the manifest itself) to its SHA-256. `extra` keeps
    keys that this version does not know: additions within a schema version are harmless by its rule, changes
    of meaning raise the version.
    """

    task: str
    network: str
    classes: list[str]
    preprocessing: Preprocessing
    input_name: str = "data"
    postprocessing: dict[str, Any] = field(default_factory=lambda: {"activation": "softmax", "top": 5})
    metrics: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)
    golden: Golden | None = None
    files: dict[str, str] = field(default_factory=dict)
    schema: str = SCHEMA
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Reads FOLDER/gluonship.manifest. Raises ArtifactError: none, broken, or of another schema."""
        path = Path(folder) / MANIFEST
        try:
            if path.stat().st_size > _MAX_MANIFEST_BYTES:
                raise ArtifactError(f"{path} is larger than any manifest: it was not written by GluonShip")
            values = json.loads(path.read_bytes().decode("utf-8"))
        except FileNotFoundError:
            raise ArtifactError(
                f"{folder} has no {MANIFEST}: it is not an artifact of GluonShip, or writing it was cut off; "
                "train again, or serve it with a handler of its own"
            ) from None
        except OSError as error:
            raise ArtifactError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise ArtifactError(f"{path} is not JSON: {error}") from error
        try:
            return cls.from_json(values)
        except ArtifactError as error:
            raise ArtifactError(f"{path}: {error}") from error

    @classmethod
    def from_json(cls, values: Any) -> Manifest:
        """The manifest in a decoded JSON object. Raises ArtifactError naming the key."""
        if not isinstance(values, dict):
            raise ArtifactError("the manifest must be a JSON object")
        _check_schema(values.get("schema"))
        known = set(cls.__dataclass_fields__) - {"extra"}
        needed = {"task", "network", "classes", "preprocessing", "files"}
        missing = sorted(needed - set(values))
        if missing:
            raise ArtifactError(f"key {missing[0]!r} is missing")
        members = {key: value for key, value in values.items() if key in known}
        try:
            members["preprocessing"] = Preprocessing.from_json(members["preprocessing"])
        except ValueError as error:
            raise ArtifactError(str(error)) from error
        if members.get("golden") is not None:
            members["golden"] = _golden(members["golden"])
        return cls(**members, extra={key: value for key, value in values.items() if key not in known})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives an equal manifest back."""
        golden = self.golden
        return {
            **self.extra,
            "schema": self.schema,
            "task": self.task,
            "network": self.network,
            "classes": list(self.classes),
            "input_name": self.input_name,
            "preprocessing": self.preprocessing.to_json(),
            "postprocessing": self.postprocessing,
            "metrics": self.metrics,
            "dataset": self.dataset,
            "versions": self.versions,
            "golden": golden
            and {"image": golden.image, "prediction": golden.prediction, "tolerance": golden.tolerance},
            "files": dict(sorted(self.files.items())),
        }


def _check_schema(schema: Any) -> None:
    if schema == SCHEMA:
        return
    if isinstance(schema, str) and schema.startswith(_FAMILY):
        raise ArtifactError(
            f"its schema is {schema}, this GluonShip reads {SCHEMA}: "
            "use the GluonShip that wrote it, or train again with this one"
        )
    raise ArtifactError(f"key 'schema' must be {SCHEMA!r}, got {schema!r}: this is not a GluonShip manifest")


def _check(manifest: Manifest) -> None:
    _check_schema(manifest.schema)
    if manifest.task not in TASKS:
        raise ArtifactError(f"key 'task' must be one of {', '.join(TASKS)}, got {manifest.task!r}")
    for key in ("network", "input_name"):
        value = getattr(manifest, key)
        if not isinstance(value, str) or not value:
            raise ArtifactError(f"key {key!r} must be a name, got {value!r}")
    if not isinstance(manifest.classes, list):
        raise ArtifactError(f"key 'classes' must be a list, got {manifest.classes!r}")
    try:
        check_classes(manifest.classes)
    except ValueError as error:
        raise ArtifactError(f"key 'classes': {error}") from error
    for key in ("postprocessing", "metrics", "dataset", "versions", "files"):
        if not isinstance(getattr(manifest, key), dict):
            raise ArtifactError(f"key {key!r} must be an object, got {getattr(manifest, key)!r}")
    _check_postprocessing(manifest.postprocessing)
    for name, digest in manifest.files.items():
        _check_path(name, "files")
        if not isinstance(digest, str) or len(digest) != 64:
            raise ArtifactError(f"key 'files': the SHA-256 of {name} must be 64 hexadecimal digits")


def _check_postprocessing(values: Mapping[str, Any]) -> None:
    activation, top = values.get("activation"), values.get("top")
    if activation not in ("softmax", "none"):
        raise ArtifactError(f"postprocessing.activation must be 'softmax' or 'none', got {activation!r}")
    if not isinstance(top, int) or isinstance(top, bool) or top < 1:
        raise ArtifactError(f"postprocessing.top must be an integer from 1, got {top!r}")


def _golden(values: Any) -> Golden:
    if not isinstance(values, dict):
        raise ArtifactError(f"key 'golden' must be an object, got {values!r}")
    golden = Golden(
        values.get("image", GOLDEN_IMAGE),
        values.get("prediction", GOLDEN_PREDICTION),
        values.get("tolerance", Golden.tolerance),
    )
    _check_path(golden.image, "golden.image")
    _check_path(golden.prediction, "golden.prediction")
    tolerance = golden.tolerance
    if not isinstance(tolerance, (int, float)) or isinstance(tolerance, bool) or not 0 < tolerance < 1:
        raise ArtifactError(f"golden.tolerance must be a number between 0 and 1, got {tolerance!r}")
    return golden


def _check_path(name: Any, key: str) -> None:
    if (
        not isinstance(name, str)
        or not name
        or PurePosixPath(name).is_absolute()
        or ".." in name.split("/")
        or str(PurePosixPath(name)) != name
    ):
        raise ArtifactError(f"key {key!r} holds {name!r}: a path inside the artifact is needed")
