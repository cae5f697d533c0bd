"""Artifacts measured on labelled images: each image is read and decoded once, for all of them.

A picture may be a hundred times as large as the tensor that is made of it, so one is held at a time.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Sequence

import numpy as np

from gluonship.vision import datasets, evaluation, images, predictions
from gluonship_inference.classifier import Classifier

_SECONDS_BETWEEN_LINES = 5.0


class EvaluationError(Exception):
    """What a person must change before the evaluation can run; the message says what was wrong."""


def limited(dataset: datasets.Dataset, limit: int | None) -> datasets.Dataset:
    """At most `limit` of the samples, spread evenly over the data set: image folders are sorted by class."""
    count = len(dataset.samples)
    if limit is None or limit >= count:
        return dataset
    chosen = [dataset.samples[index * count // limit] for index in range(limit)]
    return datasets.Dataset(dataset.classes, chosen, dataset.ignored)


def check_classes(dataset: datasets.Dataset, classifier: Classifier) -> None:
    """Raises EvaluationError where the model cannot answer for every class of the data."""
    unknown = [name for name in dataset.classes if name not in classifier.manifest.classes]
    if unknown:
        raise EvaluationError(
            "the test data has the class {!r}, which the model does not know; it knows {}. Test with the "
            "classes that it was trained on".format(unknown[0], ", ".join(classifier.manifest.classes))
        )


def comparable(candidate: Classifier, other: Classifier) -> str:
    """Why two models' accuracies cannot be compared, or ''. The order of the classes does not matter."""
    ours, theirs = set(candidate.manifest.classes), set(other.manifest.classes)
    if ours == theirs:
        return ""
    parts = []
    for names, words in ((ours - theirs, "only the candidate has"), (theirs - ours, "only it has")):
        if names:
            parts.append("{} {}".format(words, ", ".join(sorted(names)[:5])))
    return "its classes are others: " + "; ".join(parts)


def evaluate(
    classifiers: Sequence[Classifier],
    dataset: datasets.Dataset,
    batch_size: int,
    say: Callable[[str], None],
) -> list[evaluation.ClassificationReport]:
    """A report of each classifier, whose classes are in the first one's order.

    Raises EvaluationError naming the image that cannot be read.
    """
    names = classifiers[0].manifest.classes
    orders = [[model.manifest.classes.index(name) for name in names] for model in classifiers]
    scores: list[list[Any]] = [[] for _ in classifiers]
    started = said = time.monotonic()
    for start in range(0, len(dataset.samples), batch_size):
        samples = dataset.samples[start : start + batch_size]
        batches: list[list[Any]] = [[] for _ in classifiers]
        for sample in samples:
            picture = _decoded(sample)
            for model, batch in zip(classifiers, batches):
                batch.append(model.manifest.preprocessing.tensor(picture))
        for model, order, rows, batch in zip(classifiers, orders, scores, batches):
            rows.append(probabilities(model, np.stack(batch))[:, order])
        if time.monotonic() - said > _SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            say(f"{start + len(samples):,} of {len(dataset.samples):,} images")
    seconds = time.monotonic() - started
    say(f"{len(dataset.samples):,} images in {seconds:.1f} s")
    labels = [names.index(dataset.classes[sample.label]) for sample in dataset.samples]
    return [evaluation.evaluate(labels, np.concatenate(rows), names) for rows in scores]


def probabilities(model: Classifier, tensors: Any) -> Any:
    """float64 (N, C) for the model's own input, float32 (N, 3, H, W)."""
    outputs = model.forward_batch(tensors).astype(np.float64)
    softmax = model.manifest.postprocessing["activation"] == "softmax"
    return predictions.softmax(outputs) if softmax else outputs


def _decoded(sample: datasets.Sample) -> Any:
    try:
        return images.decode(sample.read())
    except (images.ImageError, OSError) as error:
        raise EvaluationError(f"the test image {sample.key} cannot be read: {error}") from None
