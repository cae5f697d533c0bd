"""The data set that the training tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_runs import job_folder


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job's root with channels train and validation; tests must not write into it."""
    return job_folder(tmp_path_factory.mktemp("images"))
