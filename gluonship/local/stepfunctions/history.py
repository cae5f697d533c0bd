"""The events of one execution, as GetExecutionHistory shows them.

AWS: "Service quotas": an execution of a standard machine fails at 25,000 events.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from gluonship.local.contracts import Clock

MOST_EVENTS = 25_000
ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")
_SHARED = {"StateEntered": "stateEnteredEventDetails", "StateExited": "stateExitedEventDetails"}


class History:
    """Threads of one execution write it; whoever asks reads it."""

    def __init__(
        self,
        clock: Clock,
        listener: Callable[[Mapping[str, Any]], None] | None = None,
        *,
        kept: bool,
        on_full: Callable[[], None],
    ) -> None:
        """`listener` hears of every event, on the thread that writes it. `kept`: whether anybody can read it
        later; then there is a limit, and `on_full` is told when it is reached."""
        self._clock = clock
        self._kept = kept
        self._on_full = on_full
        self._count = 0
        self._lock = threading.Lock()
        self._events: list[dict[str, Any]] = []
        self._listener = listener

    def add(self, kind: str, previous: int, details: Mapping[str, Any] | None = None) -> int:
        """Writes an event of an AWS type and returns its id; `previous` is the id it follows. The last event
        that there is room for is the execution's end: before it, what is too much is left out."""
        room = MOST_EVENTS if kind in ENDS else MOST_EVENTS - 1
        with self._lock:
            full = self._kept and self._count >= room
            if not full:
                self._count += 1
                self._write(kind, self._count, previous, details)
                return self._count
        self._on_full()
        return previous

    def _write(self, kind: str, number: int, previous: int, details: Mapping[str, Any] | None) -> None:
        event: dict[str, Any] = {
            "timestamp": self._clock.now(),
            "type": kind,
            "id": number,
            "previousEventId": previous,
        }
        if details:
            event[details_member(kind)] = dict(details)
        if self._kept:
            self._events.append(event)
        if self._listener is not None:
            self._listener(event)

    def events(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._events)


def details_member(kind: str) -> str:
    """The member of an event that holds its details: taskFailedEventDetails of TaskFailed."""
    for ending, member in _SHARED.items():
        if kind.endswith(ending):
            return member
    return f"{kind[0].lower()}{kind[1:]}EventDetails"
