"""How well a network does on the validation images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import mxnet as mx
import numpy as np

from gluonship.vision.images import Preprocessing
from gluonship.vision.predictions import softmax
from gluonship_training.batches import Samples, in_order

if TYPE_CHECKING:
    import numpy.typing as npt


def probabilities(
    network: Any,
    samples: Samples,
    preprocessing: Preprocessing,
    batch_size: int,
    context: Any,
    check: Callable[[], None],
) -> npt.NDArray[np.float32]:
    """float32 (N, C) of all samples, in order; `check` is called before each batch and may raise."""
    parts = []
    for tensor, count in in_order(samples, preprocessing, batch_size):
        check()
        logits = network(mx.nd.array(tensor, ctx=context)).asnumpy()
        parts.append(softmax(logits[:count]))
    result: npt.NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
    return result


def loss_and_accuracy(scores: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]) -> tuple[float, float]:
    """Mean cross entropy in nats, and the share of images whose most probable class is the right one."""
    right = scores[np.arange(len(labels)), labels].astype(np.float64)
    loss = float(-np.log(np.maximum(right, 1e-12)).mean())
    return loss, float((scores.argmax(axis=1) == labels).mean())
