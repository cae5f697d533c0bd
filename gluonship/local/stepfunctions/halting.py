"""Ending what runs: an execution, its branches and its tasks form a tree, and a halt goes down it."""

from __future__ import annotations

import enum
import itertools
import threading
from collections.abc import Callable

from gluonship.local.contracts import Clock


class Reason(enum.Enum):
    STOPPED = "stopped"  # by StopExecution, or because the cloud ends
    TIMED_OUT = "timed out"  # its TimeoutSeconds passed
    SIBLING = "sibling"  # another branch failed
    FULL = "full"  # its history has no room for more events


class HaltedError(Exception):
    """What runs must end now. Not a failure of the state: no Retry and no Catch sees it."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Halt:
    """The switch of one part of an execution. Once thrown it stays, and everything below is thrown too."""

    def __init__(self, parent: Halt | None = None) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count()
        self._reason: Reason | None = None
        self._over = False
        self._leave: Callable[[], None] = lambda: None
        if parent is not None:
            self._leave = parent.on_halt(lambda: self._follow(parent))

    @property
    def reason(self) -> Reason | None:
        return self._reason

    def halt(self, reason: Reason) -> None:
        with self._lock:
            if self._over or self._reason is not None:
                return
            self._reason = reason
            listeners = list(self._listeners.values())
        for listener in listeners:
            listener()

    def check(self) -> None:
        """Raises HaltedError when the switch is thrown."""
        if self._reason is not None:
            raise HaltedError(self._reason)

    def end(self) -> None:
        """What it was for has ended: nothing throws it any more. Raises HaltedError when it is thrown."""
        with self._lock:
            self._over = self._reason is None
        self.check()

    def on_halt(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener` once, at the halt, or now if it is past; the result takes it off the list."""
        with self._lock:
            number = next(self._numbers)
            past = self._reason is not None
            if not past:
                self._listeners[number] = listener
        if past:
            listener()

        def remove() -> None:
            with self._lock:
                self._listeners.pop(number, None)

        return remove

    def close(self) -> None:
        """Leaves the parent; for a part that has ended."""
        self._leave()

    def _follow(self, parent: Halt) -> None:
        self.halt(parent.reason or Reason.STOPPED)


def wait(event: threading.Event, halt: Halt) -> None:
    """Until the event is set. Raises HaltedError."""
    remove = halt.on_halt(event.set)
    try:
        event.wait()
    finally:
        remove()
    halt.check()


def pause(seconds: float, clock: Clock, halt: Halt) -> None:
    """Until so many seconds have passed on the cloud's clock. Raises HaltedError."""
    if seconds <= 0:
        halt.check()
        return
    over = threading.Event()
    timer = clock.call_later(seconds, over.set)
    try:
        wait(over, halt)
    finally:
        timer.cancel()
