"""A user of Step Functions on the shared local cloud."""

from __future__ import annotations

import pytest
from local_clouds import LocalCloud
from machine_runs import Runs


@pytest.fixture
def runs(cloud: LocalCloud) -> Runs:
    return Runs(cloud.client("stepfunctions"))
