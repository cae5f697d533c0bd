"""A shim process, from the cloud's side: starts it, gives it orders, reads its reports."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from gluonship.local.execution import shim as shim_module
from gluonship.local.execution.shim import descendants

_START_SECONDS = 60.0  # a Python process; long only on a machine that is out of memory or very busy


class ShimFailed(RuntimeError):
    """The container could not be started; the message says why."""


@dataclass(frozen=True)
class Report:
    status: int  # as os.wait gives it
    leftovers: int  # processes that the main one left behind, killed by the shim


class ShimProcess:
    """Owns the two pipes. When this process dies, the kernel closes them, and the shim kills all."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], cwd: Path, private_root: Path | None
    ) -> None:
        """Returns when the main process runs. Raises ShimFailed."""
        self._status, written = os.pipe()
        self._buffer = b""
        self._orders_lock = threading.Lock()
        try:
            self._process = subprocess.Popen(
                # The base interpreter: a container may live in an environment of its own, and so may this.
                [sys._base_executable, "-I", "-S", shim_module.__file__, str(written)],  # type: ignore[attr-defined]
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                pass_fds=[written],
                start_new_session=True,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            )
        except OSError:
            os.close(self._status)
            raise
        finally:
            os.close(written)
        spec = {
            "argv": list(argv),
            "env": dict(environment),
            "cwd": str(cwd),
            "root": None if private_root is None else str(private_root),
        }
        payload = json.dumps(spec).encode()
        self._order(b"%08x" % len(payload) + payload)
        started = self._read(_START_SECONDS)
        if started is None or "pid" not in started:
            reason = "the shim did not answer" if started is None else str(started["failed"])
            self.close()
            raise ShimFailed(reason)
        self.main_pid: int = started["pid"]

    def take_output(self) -> IO[bytes]:
        """The container's stdout and stderr, unbuffered; the taker closes it."""
        stream, self._process.stdout = self._process.stdout, None
        assert stream is not None
        return stream

    @property
    def pids(self) -> list[int]:
        return descendants(self._process.pid)

    def terminate(self) -> None:
        self._order(b"t")

    def kill(self) -> None:
        self._order(b"k")

    def wait_report(self, timeout: float | None) -> Report | None:
        """The end of the container; None when `timeout` seconds have passed. Raises ShimFailed when the
        shim itself has died."""
        message = self._read(timeout)
        if message is None:
            return None
        if "failed" in message:
            raise ShimFailed(message["failed"])
        return Report(message["status"], message["leftovers"])

    def close(self) -> None:
        """Ends what still runs, and gives back the descriptors (but not a taken output)."""
        with self._orders_lock, contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(_START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        os.close(self._status)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _order(self, message: bytes) -> None:
        # A shim that has ended takes no orders, and needs none.
        with self._orders_lock, contextlib.suppress(BrokenPipeError, ValueError):
            assert self._process.stdin is not None
            remaining = memoryview(message)
            while remaining:
                remaining = remaining[self._process.stdin.write(remaining) :]

    def _read(self, timeout: float | None) -> dict[str, Any] | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while b"\n" not in self._buffer:
            remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
            # poll, not select: a cloud with many connections has descriptors above 1,024.
            poller = select.poll()
            poller.register(self._status, select.POLLIN | select.POLLHUP)
            if not poller.poll(None if remaining is None else remaining * 1000):
                return None
            chunk = os.read(self._status, 4096)
            if not chunk:
                return {"failed": "its supervising process was killed"}
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message
