"""A user of Step Functions on the shared local cloud, and an interpreter in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from local_clouds import LocalCloud
from machine_house import House
from machine_runs import Runs


@pytest.fixture
def runs(cloud: LocalCloud) -> Runs:
    return Runs(cloud.client("stepfunctions"))


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.interpreter.close()
