"""The parts of a cloud, each handed its partners: the only module that knows them all."""

from __future__ import annotations

import functools
import os
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from gluonship import __version__
from gluonship.local import deviations, evaluation, events
from gluonship.local.cloudformation.api import CloudFormation
from gluonship.local.cloudformation.journal import FileJournal
from gluonship.local.cloudformation.types import ResourceTypes
from gluonship.local.container_images import ImageTable
from gluonship.local.contracts import (
    Clients,
    Scope,
)
from gluonship.local.control import cloudtrail
from gluonship.local.control.admin import Admin
from gluonship.local.control.app import ControlPlane
from gluonship.local.control.door import Door
from gluonship.local.control.http_server import HttpServer
from gluonship.local.control.in_process import InProcessClients
from gluonship.local.control.moto_gateway import MotoGateway
from gluonship.local.control.registry import Registry
from gluonship.local.deviations import caller_identity, stored_bytes
from gluonship.local.door.keys import FindKey, IssuedKeys
from gluonship.local.execution.alarms import CloudWatchAlarms
from gluonship.local.execution.clock import SystemClock
from gluonship.local.execution.events import EventStream
from gluonship.local.execution.logs import CloudWatchLogs
from gluonship.local.execution.metrics import CloudWatchMetrics
from gluonship.local.execution.runner import ProcessJobRunner
from gluonship.local.execution.runtime import ProcessRuntime
from gluonship.local.execution.scalable_targets import AutoScalingTargets
from gluonship.local.execution.storage import S3Storage
from gluonship.local.launcher.home import JOURNAL, OBJECTS, Home
from gluonship.local.launcher.sagemaker_parts import ActiveJobs, sagemaker
from gluonship.local.serving.fleets import ProcessFleets
from gluonship.local.serving.router import DataPlane
from gluonship.local.settings import Settings
from gluonship.local.stepfunctions.interpreter import Interpreter


class Cloud:
    """A wired cloud: `serve` opens it, `close` ends everything that it has started."""

    def __init__(
        self,
        home: Home,
        listener: socket.socket,
        settings: Settings,
        images: ImageTable,
        data_plane: Callable[[], DataPlane],
        keys: IssuedKeys,
        find_key: FindKey,
        shutdown: Callable[[], None],
    ) -> None:
        """`listener` is the control plane's; `data_plane` is asked when it is needed, and may be starting
        until then; `find_key` knows `keys` and the users' own; `shutdown` ends the process in good order."""
        self._home = home
        deviations.apply()
        stored_bytes.keep_in(home.path / OBJECTS)
        caller_identity.apply(keys.find)
        moto = MotoGateway()
        port = listener.getsockname()[1]
        clients = InProcessClients(port)
        self.parts = Parts(home.path, settings, images, moto, data_plane, clients, keys)
        self.data_port = self.parts.data_plane.port
        admin = Admin(
            token=home.token_file.read_text("utf-8"),
            health=self._health,
            shutdown=shutdown,
            interrupt=self.parts.sagemaker.training_jobs.interrupt,
            advance=self.parts.clock.advance,
        )
        registries = [
            Registry("sagemaker", self.parts.sagemaker.operations, refused=self.parts.sagemaker.refused),
            Registry("cloudformation", self.parts.cloudformation.operations(), whole=True),
            Registry("stepfunctions", self.parts.stepfunctions.operations(), whole=True),
            Registry("cloudtrail", cloudtrail.operations()),
            Registry("events", {}),  # moto's, but checked against the service's model first
        ]
        plane = ControlPlane(registries, moto, admin, lambda: self.data_port)
        clients.attach(plane)
        self._server = HttpServer(listener, Door(plane, find_key, port))

    def serve(self) -> None:
        self._server.start()

    def close(self) -> None:
        """Stops jobs and endpoints, then the planes."""
        self.parts.close()
        self._server.close()
        shutil.rmtree(self._home.path / OBJECTS, ignore_errors=True)

    def _health(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "version": __version__,
            "home": str(self._home.path),
            "controlPort": self._server.port,
            "dataPort": self.data_port,
            "threads": threading.active_count(),
        }


class Parts:
    """What runs behind the control plane."""

    def __init__(
        self,
        home: Path,
        settings: Settings,
        images: ImageTable,
        moto: MotoGateway,
        data_plane: Callable[[], DataPlane],
        clients: Clients,
        keys: IssuedKeys,
    ) -> None:
        self._settings = settings
        self.clock = SystemClock()
        self.events = EventStream()
        self._event_bridge = events.install(clients, self.clock, self.events)
        self.stepfunctions = Interpreter(clients, self.clock, self.events)
        journal = FileJournal(home / JOURNAL)
        self.cloudformation = CloudFormation(ResourceTypes(clients), clients, self.clock, journal)
        self._jobs = ActiveJobs(self.events)
        runtime = ProcessRuntime(home, images, keys=keys)
        logs = CloudWatchLogs(client, home, settings.log_cap_bytes)
        self.data_plane = data_plane()

        @functools.cache
        def storage_for(scope: Scope) -> S3Storage:
            return S3Storage(client, scope.region)

        runner = ProcessJobRunner(runtime, storage_for, logs, CloudWatchMetrics(client), self.clock, home)
        self._fleets = ProcessFleets(runtime, storage_for, logs, self.clock, home)
        self.sagemaker = sagemaker(
            runner,
            self._fleets,
            self.data_plane,
            CloudWatchAlarms(clients),
            AutoScalingTargets(clients),
            self.clock,
            self.events,
            settings,
            lambda operation: moto.handler("sagemaker", operation),
        )

    def close(self) -> None:
        """Stops what runs, within the settings' down_grace_seconds, then kills it."""
        self.cloudformation.close()
        self._event_bridge.close()
        self.stepfunctions.close()
        fleets = threading.Thread(target=self._fleets.close, name="close-fleets", daemon=True)
        fleets.start()
        self._jobs.stop(self.sagemaker.jobs, self._settings.down_grace_seconds)
        for jobs in self.sagemaker.jobs:
            jobs.close()
        fleets.join(self._settings.down_grace_seconds)
        evaluation.close()
        self.data_plane.close()


@functools.lru_cache(maxsize=64)
def client(service: str, region: str) -> Any:
    """A boto3 client of this cloud: server.py has set this process's AWS variables."""
    session: Any = boto3.Session(region_name=region)
    return session.client(service)
