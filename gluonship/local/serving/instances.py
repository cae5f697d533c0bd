"""One endpoint instance: a container that answers /ping, and a thread that starts it again when it dies."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gluonship.local.contracts import Container, ContainerSpec, ImageUnknown, LogStream, Runtime, StartFailed
from gluonship.local.serving.health import HealthRules, ping

_KEPT_LINES = 20
_PROBE_PAUSE = 0.1  # seconds between two probes of a container that is coming up


@dataclass(frozen=True)
class InstanceState:
    """What the data plane must know of an instance."""

    id: str
    port: int
    ready: bool


class NotHealthy(Exception):
    """The container ended, or never answered /ping; `last_lines` are the end of its output."""

    def __init__(self, reason: str, last_lines: Sequence[str]) -> None:
        super().__init__(reason)
        self.last_lines = tuple(last_lines)


class Instance:
    """Made, then `start`ed, then `wait_ready`; from `supervise` on it keeps itself alive until `stop`."""

    def __init__(
        self, instance_id: str, spec: ContainerSpec, runtime: Runtime, log: LogStream, rules: HealthRules
    ) -> None:
        if spec.port is None:
            raise ValueError(f"The container {spec.name} has no port to serve on.")
        self.id = instance_id
        self._spec = spec
        self._port = spec.port
        self._runtime = runtime
        self._log = log
        self._rules = rules
        self._container: Container | None = None
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._ready = False
        self._stopping = threading.Event()
        self._stop_lock = threading.Lock()
        self._stopped = False
        self._listener: Callable[[InstanceState], None] | None = None
        self._supervisor: threading.Thread | None = None

    @property
    def state(self) -> InstanceState:
        return InstanceState(self.id, self._port, self._ready)

    def watch(self, listener: Callable[[InstanceState], None]) -> None:
        """`listener` is called whenever the instance leaves service or comes back."""
        self._listener = listener

    def start(self) -> None:
        """Starts the container. Raises what Runtime.start raises."""
        self._last_lines.clear()
        self._container = self._runtime.start(self._spec, self._write)

    def wait_ready(self, expired: Callable[[], bool]) -> None:
        """Returns when /ping answers 200. Raises NotHealthy when the container ended or `expired()`."""
        container = self._require_container()
        while not ping(self._port):
            exit_ = container.poll()
            if exit_ is not None:
                lines = [*(exit_.last_lines or self._last_lines), *([exit_.hint] if exit_.hint else [])]
                raise NotHealthy(f"the container exited with code {exit_.code}", lines)
            if expired() or self._stopping.is_set():
                raise NotHealthy("the container did not answer /ping with 200 in time", self._last_lines)
            self._stopping.wait(_PROBE_PAUSE)
        self._set_ready(True)

    def supervise(self, startup_seconds: float) -> None:
        """From now on the container is started again when it dies."""
        self._supervisor = threading.Thread(
            target=self._keep_alive, args=(startup_seconds,), name=f"supervise-{self.id}", daemon=True
        )
        self._supervisor.start()

    def stop(self, grace_seconds: float) -> None:
        """SIGTERM, then SIGKILL after `grace_seconds`; returns when it is gone and its log complete. Once:
        what is stopped stays so."""
        with self._stop_lock:
            if not self._stopped:
                self._stop(grace_seconds)
                self._stopped = True

    def _stop(self, grace_seconds: float) -> None:
        self._stopping.set()
        if self._supervisor is not None:
            self._supervisor.join()
        if self._container is not None:
            if grace_seconds > 0:
                self._container.stop(grace_seconds)
            else:
                self._container.kill()
        self._set_ready(False)
        self._log.close()

    # --- the supervisor's thread -------------------------------------------------------------------------

    def _keep_alive(self, startup_seconds: float) -> None:
        backoff = self._rules.first_backoff
        while not self._stopping.is_set():
            lived_since = time.monotonic()
            reason = self._watch_container()
            if reason is None:
                return
            self._set_ready(False)
            if time.monotonic() - lived_since > self._rules.longest_backoff:
                backoff = self._rules.first_backoff
            self._write(f"[local cloud] {reason}; it is started again in {backoff:g} s.")
            if self._stopping.wait(backoff):
                return
            backoff = min(2 * backoff, self._rules.longest_backoff)
            self._restart(startup_seconds)

    def _watch_container(self) -> str | None:
        """Blocks until the container must be started again, and says why; None when it is being stopped."""
        container = self._require_container()
        answered = next_probe = time.monotonic()
        while not self._stopping.is_set():
            exit_ = container.poll()
            if exit_ is not None:
                return f"The container exited with code {exit_.code} ({exit_.cause.value})"
            now = time.monotonic()
            if now >= next_probe:
                if ping(self._port):
                    answered = time.monotonic()
                    self._set_ready(True)
                elif now - answered > self._rules.replaced_after:
                    container.kill()
                    return f"The container did not answer /ping for {now - answered:.0f} s and was killed"
                elif now - answered > self._rules.unready_after:
                    self._set_ready(False)
                next_probe = time.monotonic() + self._rules.interval
            self._stopping.wait(_PROBE_PAUSE)
        return None

    def _restart(self, startup_seconds: float) -> None:
        deadline = time.monotonic() + startup_seconds
        try:
            self.start()
            self.wait_ready(lambda: time.monotonic() > deadline)
        except (NotHealthy, ImageUnknown, StartFailed, OSError) as error:
            self._write(f"[local cloud] The container did not come back: {error}.")
            # _watch_container sees that it ended; one that lives but is silent is ended here.
            if self._container is not None and self._container.poll() is None:
                self._container.kill()

    def _set_ready(self, ready: bool) -> None:
        if ready != self._ready:
            self._ready = ready
            if self._listener is not None:
                self._listener(self.state)

    def _write(self, line: str) -> None:
        self._last_lines.append(line)
        with contextlib.suppress(ValueError):  # the log may be closed while a last line arrives
            self._log.write(line)

    def _require_container(self) -> Container:
        if self._container is None:
            raise RuntimeError(f"Instance {self.id} was never started.")
        return self._container
