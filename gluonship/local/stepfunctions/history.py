"""The events of one execution, as GetExecutionHistory shows them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from gluonship.local.contracts import Clock

_SHARED = {"StateEntered": "stateEnteredEventDetails", "StateExited": "stateExitedEventDetails"}


class History:
    """Threads of one execution write it; whoever asks reads it."""

    def __init__(self, clock: Clock, listener: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        """`listener` hears of every event, on the thread that writes it."""
        self._clock = clock
        self._lock = threading.Lock()
        self._events: list[dict[str, Any]] = []
        self._listener = listener

    def add(self, kind: str, previous: int, details: Mapping[str, Any] | None = None) -> int:
        """Writes an event of an AWS type and returns its id; `previous` is the id it follows."""
        with self._lock:
            event: dict[str, Any] = {
                "timestamp": self._clock.now(),
                "type": kind,
                "id": len(self._events) + 1,
                "previousEventId": previous,
            }
            if details:
                event[details_member(kind)] = dict(details)
            self._events.append(event)
            if self._listener is not None:
                self._listener(event)
        return int(event["id"])

    def events(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._events)


def details_member(kind: str) -> str:
    """The member of an event that holds its details: taskFailedEventDetails of TaskFailed."""
    for ending, member in _SHARED.items():
        if kind.endswith(ending):
            return member
    return f"{kind[0].lower()}{kind[1:]}EventDetails"
