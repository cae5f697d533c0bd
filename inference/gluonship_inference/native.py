"""The native handler: a GluonShip artifact, served by the network in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import mxnet as mx

from gluonship.vision import artifacts
from gluonship_inference import classifier
from gluonship_inference.errors import LoadError
from gluonship_inference.handlers import JSON, Request, Response
from gluonship_inference.invocation import invoke
from gluonship_inference.settings import Settings


def create(settings: Settings) -> NativeHandler:
    return NativeHandler(settings.model_dir)


class NativeHandler:
    """A `handlers.Handler`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> dict[str, Any]:
        _check_present(self._folder)
        cv2.setNumThreads(1)
        self._classifier = classifier.load(self._folder)
        manifest = self._classifier.manifest
        return {
            "network": manifest.network,
            "classes": len(manifest.classes),
            "golden": "passed" if manifest.golden else "none",
            "mxnet": mx.__version__,
        }

    def handle(self, request: Request) -> Response:
        answer = invoke(self._classifier, request.content_type, request.accept, request.body)
        return Response(200, JSON, {}, answer)


def _check_present(folder: Path) -> None:
    if (folder / artifacts.MANIFEST).is_file():
        return
    if not folder.is_dir() or not any(folder.iterdir()):
        raise LoadError("ModelMissing", f"{folder} is empty: a model.tar.gz must be extracted there")
    raise LoadError(
        "ManifestMissing",
        f"{folder} has no {artifacts.MANIFEST}: the gluonship handler serves models that say how images are "
        "prepared and what the classes are. For a model of another origin use the sagemaker-mxnet handler "
        "(AWS's MXNet image), with code/inference.py or with model-symbol.json, model-0000.params and "
        "model-shapes.json",
    )
