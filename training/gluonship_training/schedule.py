"""The learning rate as a pure function of progress."""

from __future__ import annotations

import math

# Where cosine and linear end, as a share of the full rate.
_END = 0.001


def rate(step: int, steps_per_epoch: int, epochs: int, base: float, kind: str, warmup_epochs: float) -> float:
    """The rate of step `step` (from 0): a linear rise, then `kind`: cosine, linear or constant.

    Raises ValueError for another kind.
    """
    warmup = warmup_epochs * steps_per_epoch
    if step < warmup:
        return base * (step + 1) / (math.floor(warmup) + 1)
    remaining = max(1.0, epochs * steps_per_epoch - warmup)
    done = min(1.0, (step - warmup) / remaining)
    if kind == "constant":
        return base
    if kind == "linear":
        return base * (_END + (1 - _END) * (1 - done))
    if kind == "cosine":
        return base * (_END + (1 - _END) * 0.5 * (1 + math.cos(math.pi * done)))
    raise ValueError(f"no learning rate schedule is called {kind!r}")
