"""One life of the account: from the cloud's start, or a reset, to the next reset or the cloud's end.

What was under way when a life ends goes on for a moment, on threads of its own. Whatever it would still do to
the account - keep an object, write a log line, route requests, start a container - it does through what is
handed out here, which refuses it from then on. So the next life begins empty and stays so.
"""

from __future__ import annotations

import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from gluonship.local.contracts import Container, ContainerSpec, Route, Runtime, Scope, StartFailed
from gluonship.local.control.gate import LIFE_HEADER
from gluonship.local.serving.router import DataPlane, DataPlaneError

_log = logging.getLogger(__name__)

_OVER = "the account was emptied (gluonship local reset) while this was under way"


class LifeOver(BotoCoreError):
    """Of a call that comes after its life's end: to its caller, a cloud that does not answer."""

    fmt = _OVER


class Life:
    """Whether it still lasts; `token` is what its requests carry."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(16)
        self._over = False

    def end(self) -> None:
        self._over = True

    def bind(self, client: Any) -> None:
        """The boto3 client's requests are this life's, and refused when it is over."""

        def call(params: dict[str, Any], **_: Any) -> None:
            if self._over:
                raise LifeOver
            params["headers"][LIFE_HEADER] = self.token

        client.meta.events.register("before-call", call)


_MAKING = threading.Lock()  # boto3's sessions are not to be shared by threads that make clients


@functools.cache
def _session() -> Any:
    """One for all lives: it keeps the services' models, which take longest to read."""
    return boto3.Session()


class LifeClients:
    """boto3 clients over the wire, by service and region: server.py has set this process's AWS variables."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._clients: dict[tuple[str, str], Any] = {}

    def __call__(self, service: str, region: str) -> Any:
        with _MAKING:
            client = self._clients.get((service, region))
            if client is None:
                client = _session().client(service, region_name=region)
                self._life.bind(client)
                self._clients[service, region] = client
        return client


class LifeRouter:
    """contracts.Router over a data plane that outlives it."""

    def __init__(self, data_plane: DataPlane) -> None:
        self._data_plane = data_plane
        self._lock = threading.Lock()
        self._over = False

    def set_routes(self, scope: Scope, endpoint_name: str, routes: Sequence[Route]) -> None:
        with self._lock:
            if self._over:
                raise DataPlaneError(_OVER)
            self._data_plane.set_routes(scope, endpoint_name, routes)

    def end(self) -> None:
        """No endpoint is routed to any more."""
        with self._lock:
            self._over = True
            self._data_plane.clear()


class LifeRuntime:
    """contracts.Runtime that knows what it has started."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._changed = threading.Condition()
        self._starting = 0
        self._running: list[Container] = []
        self._over = False

    def start(self, spec: ContainerSpec, on_line: Callable[[str], None]) -> Container:
        with self._changed:
            if self._over:
                raise StartFailed(_OVER)
            self._starting += 1
            self._running = [each for each in self._running if each.poll() is None]
        try:
            container = self._runtime.start(spec, on_line)
            with self._changed:
                self._running.append(container)
        finally:
            with self._changed:
                self._starting -= 1
                self._changed.notify_all()
        return container

    def end(self, seconds: float) -> None:
        """Kills all at once, and waits so long at most until none runs any more."""
        deadline = time.monotonic() + seconds
        with self._changed:
            self._over = True
            self._changed.wait_for(lambda: not self._starting, seconds)
            running = list(self._running)
        for container in running:
            threading.Thread(target=container.kill, name=f"kill-{container.spec.name}", daemon=True).start()
        for container in running:
            if container.wait(max(0.0, deadline - time.monotonic())) is None:
                _log.error("the container %s still runs after %.0f s", container.spec.name, seconds)
