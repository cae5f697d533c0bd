"""From a trained network to the artifact that SageMaker packs, and the report beside it.

The artifact is written again at every better epoch: a container that is killed without notice has left its
best model, if not its last.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Sequence

import cv2
import mxnet as mx
import numpy as np
import PIL

import gluonship
from gluonship.vision import artifacts
from gluonship.vision.artifacts import ArtifactError
from gluonship.vision.evaluation import ClassificationReport, evaluate
from gluonship.vision.images import Preprocessing, decode, encode_png
from gluonship.vision.predictions import Classification, classification, softmax
from gluonship_training.data import Data
from gluonship_training.failures import JobError
from gluonship_training.metrics import EpochMetrics

if TYPE_CHECKING:
    import numpy.typing as npt

REPORT = "evaluation.json"
# The golden sample is looked for among so many validation images.
_CANDIDATES = 256


class Publisher:
    """Writes one job's artifact and report."""

    def __init__(
        self,
        model_folder: Path,
        output_folder: Path,
        network_name: str,
        data: Data,
        preprocessing: Preprocessing,
        serving_code: Path | None,
        hyperparameters: Mapping[str, Any],
    ) -> None:
        self._model_folder = model_folder
        self._output_folder = output_folder
        self._network_name = network_name
        self._data = data
        self._preprocessing = preprocessing
        self._serving_code = serving_code
        self._hyperparameters = hyperparameters
        self._published: EpochMetrics | None = None
        self._any = False
        self._evaluation: ClassificationReport | None = None

    def has_published(self, best: EpochMetrics | None) -> bool:
        """Whether the artifact is that of this epoch."""
        return self._any and self._published == best

    def publish(self, network: Any, metrics: EpochMetrics | None, scores: npt.NDArray[np.float32]) -> None:
        """Writes the network as it is now.

        `metrics` are of the epoch that it is of (None: no epoch has ended), `scores` its probabilities of
        the first validation images; all of them make the report. Raises JobError where the artifact cannot
        be written.
        """
        try:
            self._write_artifact(network, metrics, scores)
        except OSError as error:
            raise _unwritable(self._model_folder, error) from error
        except ArtifactError as error:
            raise JobError(f"The model cannot be made an artifact: {error}") from error
        self._published, self._any = metrics, True
        labels = self._data.validation.labels
        self._evaluation = (
            evaluate(labels, scores, self._data.classes) if len(scores) == len(labels) else None
        )

    def report(self, history: Sequence[EpochMetrics]) -> None:
        """Writes how good the published model is, and all epochs so far. Raises JobError as `publish`."""
        if self._evaluation is None:
            return
        content: dict[str, Any] = {
            "schema": "gluonship.training-report/1",
            "network": self._network_name,
            "best_epoch": self._published.epoch if self._published is not None else None,
            "validation": self._evaluation.to_json(),
            "history": [asdict(epoch) for epoch in history],
            "hyperparameters": dict(self._hyperparameters),
            "versions": versions(),
        }
        unfinished = self._output_folder / (REPORT + ".unfinished")
        try:
            self._output_folder.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(content, indent=1), encoding="utf-8")
            os.replace(unfinished, self._output_folder / REPORT)
        except OSError as error:
            raise _unwritable(self._output_folder, error) from error

    def _write_artifact(
        self, network: Any, metrics: EpochMetrics | None, scores: npt.NDArray[np.float32]
    ) -> None:
        image = self._golden_image(scores)
        with tempfile.TemporaryDirectory() as scratch:
            prefix = os.path.join(scratch, "model")
            network.export(prefix, epoch=0)
            symbol, params = Path(prefix + "-symbol.json"), Path(prefix + "-0000.params")
            artifacts.write(
                self._model_folder,
                task="classification",
                network=self._network_name,
                classes=self._data.classes,
                preprocessing=self._preprocessing,
                symbol=symbol,
                params=params,
                golden_image=image,
                golden_prediction=self._predict(symbol, params, image),
                metrics=asdict(metrics) if metrics is not None else {},
                dataset={"digest": self._data.digest, "samples": dict(self._data.counts)},
                versions=versions(),
                code=self._serving_code,
            )

    def _golden_image(self, scores: npt.NDArray[np.float32]) -> bytes:
        """A real validation image, as PNG: of those recognised, the one of middling certainty.

        A sure answer would hide a change of the preprocessing, an unsure one would magnify rounding.
        """
        first = scores[:_CANDIDATES]
        labels = self._data.validation.labels[: len(first)]
        right = np.flatnonzero(first.argmax(axis=1) == labels)
        candidates = right if len(right) else np.arange(len(labels))
        by_certainty = candidates[np.argsort(first[candidates].max(axis=1), kind="stable")]
        chosen = int(by_certainty[len(by_certainty) // 2])
        return encode_png(decode(self._data.validation_samples[chosen].read()))

    def _predict(self, symbol: Path, params: Path, image: bytes) -> Classification:
        """What the exported files, not the network in memory, say of an image: on the CPU, as where they are
        served, since a GPU's arithmetic differs by more than a golden sample's tolerance."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MXNet warns that the output is not among the parameters
            exported = mx.gluon.SymbolBlock.imports(str(symbol), ["data"], str(params), ctx=mx.cpu())
        tensor = self._preprocessing.tensor(decode(image))
        logits = exported(mx.nd.array(tensor[None])).asnumpy()[0]
        return classification(softmax(logits), self._data.classes, top=None)


def versions() -> dict[str, str]:
    """What trained the model, and what decoded and resized its images."""
    found = {
        "gluonship": gluonship.__version__,
        "python": platform.python_version(),
        "mxnet": mx.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "opencv": cv2.__version__,
    }
    gluoncv = sys.modules.get("gluoncv")  # not imported for the kit's own network
    if gluoncv is not None:
        found["gluoncv"] = str(gluoncv.__version__)
    return found


def _unwritable(folder: Path, error: OSError) -> JobError:
    return JobError(
        f"Could not write to {error.filename or folder}: {error.strerror}. "
        "Is the disk full, or the folder not writable?"
    )
