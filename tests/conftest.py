"""The fixture that every room's tests share: one real local cloud for each test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from local_clouds import LocalCloud, running_cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The one real local cloud of this test process: .client(service), .env, .url, .home, .boto, ..."""
    with running_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running
