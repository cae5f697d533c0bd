"""The parts of a cloud, each handed its partners: the only module that knows them all."""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
        self._home = home
        self._settings = Settings.from_environment(os.environ)
        self._closers: list[Callable[[], None]] = []
        deviations.apply()
        moto = MotoGateway()
        self.data_port = port = listener.getsockname()[1]
        handlers = self._wire(home.path, moto)
        admin = Admin(
            home.token_file.read_text("utf-8"),
            self._health,
            shutdown,
            self._interrupt_job,
            self._advance_clock,
        )
        registry = Registry("sagemaker", handlers)
        self._server = HttpServer(listener, ControlPlane(port, registry, moto, admin, lambda: self.data_port))

    def _wire(self, home: Path, moto: MotoGateway) -> dict[str, Handler]:
        rooms = ("execution.runner", "serving.router", "sagemaker.endpoints")
        if any(importlib.util.find_spec(f"gluonship.local.{room}") is None for room in rooms):
            return {}
        raise NotImplementedError

    def serve(self) -> None:
        self._server.start()

    def close(self) -> None:
        """Stops jobs and endpoints, then the planes."""
        for close in reversed(self._closers):
            close()
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

    def _interrupt_job(self, scope: Scope, name: str) -> None:
        raise AwsError("ValidationException", f"no training job {name}")

    def _advance_clock(self, seconds: float) -> None:
        raise AwsError("ValidationException", "no clock")


build = Cloud


@functools.lru_cache(maxsize=64)
def _client(service: str, region: str) -> Any:
    import boto3

    return boto3.Session(region_name=region).client(service)
