"""The parts of a cloud, each handed its partners: the only module that knows them all."""

from __future__ import annotations

import functools
import logging
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gluonship import __version__
from gluonship.local import deviations, evaluation, events
from gluonship.local.cloudformation.api import CloudFormation
from gluonship.local.cloudformation.journal import FileJournal
from gluonship.local.cloudformation.types import ResourceTypes
from gluonship.local.container_images import ImageTable
from gluonship.local.contracts import Runtime, Scope
from gluonship.local.control import cloudtrail, moto_state
from gluonship.local.control.admin import Admin
from gluonship.local.control.app import ControlPlane
from gluonship.local.control.door import Door
from gluonship.local.control.gate import Gate
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
from gluonship.local.launcher import holdings
from gluonship.local.launcher.home import JOURNAL, OBJECTS, Home
from gluonship.local.launcher.life import Life, LifeClients, LifeRouter, LifeRuntime
from gluonship.local.launcher.sagemaker_parts import ActiveJobs, sagemaker
from gluonship.local.serving.fleets import ProcessFleets
from gluonship.local.serving.router import DataPlane
from gluonship.local.settings import Settings
from gluonship.local.stepfunctions.interpreter import Interpreter

_log = logging.getLogger(__name__)

# What a reset waits for: requests that are being executed, then those that its end of all work has cut short.
_FINISH_SECONDS, _CUT_SECONDS = 0.2, 0.3
_KILL_SECONDS = 5.0  # for the death of containers, which takes a tenth of a second


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
        self._home, self._settings, self._images, self._keys = home, settings, images, keys
        self._shutdown = shutdown
        deviations.apply()
        stored_bytes.keep_in(home.path / OBJECTS)
        caller_identity.apply(keys.find)
        self._moto = MotoGateway()
        self._port = listener.getsockname()[1]
        self._clock = SystemClock()
        self._gate = Gate()
        self._resetting = threading.Lock()
        self.parts = self._made(data_plane)
        self.data_port = self.parts.data_plane.port
        admin = Admin(
            token=home.token_file.read_text("utf-8"),
            health=self._health,
            contents=lambda: holdings.of(self.parts.sagemaker),
            reset=self.reset,
            shutdown=shutdown,
            interrupt=lambda *job: self.parts.sagemaker.training_jobs.interrupt(*job),
            advance=self._clock.advance,
        )
        registries = self.parts.registries()
        self._plane = ControlPlane(registries, self._moto, admin, lambda: self.data_port, self._gate)
        self.parts.clients.attach(self._plane)
        self._server = HttpServer(listener, Door(self._plane, find_key, self._port, home.path))

    def serve(self) -> None:
        self._server.start()

    def reset(self) -> None:
        """The account begins anew, with nothing in it; only the clock goes on. Requests wait meanwhile.

        Nothing is emptied by hand: what works on the account is ended and made anew, so that nothing is left
        that somebody forgot.
        """
        with self._resetting, self._gate.shut():
            started = time.monotonic()
            self._gate.await_others(_FINISH_SECONDS)
            old = self.parts
            old.end(_KILL_SECONDS)
            self._gate.await_all(_CUT_SECONDS)
            try:
                moto_state.forget_everything()
                self.parts = self._made(lambda: old.data_plane)
            except Exception:
                _log.exception("the account could not be begun anew: the cloud goes down")
                self._shutdown()
                raise
            self.parts.clients.attach(self._plane)
            self._plane.registries = self.parts.registries()
        _log.info("the account was emptied, in %.2f s", time.monotonic() - started)

    def close(self) -> None:
        """Stops jobs and endpoints, then the planes."""
        with self._resetting:
            self.parts.close()
        self._server.close()
        shutil.rmtree(self._home.path / OBJECTS, ignore_errors=True)

    def _made(self, data_plane: Callable[[], DataPlane]) -> Parts:
        """A new life of the account. Whoever asks for it has shut the gate, or not opened the planes yet."""
        life = Life()
        self._gate.life = life.token
        clients = InProcessClients(self._port, life.bind)
        runtime = ProcessRuntime(self._home.path, self._images, keys=self._keys)
        return Parts(
            self._home.path, self._settings, runtime, self._moto, data_plane, clients, self._clock, life
        )

    def _health(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "version": __version__,
            "home": str(self._home.path),
            "controlPort": self._server.port,
            "dataPort": self.data_port,
            "threads": threading.active_count(),
            "waitingRequests": self._gate.waiting,
        }


class Parts:
    """What runs behind the control plane, for one life of the account."""

    def __init__(
        self,
        home: Path,
        settings: Settings,
        runtime: Runtime,
        moto: MotoGateway,
        data_plane: Callable[[], DataPlane],
        clients: InProcessClients,
        clock: SystemClock,
        life: Life,
    ) -> None:
        self._settings = settings
        self._life = life
        self.clients = clients
        self._events = EventStream()
        self._event_bridge = events.install(clients, clock, self._events)
        self.stepfunctions = Interpreter(clients, clock, self._events)
        self._journal = FileJournal(home / JOURNAL)
        self.cloudformation = CloudFormation(ResourceTypes(clients), clients, clock, self._journal)
        self._jobs = ActiveJobs(self._events)
        self._runtime = LifeRuntime(runtime)
        client = LifeClients(life)
        logs = CloudWatchLogs(client, home, settings.log_cap_bytes)
        self.data_plane = data_plane()
        self._router = LifeRouter(self.data_plane)

        @functools.cache
        def storage_for(scope: Scope) -> S3Storage:
            return S3Storage(client, scope.region)

        runner = ProcessJobRunner(self._runtime, storage_for, logs, CloudWatchMetrics(client), clock, home)
        self._fleets = ProcessFleets(self._runtime, storage_for, logs, clock, home)
        self.sagemaker = sagemaker(
            runner,
            self._fleets,
            self._router,
            CloudWatchAlarms(clients),
            AutoScalingTargets(clients),
            clock,
            self._events,
            settings,
            lambda operation: moto.handler("sagemaker", operation),
        )

    def registries(self) -> Sequence[Registry]:
        return [
            Registry("sagemaker", self.sagemaker.operations, refused=self.sagemaker.refused),
            Registry("cloudformation", self.cloudformation.operations(), whole=True),
            Registry("stepfunctions", self.stepfunctions.operations(), whole=True),
            Registry("cloudtrail", cloudtrail.operations()),
            Registry("events", {}),  # moto's, but checked against the service's model first
        ]

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

    def end(self, seconds: float) -> None:
        """The account's life is over: what runs is killed, without grace, and what is under way is dropped.
        The data plane goes on. Waits so long at most for the death of containers."""
        self._life.end()
        steps: list[Callable[[], object]] = [
            lambda: self._event_bridge.close(0),
            lambda: self.stepfunctions.close(0),
            lambda: self.cloudformation.close(0),
            self._journal.forget,
            *(jobs.close for jobs in self.sagemaker.jobs),
            self._router.end,
            evaluation.end_all,
            lambda: self._runtime.end(seconds),
        ]
        for step in steps:
            try:
                step()
            except Exception:  # noqa: BLE001 - half an end would leave an account that does not work
                _log.exception("ending what worked on the account")
        threading.Thread(target=self._fleets.close, name="close-fleets", daemon=True).start()
        self._events.close()
