"""The learning rate over a training, and the metric line."""

from __future__ import annotations

import itertools
import math
import re

import pytest
from gluonship_training import metrics
from gluonship_training.console import duration
from gluonship_training.metrics import EpochMetrics
from gluonship_training.schedule import rate


def rates(kind: str, warmup: float = 1.0) -> list[float]:
    return [rate(step, 10, 5, 0.4, kind, warmup) for step in range(50)]


@pytest.mark.parametrize("kind", ["cosine", "linear", "constant"])
def test_the_rate_rises_to_its_full_value_and_never_again(kind: str) -> None:
    values = rates(kind)
    assert values[0] == pytest.approx(0.4 / 11)
    assert all(a < b for a, b in itertools.pairwise(values[:11]))
    assert values[10] == pytest.approx(0.4)
    assert all(a >= b for a, b in itertools.pairwise(values[10:]))


def test_cosine_is_half_way_down_in_the_middle_and_near_zero_at_the_end() -> None:
    assert rates("cosine")[30] == pytest.approx(0.4 * (0.001 + 0.999 * 0.5))
    assert 0 < rates("cosine")[-1] < 0.002
    assert rates("constant")[-1] == 0.4
    assert rates("linear")[30] == pytest.approx(0.4 * (0.001 + 0.999 * 0.5))


def test_without_a_warm_up_the_first_rate_is_the_full_one() -> None:
    assert rates("cosine", warmup=0)[0] == 0.4


def test_the_metric_line_is_what_metric_definitions_read() -> None:
    line = metrics.line(EpochMetrics(3, 0.4123, 0.8512, 1.5e-7, 0.9, 2180.04))
    assert line.startswith(
        "metric epoch=3 train:loss=0.412300 train:accuracy=0.851200 validation:loss=0.000000 "
    )
    for name, value in (("train:loss", 0.4123), ("validation:accuracy", 0.9), ("images_per_second", 2180.0)):
        found = re.search(name + r"=([0-9.eE+-]+)", line)
        assert found is not None
        assert math.isclose(float(found.group(1)), value)


def test_times_in_words() -> None:
    assert [duration(seconds) for seconds in (-1, 45.2, 200, 7500)] == [
        "0 s",
        "45 s",
        "3 min 20 s",
        "2 h 5 min",
    ]
