"""What falls due when, on the cloud's clock."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime

from gluonship.local.contracts import Clock, Timer
from gluonship.local.events.recurrence import Recurrence

_log = logging.getLogger(__name__)

# A clock that jumps far ahead has many times behind it: these many are made up for, as AWS would have had
# them, and the rest is said in the log.
_MOST_MISSED = 1000


@dataclass
class _Entry:
    recurrence: Recurrence
    act: Callable[[datetime], None]
    end: datetime | None
    completed: Callable[[], None]
    timer: Timer | None = None
    missed: int = 0


class Timetable:
    """Entries by key: setting one replaces the one before, with all that was to come of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[Hashable, _Entry] = {}

    def set(
        self,
        key: Hashable,
        recurrence: Recurrence,
        act: Callable[[datetime], None],
        *,
        after: datetime | None = None,
        end: datetime | None = None,
        completed: Callable[[], None] = lambda: None,
    ) -> None:
        """`act(due)` on another thread each time that `recurrence` falls due after `after` (by default now)
        and not after `end`; `completed()` once nothing is to come any more."""
        entry = _Entry(recurrence, act, end, completed)
        with self._lock:
            self._drop(key)
            self._entries[key] = entry
            if not self._plan(key, entry, after or self._clock.now()):
                self._clock.call_later(0, completed)

    def remove(self, key: Hashable) -> None:
        with self._lock:
            self._drop(key)

    def close(self) -> None:
        with self._lock:
            for key in list(self._entries):
                self._drop(key)

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None and entry.timer is not None:
            entry.timer.cancel()

    def _plan(self, key: Hashable, entry: _Entry, after: datetime) -> bool:
        """Sets the timer for the next time; False where there is none, and the entry is gone."""
        now = self._clock.now()
        due = entry.recurrence.after(after)
        entry.missed = entry.missed + 1 if due is not None and due < now else 0
        if entry.missed > _MOST_MISSED:
            _log.warning(
                "%s: more than %d times were missed; those until now are left out", key, _MOST_MISSED
            )
            due = entry.recurrence.after(now)
            entry.missed = 0
        if due is None or (entry.end is not None and due > entry.end):
            del self._entries[key]
            return False
        act = functools.partial(self._fall_due, key, entry, due)
        entry.timer = self._clock.call_later((due - now).total_seconds(), act)
        return True

    def _fall_due(self, key: Hashable, entry: _Entry, due: datetime) -> None:
        if not self._is_current(key, entry):
            return
        try:
            entry.act(due)
        except Exception:  # noqa: BLE001 - one time that fails must not be the last
            _log.exception("%s, due at %s", key, due)
        with self._lock:
            if self._entries.get(key) is not entry or self._plan(key, entry, due):
                return
        entry.completed()

    def _is_current(self, key: Hashable, entry: _Entry) -> bool:
        with self._lock:
            return self._entries.get(key) is entry
