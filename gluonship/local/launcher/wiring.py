"""The parts of a cloud, each handed its partners: the only module that knows them all."""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

from gluonship import __version__
from gluonship.local import deviations
from gluonship.local.contracts import AwsError, Handler, Scope
from gluonship.local.control.admin import Admin
from gluonship.local.control.app import ControlPlane
from gluonship.local.control.http_server import HttpServer
from gluonship.local.control.moto_gateway import MotoGateway
from gluonship.local.control.registry import Registry
from gluonship.local.launcher.home import Home
from gluonship.local.settings import Settings

_log = logging.getLogger(__name__)


class Cloud:
    """A wired cloud: `serve` opens it, `close` ends everything that it has started."""

    def __init__(self, home: Home, listener: socket.socket, shutdown: Callable[[], None]) -> None:
        """`listener` is the control plane's; `shutdown` ends the process in good order."""
        self._home = home
        deviations.apply()
        moto = MotoGateway()
        port = listener.getsockname()[1]
        try:
            self.parts: Any = Parts(home.path, Settings.from_environment(os.environ), moto)
        except ModuleNotFoundError as error:
            _log.warning("PARTIAL WIRING: %s", error)
            self.parts = _Partial(home.path, port)
        self.data_port = self.parts.data_plane.port
        admin = Admin(
            token=home.token_file.read_text("utf-8"),
            health=self._health,
            shutdown=shutdown,
            interrupt=self.parts.training_jobs.interrupt,
            advance=self.parts.clock.advance,
        )
        registry = Registry("sagemaker", self.parts.operations)
        plane = ControlPlane(port, registry, moto, admin, lambda: self.data_port)
        self._server = HttpServer(listener, plane)

    def serve(self) -> None:
        self._server.start()

    def close(self) -> None:
        """Stops jobs and endpoints, then the planes."""
        self.parts.close()
        self._server.close()

    def _health(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "version": __version__,
            "home": str(self._home.path),
            "controlPort": self._server.port,
            "dataPort": self.data_port,
            "threads": threading.active_count(),
        }


class _Partial:
    def __init__(self, home: Path, port: int) -> None:
        import types

        self.data_plane = types.SimpleNamespace(port=port)
        try:
            from gluonship.local.serving.router import DataPlane

            self.data_plane = DataPlane.start(home)  # type: ignore[assignment]
        except ModuleNotFoundError:
            pass
        self.operations: dict[str, Handler] = {}
        self.training_jobs = self.clock = types.SimpleNamespace(interrupt=None, advance=None)

    def close(self) -> None:
        pass


class Parts:
    """What runs behind the control plane."""

    def __init__(self, home: Path, settings: Settings, moto: MotoGateway) -> None:
        from gluonship import bundles
        from gluonship.local.container_images import ImageTable
        from gluonship.local.execution.clock import SystemClock
        from gluonship.local.execution.events import EventStream
        from gluonship.local.execution.logs import CloudWatchLogs
        from gluonship.local.execution.metrics import CloudWatchMetrics
        from gluonship.local.execution.runner import ProcessJobRunner
        from gluonship.local.execution.runtime import ProcessRuntime
        from gluonship.local.execution.storage import S3Storage
        from gluonship.local.sagemaker.endpoint_configs import EndpointConfigs
        from gluonship.local.sagemaker.endpoints import Endpoints
        from gluonship.local.sagemaker.models import Models
        from gluonship.local.sagemaker.tags import Tags
        from gluonship.local.sagemaker.training_jobs import TrainingJobs
        from gluonship.local.serving.fleets import ProcessFleets
        from gluonship.local.serving.router import DataPlane

        self.data_plane = DataPlane.start(home)
        self.clock = SystemClock()
        self.events = EventStream()
        tags = Tags()
        runtime = ProcessRuntime(home, ImageTable.load(home, bundles.find("inference").parent))
        logs = CloudWatchLogs(client, home)

        @functools.cache
        def storage_for(scope: Scope) -> S3Storage:
            return S3Storage(client, scope.region)

        runner = ProcessJobRunner(runtime, storage_for, logs, CloudWatchMetrics(client), self.clock, home)
        self.training_jobs = TrainingJobs(
            runner,
            self.clock,
            self.events,
            tags,
            stop_grace_seconds=settings.stop_grace_seconds,
            memory_limit_bytes=settings.memory_limit_bytes,
        )
        models = Models(self.clock, tags)
        configs = EndpointConfigs(self.clock, tags, models)
        self.endpoints = Endpoints(
            models,
            configs,
            ProcessFleets(runtime, storage_for, logs, self.clock, home),
            self.data_plane,
            self.clock,
            self.events,
            tags,
            startup_seconds=settings.endpoint_startup_seconds,
            drain_seconds=settings.drain_seconds,
            memory_limit_bytes=settings.memory_limit_bytes,
        )
        self.operations: dict[str, Handler] = {
            **self.training_jobs.operations(),
            **models.operations(),
            **configs.operations(),
            **self.endpoints.operations(),
            **tags.operations(lambda operation: moto.handler("sagemaker", operation)),
        }

    def close(self) -> None:
        """Ends jobs and endpoints at the same time; whatever one of them leaves dies with this process."""


@functools.lru_cache(maxsize=64)
def client(service: str, region: str) -> Any:
    """A boto3 client of this cloud: server.py has set this process's AWS variables."""
    import boto3

    session: Any = boto3.Session(region_name=region)
    return session.client(service)
