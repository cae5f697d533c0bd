"""A worker process, from the cloud's side: asks one question at a time and hears what became of it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any

from gluonship.local.evaluation import marks
from gluonship.local.evaluation.failures import EvaluationFailed

_PATIENCE_SECONDS = 120.0  # of the clock on the wall, for a machine that has other things to do
_END_SECONDS = 5.0
_PYTHONS_OWN = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")  # of the cloud's variables; it needs no other


class WorkerProcess:
    """It inherits nothing of the cloud's but its error output. Raises OSError where none can be started."""

    def __init__(self) -> None:
        self._marks = os.memfd_create("gluonship-marks")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-m", "gluonship.local.evaluation.worker", str(self._marks)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                cwd="/",
                env={name: os.environ[name] for name in _PYTHONS_OWN if name in os.environ},
                pass_fds=[self._marks],
            )
        except OSError:
            os.close(self._marks)
            raise
        self._rest = b""

    def lives(self) -> bool:
        return self._process.poll() is None

    def ask(self, question: bytes, seconds: float) -> Any:
        """The function's value. Raises EvaluationFailed; this worker is of no more use then."""
        os.ftruncate(self._marks, 0)
        try:
            self._write(question)
            answer = json.loads(self._line())
        except TimeoutError:
            answer = {"failed": f"It had no result in {_PATIENCE_SECONDS:g} s."}
        except (EOFError, OSError):
            answer = {"failed": self._end(seconds)}
        if "failed" in answer:
            raise EvaluationFailed(answer["failed"], marks.read(self._marks))
        return answer["value"]

    def kill(self) -> None:
        """At once, from whatever thread; who waits for an answer hears that there is none."""
        self._process.kill()

    def close(self) -> None:
        """Ends it, and gives back the descriptors."""
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        os.close(self._marks)

    def _write(self, question: bytes) -> None:
        assert self._process.stdin is not None
        remaining = memoryview(question)
        while remaining:
            remaining = remaining[self._process.stdin.write(remaining) :]

    def _line(self) -> bytes:
        patience = time.monotonic() + _PATIENCE_SECONDS
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        while b"\n" not in self._rest:
            if not waiting.poll(max(0.0, patience - time.monotonic()) * 1000):
                raise TimeoutError
            chunk = os.read(descriptor, 2**20)
            if not chunk:
                raise EOFError
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _end(self, seconds: float) -> str:
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return "Its process does not answer."
        if code == -signal.SIGPROF:
            return f"It took more than {seconds:g} s of processor time: does it repeat itself without end?"
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"Its process ended ({name})."
