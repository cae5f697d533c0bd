"""Real local clouds for tests, which leave neither a process nor a port behind."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from processes import still_alive
from signed_requests import signed

from gluonship.local import launcher
from gluonship.local.connection import Connection


class LocalCloud(Connection):
    """A running local cloud, as a test uses it."""

    def client(self, service: str, region: str = "us-east-1", **options: Any) -> Any:
        """A boto3 client of this cloud; boto3's own retries and timeouts."""
        return self.boto.client(service, region_name=region, **options)

    def signed(self, service: str, method: str = "POST", path: str = "/", **request: Any) -> dict[str, str]:
        """The headers of a request to the control plane, signed with the home's key: `signed_requests`."""
        return signed(self.boto.get_credentials(), service, self.url + path, method, **request)

    @property
    def env(self) -> dict[str, str]:
        """A whole environment for a subprocess that is to use this cloud."""
        return launcher.applied(launcher.environment(self.home), os.environ)


@contextlib.contextmanager
def running_cloud(home: Path, port: int | None = None) -> Iterator[LocalCloud]:
    """A cloud for the block's length; asserts afterwards that neither a process nor a port is left."""
    info = launcher.up(home, 0 if port is None else port)  # 0: a developer's own cloud may run on 5111
    family = [psutil.Process(info.pid), *psutil.Process(info.pid).children(recursive=True)]
    try:
        yield LocalCloud(info)
        with contextlib.suppress(psutil.NoSuchProcess):
            family += psutil.Process(info.pid).children(recursive=True)
    finally:
        launcher.down(home, grace_seconds=5)
    assert still_alive(family, 2) == []
    for used in {info.control_port, info.data_port}:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", used)) != 0, f"something still listens on {used}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
