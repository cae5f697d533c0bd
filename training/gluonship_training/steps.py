"""Steps of training, as fast as the network itself allows.

The host never waits for the step it has just asked for: losses are read two steps late, so the engine
always has work queued.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Iterator

import mxnet as mx

from gluonship_training.failures import JobError
from gluonship_training.updates import Updates

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LATE = 2  # steps between asking for a loss and reading it


@dataclass
class Totals:
    """Sums over an epoch so far."""

    loss: float = 0.0
    correct: float = 0.0
    images: int = 0

    @property
    def mean_loss(self) -> float:
        return self.loss / max(1, self.images)

    @property
    def accuracy(self) -> float:
        return self.correct / max(1, self.images)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Steps:
    """Forward, backward and update of one network on one device."""

    def __init__(
        self, network: Any, updates: Updates, classes: int, label_smoothing: float, seed: int, context: Any
    ) -> None:
        self._network = network
        self._updates = updates
        self._classes = classes
        self._off = label_smoothing / classes
        self._on = 1.0 - label_smoothing + self._off
        self._seed = seed
        self._context = context
        self._loss = mx.gluon.loss.SoftmaxCrossEntropyLoss(sparse_label=label_smoothing == 0)
        self._loss.hybridize(static_alloc=True, static_shape=True)
        # MXNet's random state cannot be saved, so a network that draws numbers is seeded at every step.
        self._seeded = any(isinstance(block, mx.gluon.nn.Dropout) for block in _blocks(network))
        self._pending: deque[tuple[Any, Any, int]] = deque()

    def run(
        self,
        step: int,
        tensor: npt.NDArray[np.float32],
        labels: npt.NDArray[np.float32],
        rate: float,
    ) -> None:
        """Asks for step `step` (from 0) on a batch; returns while it is being computed."""
        if self._seeded:
            mx.random.seed((self._seed * 1_000_003 + step) % 2**31)
        images = mx.nd.array(tensor, ctx=self._context)
        truth = mx.nd.array(labels, ctx=self._context)
        target = truth
        if self._off:
            target = mx.nd.one_hot(truth, self._classes, on_value=self._on, off_value=self._off)
        with mx.autograd.record():
            scores = self._network(images)
            losses = self._loss(scores, target)
        losses.backward()
        self._updates.step(rate)
        self._pending.append((losses.sum(), (scores.argmax(axis=1) == truth).sum(), len(labels)))

    def collect(self, totals: Totals, leave: int = LATE) -> None:
        """Adds the results of all but the `leave` newest steps to `totals`.

        Raises JobError where a loss is not a finite number.
        """
        while len(self._pending) > leave:
            loss, correct, images = self._pending.popleft()
            value = float(loss.asscalar())
            if not math.isfinite(value):
                raise JobError(
                    "The training loss is not a finite number any more: the training has diverged. Lower "
                    "learning-rate, or lengthen warmup-epochs."
                )
            totals.loss += value
            totals.correct += float(correct.asscalar())
            totals.images += images


def _blocks(block: Any) -> Iterator[Any]:
    yield block
    for child in block._children.values():
        yield from _blocks(child)
