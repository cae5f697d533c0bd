"""What the serving tests share: real fleets of tiny servers, and a real data plane."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from processes import still_alive
from serving_fakes import FolderStorage, ListLogs, OffsetClock, TinyRuntime, start_data_plane
from serving_user import Deployer, images

from gluonship.local import launcher
from gluonship.local.connection import Connection
from gluonship.local.serving.fleets import ProcessFleets
from gluonship.local.serving.health import HealthRules
from gluonship.local.serving.router import DataPlane

FAST = HealthRules(
    interval=0.2, unready_after=0.5, replaced_after=1.0, first_backoff=0.1, longest_backoff=1.0
)


@pytest.fixture
def runtime() -> Iterator[TinyRuntime]:
    runtime = TinyRuntime()
    yield runtime
    runtime.kill_all()


@pytest.fixture
def logs() -> ListLogs:
    return ListLogs()


@pytest.fixture
def clock() -> OffsetClock:
    return OffsetClock()


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "s3")


@pytest.fixture
def fleets(
    runtime: TinyRuntime, logs: ListLogs, clock: OffsetClock, storage: FolderStorage, tmp_path: Path
) -> Iterator[ProcessFleets]:
    fleets = ProcessFleets(runtime, lambda _: storage, logs, clock, tmp_path / "home", FAST)
    yield fleets
    fleets.close()


@pytest.fixture(scope="module")
def data_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    plane = start_data_plane(tmp_path_factory.mktemp("plane"), invocation_seconds=2.0)
    yield plane
    plane.close()


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployer]:
    home: Path = tmp_path_factory.mktemp("serving-cloud")
    (home / "images.toml").write_text(images(), encoding="utf-8")
    info = launcher.up(home, 0)
    cloud = psutil.Process(info.pid)
    try:
        yield Deployer(Connection(info))
    finally:
        family = cloud.children(recursive=True)
        launcher.down(home, grace_seconds=5)
        assert still_alive(family, 10) == []
