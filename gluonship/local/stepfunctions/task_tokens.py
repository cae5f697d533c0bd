"""Tasks that wait for somebody's answer: .waitForTaskToken, with heartbeats on the cloud's clock.

AWS: "Wait for a Callback with Task Token".
"""

from __future__ import annotations

import threading
import uuid
from typing import Any

from gluonship.local.contracts import AwsError, Clock, Handler, Scope, Timer
from gluonship.local.stepfunctions.failures import HEARTBEAT, TIMEOUT, StatesError
from gluonship.local.stepfunctions.halting import Halt, wait
from gluonship.local.stepfunctions.json_text import read

_REMEMBERED = 10_000  # tokens of tasks that are over, which are told from tokens that never were


class PendingTask:
    """One task with its token, until somebody answers, its heartbeats stop or nobody waits any more."""

    def __init__(self, token: str, clock: Clock) -> None:
        self.token = token
        self._clock = clock
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._over = False
        self._outcome: Any = None
        self._failure: StatesError | None = None
        self._heartbeat_seconds: float | None = None
        self._timer: Timer | None = None

    @property
    def over(self) -> bool:
        return self._over

    def expect_heartbeats(self, seconds: float | None) -> None:
        """From now on one at least every so many seconds."""
        self._heartbeat_seconds = seconds
        self.heartbeat()

    def heartbeat(self) -> None:
        with self._lock:
            if self._heartbeat_seconds is None or self._over:
                return
            self._cancel()
            late = StatesError(TIMEOUT, None, also=HEARTBEAT)
            self._timer = self._clock.call_later(self._heartbeat_seconds, lambda: self.fail(late))

    def succeed(self, output: Any) -> None:
        self._end(output, None)

    def fail(self, error: StatesError) -> None:
        self._end(None, error)

    def wait(self, halt: Halt) -> Any:
        """The answer. Raises StatesError, HaltedError."""
        wait(self._woken, halt)
        if self._failure is not None:
            raise self._failure
        return self._outcome

    def _end(self, outcome: Any, failure: StatesError | None) -> None:
        with self._lock:
            if self._over:
                return
            self._over = True
            self._outcome, self._failure = outcome, failure
            self._cancel()
        self._woken.set()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class TaskTokens:
    """The tasks that wait, by token, with the operations that answer them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pending: dict[str, PendingTask] = {}
        self._over: dict[str, None] = {}  # in their order

    def new(self) -> PendingTask:
        task = PendingTask(f"AQC{uuid.uuid4().hex}{uuid.uuid4().hex}", self._clock)
        with self._lock:
            self._pending[task.token] = task
        return task

    def forget(self, task: PendingTask) -> None:
        task.fail(StatesError(TIMEOUT))  # whoever answers now is told that nobody waits
        with self._lock:
            self._pending.pop(task.token, None)
            self._over[task.token] = None
            if len(self._over) > _REMEMBERED:
                del self._over[next(iter(self._over))]

    def operations(self) -> dict[str, Handler]:
        return {
            "SendTaskSuccess": self._success,
            "SendTaskFailure": self._failure,
            "SendTaskHeartbeat": self._heartbeat,
        }

    def _success(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        try:
            output = read(request["output"])
        except ValueError as error:
            raise AwsError("InvalidOutput", f"Invalid Output: 'Malformed JSON: {error}'") from None
        self._find(request).succeed(output)
        return {}

    def _failure(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        self._find(request).fail(StatesError(request.get("error"), request.get("cause")))
        return {}

    def _heartbeat(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        self._find(request).heartbeat()
        return {}

    def _find(self, request: dict[str, Any]) -> PendingTask:
        token = request["taskToken"]
        with self._lock:
            task = self._pending.get(token)
            over = token in self._over
        if task is not None and not task.over:
            return task
        if task is not None or over:
            raise AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")
