"""The cloud's side of the data plane: starts its process, tells it the routes, hears what is drained."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from gluonship.local.contracts import Route, Scope
from gluonship.local.door.keys import FindKey
from gluonship.local.serving.instances import InstanceState
from gluonship.local.serving.limits import Limits

_log = logging.getLogger(__name__)

ACKNOWLEDGE_SECONDS = 15.0
CLEAR_SECONDS = 5.0  # for all endpoints' routes together
_RESPAWN_SECONDS = 1.0


@runtime_checkable
class RoutedFleet(Protocol):
    """What the data plane needs of a fleet beyond contracts.Fleet."""

    wait_idle: Any

    @property
    def states(self) -> Sequence[InstanceState]: ...

    def watch(self, listener: Any) -> None: ...


class DataPlaneError(Exception):
    """The data plane's process did not start or does not answer; the message says where its log is."""


class DataPlane:
    """contracts.Router over a process of its own, so that a busy control plane never delays a prediction.

    Should that process die, it is started again on the same port with the same routes.
    """

    def __init__(
        self,
        log: Path,
        port: int,
        also_port: int | None,
        home_key_id: str,
        find_key: FindKey,
        timeout: float,
        limits: Limits,
    ) -> None:
        self._log = log
        self._also_port = also_port
        self._home_key_id = home_key_id
        self._find_key = find_key
        self._timeout = timeout
        self._limits = limits
        self._lock = threading.RLock()  # one command at a time on the pipe, and the fields below
        self._routes: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._watched: set[int] = set()
        self._waiting: dict[int, threading.Event] = {}
        self._next_id = 0
        self._closing = False
        self.port = port
        self._process = self._spawn()

    @classmethod
    def start(
        cls,
        home: Path,
        *,
        home_key_id: str,
        find_key: FindKey,
        port: int = 0,
        also_port: int | None = None,
        invocation_seconds: float = 60.0,
        limits: Limits | None = None,
    ) -> DataPlane:
        """The process, listening on 127.0.0.1:`port` (0: any free one). Its log is `home`/data-plane.log.

        `find_key` knows the keys with which requests are signed; the home's never ends. Requests that the
        control plane, on `also_port`, passes on name that port in their Host. Raises DataPlaneError."""
        home.mkdir(parents=True, exist_ok=True)
        log = home / "data-plane.log"
        return cls(log, port, also_port, home_key_id, find_key, invocation_seconds, limits or Limits())

    @property
    def pid(self) -> int:
        return self._process.pid

    # --- contracts.Router --------------------------------------------------------------------------------

    def set_routes(self, scope: Scope, endpoint_name: str, routes: Sequence[Route]) -> None:
        key = (scope.account_id, scope.region, endpoint_name)
        fleets = [cast(RoutedFleet, route.fleet) for route in routes]
        for fleet in fleets:
            self._adopt(fleet)
        with self._lock:
            # Under the lock: a change of an instance is either in these states or sent after them.
            command = _routes_command(key, routes, fleets)
            if routes:
                self._routes[key] = command
            else:
                self._routes.pop(key, None)
            heard = self._send(command)
        self._require(heard)

    def clear(self) -> None:
        """No endpoint is routed to any more; as `set_routes` without routes for each."""
        with self._lock:
            routed, self._routes = list(self._routes), {}
            told = [self._send(_routes_command(key, (), ())) for key in routed]
        deadline = time.monotonic() + CLEAR_SECONDS
        for heard in told:
            if not heard.wait(max(0.0, deadline - time.monotonic())):
                _log.error("the data plane does not answer: it is ended, and started again without routes")
                self._process.kill()
                return

    def close(self) -> None:
        """Ends the process; requests in progress are lost."""
        with self._lock:
            self._closing = True
            with contextlib.suppress(OSError):
                _pipe(self._process).close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    # --- fleets ------------------------------------------------------------------------------------------

    def _adopt(self, fleet: RoutedFleet) -> None:
        with self._lock:
            if id(fleet) in self._watched:
                return
            self._watched.add(id(fleet))
        ids = [state.id for state in fleet.states]

        def wait_idle(seconds: float) -> bool:
            with self._lock:
                self._watched.discard(id(fleet))
                heard = self._send({"op": "idle", "instances": ids})
            return heard.wait(seconds)

        fleet.wait_idle = wait_idle
        fleet.watch(self._instance_changed)

    def _instance_changed(self, state: InstanceState) -> None:
        with self._lock:
            for command in self._routes.values():  # so that a restarted process learns it too
                for route in command["routes"]:
                    for instance in route["instances"]:
                        if instance["id"] == state.id:
                            instance.update(_as_json(state))
            if not self._closing:
                self._send({"op": "instance", "instance": _as_json(state)})

    # --- the process -------------------------------------------------------------------------------------

    def _send(self, command: Mapping[str, Any]) -> threading.Event:
        """Call with the lock held. The event is set when the process has done it, or has been replaced by
        one that was told everything anew."""
        self._next_id += 1
        heard = self._waiting[self._next_id] = threading.Event()
        _write(self._process, {**command, "id": self._next_id})
        return heard

    def _tell_key(self, process: subprocess.Popen[str], key_id: str, lasting: bool = False) -> None:
        key = self._find_key(key_id)
        found = None if key is None else dataclasses.asdict(key)
        _write(process, {"op": "key", "find": key_id, "key": found, "lasting": lasting, "id": 0})

    def _require(self, heard: threading.Event) -> None:
        if not heard.wait(ACKNOWLEDGE_SECONDS):
            raise DataPlaneError(
                f"The data plane did not take new routes within {ACKNOWLEDGE_SECONDS:g} s; see {self._log}."
            )

    def _spawn(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "gluonship.local.serving.data_plane_server"]
        command += ["--port", str(self.port)]
        command += ["--timeout", str(self._timeout)]
        command += ["--limits", json.dumps(dataclasses.asdict(self._limits))]
        command += [] if self._also_port is None else ["--also-port", str(self._also_port)]
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1
            )
        first = process.stdout.readline() if process.stdout else ""
        if not first:
            process.wait(timeout=5)
            raise DataPlaneError(f"The data plane did not start on port {self.port}; see {self._log}.")
        self.port = int(json.loads(first)["port"])
        self._tell_key(process, self._home_key_id, lasting=True)
        threading.Thread(target=self._listen, args=(process,), name="data-plane", daemon=True).start()
        return process

    def _listen(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            message = json.loads(line)
            with self._lock:
                if "find" in message:
                    self._tell_key(process, message["find"])
                    continue
                heard = self._waiting.pop(message["id"], None)
            if heard is not None:
                heard.set()
        process.wait()
        successor = self._replace()
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            told: list[threading.Event] = []
            if successor is not None:
                self._process = successor
                if self._closing:
                    _pipe(successor).close()
                else:
                    told = [self._send(command) for command in self._routes.values()]
        for heard in told:
            heard.wait(ACKNOWLEDGE_SECONDS)
        # Whoever waits: the new process has all routes, and no request of the old one runs any more.
        for heard in waiting.values():
            heard.set()

    def _replace(self) -> subprocess.Popen[str] | None:
        """A new process, as soon as one starts; None when the cloud goes down."""
        while not self._closing:
            _log.error("the data plane's process ended; it is started again, see %s", self._log)
            try:
                return self._spawn()
            except (DataPlaneError, OSError) as error:
                _log.error("%s", error)
                time.sleep(_RESPAWN_SECONDS)
        return None


def _routes_command(
    key: tuple[str, str, str], routes: Sequence[Route], fleets: Sequence[RoutedFleet]
) -> dict[str, Any]:
    return {
        "op": "routes",
        "endpoint": key,
        "log_group": routes[0].fleet.plan.log_group if routes else "",
        "routes": [
            {
                "variant": route.variant_name,
                "weight": route.weight,
                "instances": [_as_json(state) for state in fleet.states],
            }
            for route, fleet in zip(routes, fleets, strict=True)
        ],
    }


def _as_json(state: InstanceState) -> dict[str, Any]:
    return {"id": state.id, "port": state.port, "ready": state.ready}


def _write(process: subprocess.Popen[str], message: Mapping[str, Any]) -> None:
    with contextlib.suppress(OSError):  # it is gone: the reader's thread notices and starts another
        pipe = _pipe(process)
        pipe.write(json.dumps(message) + "\n")
        pipe.flush()


def _pipe(process: subprocess.Popen[str]) -> Any:
    if process.stdin is None:
        raise RuntimeError("The data plane's process was started without a pipe.")
    return process.stdin
