"""The script by which AWS's own MXNet inference container serves a GluonShip artifact.

It lies in the artifact's code/, beside gluonship_inference and gluonship/vision, and gives the predictions
that GluonShip's own server gives.
"""

from __future__ import annotations

from pathlib import Path

import cv2
from gluonship_inference import classifier
from gluonship_inference.errors import ServingError
from gluonship_inference.handlers import JSON
from gluonship_inference.invocation import invoke
from sagemaker_inference.errors import BaseInferenceToolkitError

from gluonship.vision import artifacts


def model_fn(model_dir: str) -> classifier.Classifier:
    """The artifact's network, its files and its golden sample checked.

    multi-model-server hands over a copy, to which it has added files of its own (MAR-INF/): the artifact is
    the folder that this script came in.
    """
    cv2.setNumThreads(1)
    own = Path(__file__).resolve().parents[1]
    return classifier.load(own if (own / artifacts.MANIFEST).is_file() else Path(model_dir))


def transform_fn(
    model: classifier.Classifier, data: str | bytes | bytearray, content_type: str, accept: str
) -> tuple[str, str]:
    """`data` is text where `content_type` is JSON: AWS's toolkit has decoded it."""
    body = data.encode() if isinstance(data, str) else bytes(data)
    try:
        return invoke(model, content_type or "", accept or "", body).decode(), JSON
    except ServingError as error:
        # AWS's toolkit answers with the second, and gives the third as the status line's phrase.
        raise BaseInferenceToolkitError(error.status, error.to_bytes().decode(), str(error)) from None
