"""The parts of a cloud, each handed its partners: the only module that knows them all."""

from __future__ import annotations

import functools
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from gluonship import __version__
from gluonship.local import deviations, events, stepfunctions
from gluonship.local.cloudformation.api import CloudFormation
from gluonship.local.cloudformation.journal import FileJournal
from gluonship.local.cloudformation.types import ResourceTypes
from gluonship.local.container_images import ImageTable
from gluonship.local.contracts import (
    Alarms,
    AwsError,
    Clients,
    Clock,
    Events,
    Fleets,
    Handler,
    JobRunner,
    Router,
    Scope,
    StateChange,
)
from gluonship.local.control import cloudtrail
from gluonship.local.control.admin import Admin
from gluonship.local.control.app import ControlPlane
from gluonship.local.control.http_server import HttpServer
from gluonship.local.control.in_process import InProcessClients
from gluonship.local.control.moto_gateway import MotoGateway
from gluonship.local.control.registry import Registry
from gluonship.local.execution.alarms import CloudWatchAlarms
from gluonship.local.execution.clock import SystemClock
from gluonship.local.execution.events import EventStream
from gluonship.local.execution.logs import CloudWatchLogs
from gluonship.local.execution.metrics import CloudWatchMetrics
from gluonship.local.execution.runner import ProcessJobRunner
from gluonship.local.execution.runtime import ProcessRuntime
from gluonship.local.execution.storage import S3Storage
from gluonship.local.launcher.home import JOURNAL, Home
from gluonship.local.sagemaker.endpoint_configs import EndpointConfigs
from gluonship.local.sagemaker.endpoints import Endpoints
from gluonship.local.sagemaker.jobs import Jobs
from gluonship.local.sagemaker.model_packages import ModelPackages
from gluonship.local.sagemaker.models import Models
from gluonship.local.sagemaker.processing_jobs import ProcessingJobs
from gluonship.local.sagemaker.tags import Tags
from gluonship.local.sagemaker.training_jobs import TrainingJobs
from gluonship.local.serving.fleets import ProcessFleets
from gluonship.local.serving.router import DataPlane
from gluonship.local.settings import Settings

_log = logging.getLogger(__name__)


class Cloud:
    """A wired cloud: `serve` opens it, `close` ends everything that it has started."""

    def __init__(
        self,
        home: Home,
        listener: socket.socket,
        settings: Settings,
        images: ImageTable,
        data_plane: Callable[[], DataPlane],
        shutdown: Callable[[], None],
    ) -> None:
        """`listener` is the control plane's; `data_plane` is asked when it is needed, and may be starting
        until then; `shutdown` ends the process in good order."""
        self._home = home
        deviations.apply()
        moto = MotoGateway()
        port = listener.getsockname()[1]
        clients = InProcessClients(port)
        self.parts = Parts(home.path, settings, images, moto, data_plane, clients)
        self.data_port = self.parts.data_plane.port
        admin = Admin(
            token=home.token_file.read_text("utf-8"),
            health=self._health,
            shutdown=shutdown,
            interrupt=self.parts.sagemaker.training_jobs.interrupt,
            advance=self.parts.clock.advance,
        )
        registries = [
            Registry("sagemaker", self.parts.sagemaker.operations),
            Registry("cloudformation", self.parts.cloudformation.operations(), whole=True),
            Registry("stepfunctions", self.parts.stepfunctions.operations(), whole=True),
            Registry("cloudtrail", cloudtrail.operations()),
        ]
        plane = ControlPlane(port, registries, moto, admin, lambda: self.data_port)
        clients.attach(plane)
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
    ) -> None:
        self._settings = settings
        self.clock = SystemClock()
        self.events = EventStream()
        self._event_bridge = events.install(clients, self.clock, self.events)
        self.stepfunctions = stepfunctions.install(clients, self.clock, self.events)
        journal = FileJournal(home / JOURNAL)
        self.cloudformation = CloudFormation(ResourceTypes(clients), clients, self.clock, journal)
        self._jobs = ActiveJobs(self.events)
        runtime = ProcessRuntime(home, images)
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
        self.data_plane.close()


@dataclass(frozen=True)
class SageMaker:
    """What this cloud executes of SageMaker: its handlers, and the jobs for what is beside the API."""

    operations: Mapping[str, Handler]
    training_jobs: TrainingJobs
    processing_jobs: ProcessingJobs

    @property
    def jobs(self) -> Sequence[Jobs]:
        """Of every kind."""
        return (self.training_jobs, self.processing_jobs)


def sagemaker(
    runner: JobRunner,
    fleets: Fleets,
    router: Router,
    alarms: Alarms,
    clock: Clock,
    events: Events,
    settings: Settings,
    fallback: Callable[[str], Handler],
) -> SageMaker:
    """The resources and their operations; `fallback` answers for the tags of what is recorded only."""
    tags = Tags()
    training_jobs = TrainingJobs(
        runner,
        clock,
        events,
        tags,
        stop_grace_seconds=settings.stop_grace_seconds,
        memory_limit_bytes=settings.memory_limit_bytes,
    )
    processing_jobs = ProcessingJobs(
        runner,
        clock,
        events,
        tags,
        stop_grace_seconds=settings.stop_grace_seconds,
        memory_limit_bytes=settings.memory_limit_bytes,
    )
    packages = ModelPackages(clock, events, tags)
    models = Models(clock, tags, packages)
    configs = EndpointConfigs(clock, tags, models)
    endpoints = Endpoints(
        models,
        configs,
        fleets,
        router,
        alarms,
        clock,
        events,
        tags,
        startup_seconds=settings.endpoint_startup_seconds,
        drain_seconds=settings.drain_seconds,
        memory_limit_bytes=settings.memory_limit_bytes,
    )
    operations = {
        **training_jobs.operations(),
        **processing_jobs.operations(),
        **packages.operations(),
        **models.operations(),
        **configs.operations(),
        **endpoints.operations(),
        **tags.operations(fallback),
    }
    return SageMaker(operations, training_jobs, processing_jobs)


class ActiveJobs:
    """The jobs that run, by what the stream of state changes tells."""

    _KINDS = ("TrainingJob", "ProcessingJob")

    def __init__(self, events: EventStream) -> None:
        self._changed = threading.Condition()
        self._active: set[tuple[str, Scope, str]] = set()  # kind, scope, name
        events.subscribe(self._hear)

    def _hear(self, change: StateChange) -> None:
        if change.kind not in self._KINDS:
            return
        job = (change.kind, change.scope, change.name)
        with self._changed:
            if change.status in ("InProgress", "Stopping"):
                self._active.add(job)
            else:
                self._active.discard(job)
            self._changed.notify_all()

    def stop(self, kinds: Sequence[Jobs], grace_seconds: float) -> None:
        """Asks all to stop, and waits until they have, at most `grace_seconds`."""
        with self._changed:
            active = list(self._active)
        by_kind = {jobs.kind.name: jobs for jobs in kinds}
        for kind, scope, name in active:
            jobs = by_kind[kind]
            try:
                jobs.stop(scope, {jobs.kind.name_member: name})
            except AwsError as error:
                _log.info("%s: %s", name, error.message)  # it has just ended
        with self._changed:
            self._changed.wait_for(lambda: not self._active, grace_seconds)


@functools.lru_cache(maxsize=64)
def client(service: str, region: str) -> Any:
    """A boto3 client of this cloud: server.py has set this process's AWS variables."""
    session: Any = boto3.Session(region_name=region)
    return session.client(service)
