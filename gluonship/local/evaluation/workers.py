"""The workers: as many as are needed, some at most; one that went over its limits is replaced."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from gluonship.local.evaluation.failures import Cancelled, EvaluationFailed
from gluonship.local.evaluation.turns import Turns
from gluonship.local.evaluation.worker_process import WorkerProcess

_T = TypeVar("_T")
Register = Callable[[Callable[[], None]], Callable[[], None]]
"""Has a listener called once, when an evaluation is not wanted any more; the result takes it off again."""

_SIZE = 6
_MOST = 2  # for one owner
_IDLE = 2  # kept for the next question


class Workers:
    """Starts its first process with the first question; most clouds never ask one."""

    def __init__(self) -> None:
        self._turns = Turns(_SIZE, _MOST)
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._closed = False

    def evaluate(
        self,
        function: Callable[..., _T],
        *arguments: Any,
        seconds: float,
        owner: str,
        cancel: Register | None = None,
    ) -> _T:
        """The value of a function of this package, called in a worker with `seconds` of processor time.

        Arguments and value are JSON. `owner` is whose expression it is. Raises EvaluationFailed, and
        Cancelled when what was given to `cancel` is called.
        """
        try:
            question = json.dumps(
                {
                    "function": f"{function.__module__}:{function.__qualname__}",
                    "arguments": arguments,
                    "seconds": seconds,
                }
            ).encode("ascii")
        except RecursionError:
            raise EvaluationFailed("What it works on is nested too deeply.") from None
        turn = self._turns.take(owner)
        asking = _Asking()

        def give_up() -> None:
            self._turns.give_up(turn)
            asking.cancel()

        leave = cancel(give_up) if cancel is not None else lambda: None
        try:
            turn.given.wait()
            if turn.given_up:
                raise Cancelled
            try:
                value: _T = self._ask(question + b"\n", seconds, asking)
            finally:
                self._turns.end(turn)
        finally:
            leave()
        return value

    def close(self) -> None:
        """Ends all workers; whoever waits for one hears so, and nobody gets a new one."""
        with self._lock:
            self._closed = True
        self.end_all()

    def end_all(self) -> None:
        """Ends all workers with what they work on. Who asks afterwards gets a new one."""
        with self._lock:
            idle, self._idle = self._idle, []
            for worker in self._busy:
                worker.kill()  # who asked it closes it
        for worker in idle:
            worker.close()

    def _ask(self, question: bytes, seconds: float, asking: _Asking) -> Any:
        asking.check()
        worker = self._worker()
        good = False
        try:
            asking.begin(worker)
            value = worker.ask(question, seconds)
            good = True
        except EvaluationFailed:
            asking.check()
            raise
        finally:
            good = asking.end() and good
            self._put_back(worker, good)
        return value

    def _worker(self) -> WorkerProcess:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.lives():
                    self._busy.add(worker)
                    return worker
                worker.close()
        try:
            worker = WorkerProcess()
        except OSError as error:
            raise EvaluationFailed(
                f"This machine could start no process for it: {error.strerror}."
            ) from error
        with self._lock:
            self._busy.add(worker)
            if self._closed:
                worker.kill()
        return worker

    def _put_back(self, worker: WorkerProcess, good: bool) -> None:
        with self._lock:
            self._busy.discard(worker)
            if good and not self._closed and len(self._idle) < _IDLE:
                self._idle.append(worker)
                return
        worker.close()


class _Asking:
    """One question's worker, while it has one; a cancelled question ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: WorkerProcess | None = None
        self._cancelled = False

    def begin(self, worker: WorkerProcess) -> None:
        with self._lock:
            self.check()
            self._worker = worker

    def end(self) -> bool:
        """Whether nobody has cancelled it."""
        with self._lock:
            self._worker = None
            return not self._cancelled

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            if self._worker is not None:
                self._worker.kill()

    def check(self) -> None:
        if self._cancelled:
            raise Cancelled
