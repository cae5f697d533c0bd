"""The model: an artifact's network in this process, from the bytes of an image to its classification.

images -> preprocessing -> network -> activation -> Classification, all as the artifact's manifest says.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mxnet as mx
import numpy as np

from gluonship.vision import artifacts, images, predictions
from gluonship_inference.errors import LoadError, in_words

if TYPE_CHECKING:
    import numpy.typing as npt


class Classifier:
    """A loaded network. Not for several threads at once."""

    def __init__(self, manifest: artifacts.Manifest, network: Any) -> None:
        self.manifest = manifest
        self._network = network
        self._softmax = manifest.postprocessing["activation"] == "softmax"

    def classify(self, data: bytes, top: int | None = 0) -> predictions.Classification:
        """An image file's classification, of the classes that the manifest wants (`top`=0), all (None), or
        so many. Raises images.ImageError."""
        output = self.forward(self.manifest.preprocessing.tensor(images.decode(data)))
        probabilities = predictions.softmax(output) if self._softmax else output
        wanted = self.manifest.postprocessing["top"] if top == 0 else top
        return predictions.classification(probabilities, self.manifest.classes, wanted)

    def forward(self, tensor: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """float32 (3, height, width), normalised -> the network's own output, float32 (C,)."""
        row: npt.NDArray[np.float32] = self.forward_batch(tensor[np.newaxis])[0]
        return row

    def forward_batch(self, tensors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """float32 (N, 3, height, width) -> float32 (N, C); fastest where N stays the same."""
        outputs: npt.NDArray[np.float32] = self._network(mx.nd.array(tensors)).asnumpy()
        return outputs


def load(folder: Path) -> Classifier:
    """The artifact in `folder`: every file as its manifest says, the golden sample as when it was trained.

    Raises LoadError naming what is wrong and what to do.
    """
    try:
        manifest = artifacts.verify(folder)
    except artifacts.ArtifactError as error:
        raise LoadError("InvalidArtifact", str(error)) from None
    if manifest.task != "classification":
        raise LoadError(
            "UnsupportedArtifact",
            f"{folder / artifacts.MANIFEST}: task {manifest.task!r} is not served by this version, which "
            "serves classification",
        )
    classifier = Classifier(manifest, _network(folder, manifest.input_name))
    _check_shape(classifier)
    _check_golden(classifier, folder)
    return classifier


def _network(folder: Path, input_name: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # MXNet's guesses of parameters' types, all right here
            network = mx.gluon.SymbolBlock.imports(
                str(folder / artifacts.SYMBOL), [input_name], str(folder / artifacts.PARAMS), ctx=mx.cpu()
            )
    except Exception as error:  # noqa: BLE001 - MXNet raises MXNetError, AssertionError, RuntimeError, ...
        raise LoadError(
            "InvalidModel",
            f"MXNet does not load {folder / artifacts.SYMBOL} with {artifacts.PARAMS}: {in_words(error)}",
        ) from None
    network.hybridize(static_alloc=True, static_shape=True)
    return network


def _check_shape(classifier: Classifier) -> None:
    """One forward pass: the network takes the manifest's input and gives one number a class."""
    preprocessing, classes = classifier.manifest.preprocessing, classifier.manifest.classes
    zeros = np.zeros((3, preprocessing.height, preprocessing.width), np.float32)
    try:
        shape = classifier.forward(zeros).shape
    except Exception as error:  # noqa: BLE001 - as above
        raise LoadError(
            "InvalidModel",
            f"{artifacts.SYMBOL} does not run on an input of {(1, *zeros.shape)}: {in_words(error)}",
        ) from None
    if shape != (len(classes),):
        raise LoadError(
            "InvalidModel",
            f"{artifacts.SYMBOL} gives {shape} for an image, but the manifest has {len(classes)} classes",
        )


def _check_golden(classifier: Classifier, folder: Path) -> None:
    golden = classifier.manifest.golden
    if golden is None:
        return
    try:
        image, expected = golden.read(folder)
        found = classifier.classify(image, top=None)
    except (artifacts.ArtifactError, ValueError) as error:  # ImageError; an output that is no probability
        raise LoadError("GoldenMismatch", f"the golden sample cannot be predicted: {error}") from None
    difference = predictions.difference(expected, found)
    if not difference <= golden.tolerance:
        raise LoadError(
            "GoldenMismatch",
            f"the golden sample {golden.image} does not give what it gave when the model was made: "
            f"{_words(found)} instead of {_words(expected)}, a difference of {difference:.6f} where "
            f"{golden.tolerance:g} is allowed. Model, preprocessing or library differ from training: export "
            "the model again with these versions",
        )


def _words(prediction: predictions.Classification) -> str:
    return f"{prediction.top.label!r} with {prediction.top.probability:.6f}"
