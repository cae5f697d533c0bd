"""The cloud's clock: real time plus what was advanced: contracts.Clock."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_log = logging.getLogger(__name__)

_LONGEST_WAIT_SECONDS = 3600.0  # threads cannot wait for centuries; after it, what is due is looked at again
_FEW_TIMERS = 64  # so many are not worth looking through for cancelled ones


@dataclass(order=True)
class _Timer:
    due: float  # on the clock's own monotonic time
    number: int  # of two that are due together, the earlier made goes first
    action: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True
        self.action = _nothing  # and what the action holds: the timer may be due in a day


def _nothing() -> None:
    pass


class SystemClock:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._offset = 0.0
        self._timers: list[_Timer] = []
        self._most = _FEW_TIMERS  # timers, before the cancelled ones are thrown out
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._offset)

    def call_later(self, seconds: float, action: Callable[[], None]) -> _Timer:
        with self._changed:
            timer = _Timer(self._elapsed() + max(0.0, seconds), next(self._numbers), action)
            if len(self._timers) >= self._most:
                self._timers = [each for each in self._timers if not each.cancelled]
                heapq.heapify(self._timers)
                self._most = max(_FEW_TIMERS, 2 * len(self._timers))
            heapq.heappush(self._timers, timer)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
                self._thread.start()
            self._changed.notify()
        return timer

    def advance(self, seconds: float) -> None:
        """Time is `seconds` later now; the timers that are due thereby fire at once, in order.

        Raises ValueError for a negative number: time does not go back.
        """
        if seconds < 0:
            raise ValueError(f"a clock goes forward: {seconds} s")
        with self._changed:
            self._offset += seconds
            self._changed.notify()

    def _elapsed(self) -> float:
        return time.monotonic() + self._offset

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._timers or self._timers[0].due > self._elapsed():
                    wait = self._timers[0].due - self._elapsed() if self._timers else _LONGEST_WAIT_SECONDS
                    self._changed.wait(min(wait, _LONGEST_WAIT_SECONDS))
                timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                # A thread of its own: an action may take its time, and others are due.
                threading.Thread(target=_act, args=(timer,), name="timer", daemon=True).start()


def _act(timer: _Timer) -> None:
    if timer.cancelled:
        return
    try:
        timer.action()
    except Exception:  # noqa: BLE001 - it is somebody else's code
        _log.exception("a timer's action failed")
