"""A running container: a shim process, its output line by line, its memory, its end."""

from __future__ import annotations

import collections
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence

from gluonship.local.contracts import ContainerSpec, Exit, ExitCause
from gluonship.local.execution import memory
from gluonship.local.execution.failures import MEMORY_LINE
from gluonship.local.execution.lines import LineSplitter
from gluonship.local.execution.shim import send
from gluonship.local.execution.shim_process import Report, ShimFailed, ShimProcess

_log = logging.getLogger(__name__)

MARKER = "GLUONSHIP_CONTAINER"  # in every process's environment: how to find them if the shim dies
_SAMPLE_SECONDS = 0.25
_DRAIN_SECONDS = 5.0  # output still held open by somebody outside the container is not waited for
_LAST_LINES, _LAST_LINE_LENGTH = 60, 2000


class ProcessContainer:
    """See contracts.Container. `on_end` gets the Exit before anybody who waits, and may add to it."""

    def __init__(
        self,
        spec: ContainerSpec,
        shim: ShimProcess,
        marker: str,
        on_line: Callable[[str], None],
        on_end: Callable[[Exit], Exit],
    ) -> None:
        self.spec = spec
        self._shim = shim
        self._marker = marker
        self._on_line = on_line
        self._on_end = on_end
        self._last: collections.deque[str] = collections.deque(maxlen=_LAST_LINES)
        self._cause: ExitCause | None = None  # why this cloud ended it
        self._exit: Exit | None = None
        self._ended = threading.Event()
        self._told = 0  # lines
        self._reader = threading.Thread(target=self._read, name=f"output-{spec.name}", daemon=True)
        self._reader.start()
        threading.Thread(target=self._watch, name=f"container-{spec.name}", daemon=True).start()

    @property
    def pids(self) -> Sequence[int]:
        return [] if self._ended.is_set() else self._shim.pids

    def poll(self) -> Exit | None:
        return self._exit if self._ended.is_set() else None

    def wait(self, timeout: float | None = None) -> Exit | None:
        self._ended.wait(timeout)
        return self.poll()

    def stop(self, grace_seconds: float) -> Exit:
        self._cause = self._cause or ExitCause.STOPPED
        self._shim.terminate()
        return self.wait(grace_seconds) or self.kill()

    def kill(self) -> Exit:
        self._cause = self._cause or ExitCause.STOPPED
        self._shim.kill()
        self._ended.wait()
        assert self._exit is not None
        return self._exit

    def _read(self) -> None:
        splitter = LineSplitter()
        with self._shim.take_output() as output:
            while chunk := output.read(65536):
                for line in splitter.feed(chunk):
                    self._tell(line)
        for line in splitter.finish():
            self._tell(line)

    def _tell(self, line: str) -> None:
        self._told += 1
        if self._ended.is_set():
            return  # from a process outside the container that still holds its output
        self._last.append(line[:_LAST_LINE_LENGTH])
        try:
            self._on_line(line)
        except Exception:  # noqa: BLE001 - whatever a listener does, the output must be drained
            _log.exception("a listener to the output of %s failed", self.spec.name)

    def _watch(self) -> None:
        try:
            ended = self._conclude(self._report())
        except ShimFailed as error:
            _log.warning("container %s: %s", self.spec.name, error)
            self._kill_marked()
            ended = Exit(128 + signal.SIGKILL, self._cause or ExitCause.SIGNALLED)
        self._drain()
        self._shim.close()
        ended = Exit(ended.code, ended.cause, tuple(self._last))
        try:
            ended = self._on_end(ended)
        except Exception:  # noqa: BLE001 - it is somebody else's code
            _log.exception("cleaning up after container %s failed", self.spec.name)
        self._exit = ended
        self._ended.set()

    def _drain(self) -> None:
        """Waits for the rest of the output, as long as some comes."""
        told = -1
        while self._reader.is_alive() and told != self._told:
            told = self._told
            self._reader.join(_DRAIN_SECONDS)

    def _report(self) -> Report:
        limit = self.spec.memory_limit_bytes
        while True:
            report = self._shim.wait_report(None if limit is None else _SAMPLE_SECONDS)
            if report is not None:
                return report
            held = None if limit is None else self._sample(limit)
            if held is not None and self._cause is None:
                self._cause = ExitCause.MEMORY
                self._tell(
                    f"{MEMORY_LINE}: its processes hold {held // 2**20} MiB, more than the limit of "
                    f"{(limit or 0) // 2**20} MiB (GLUONSHIP_MEMORY_LIMIT_BYTES)"
                )
                self._shim.kill()

    def _sample(self, limit: int) -> int | None:
        try:
            return memory.exceeds(self._shim.pids, limit)
        except OSError as error:  # no descriptor is free, for one: the next sample may be had
            _log.warning("the memory of container %s cannot be seen now: %s", self.spec.name, error)
            return None

    def _conclude(self, report: Report) -> Exit:
        code = os.waitstatus_to_exitcode(report.status)
        if self._cause is ExitCause.MEMORY:
            return Exit(128 + signal.SIGKILL, ExitCause.MEMORY)
        if code < 0:
            return Exit(128 - code, self._cause or ExitCause.SIGNALLED)
        return Exit(code, self._cause or ExitCause.EXITED)

    def _kill_marked(self) -> None:
        """The shim was killed, and the main process with it; this finds what they had started."""
        wanted = f"{MARKER}={self._marker}".encode()
        deadline = time.monotonic() + _DRAIN_SECONDS
        while time.monotonic() < deadline:
            found = [pid for pid in _all_pids() if wanted in _environment(pid)]
            if not found:
                return
            send(found, signal.SIGKILL)
            time.sleep(0.01)


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:  # ended, or somebody else's
        return []
