"""Where requests wait while the account is emptied: each is executed whole, before it or after it."""

from __future__ import annotations

import contextlib
import enum
import select
import threading
from collections.abc import Iterator, Mapping
from typing import Any

LIFE_HEADER = "X-Gluonship-Life"
_LIFE = "HTTP_X_GLUONSHIP_LIFE"


class Entry(enum.Enum):
    """How a request came to the gate."""

    OTHER = "other"  # a client's
    OWN = "own"  # of a part of the cloud, which carries the token of the account's present life
    OUTDATED = "outdated"  # of a part of the cloud whose account is gone
    LEFT = "left"  # its sender ended while it waited: a container of the account that is gone, for one


EXECUTED = (Entry.OTHER, Entry.OWN)


class Gate:
    """Open until `shut`. The cloud's own requests pass also then: those who are inside may wait for them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._shut = False
        self._inside = {Entry.OTHER: 0, Entry.OWN: 0}
        self.waiting = 0  # requests at the shut gate
        self.life = ""  # the token; changed only while it is shut

    @contextlib.contextmanager
    def passing(self, environ: Mapping[str, Any]) -> Iterator[Entry]:
        """One request; the block executes it where the entry is one of EXECUTED."""
        entry = self._enter(environ)
        try:
            yield entry
        finally:
            if entry in EXECUTED:
                with self._changed:
                    self._inside[entry] -= 1
                    self._changed.notify_all()

    def _enter(self, environ: Mapping[str, Any]) -> Entry:
        life = environ.get(_LIFE)
        with self._changed:
            if life is not None:
                entry = Entry.OWN if life == self.life else Entry.OUTDATED
            elif not self._shut:
                entry = Entry.OTHER
            else:
                self.waiting += 1
                self._changed.wait_for(lambda: not self._shut)
                self.waiting -= 1
                entry = Entry.LEFT if _left(environ) else Entry.OTHER
            if entry in EXECUTED:
                self._inside[entry] += 1
        return entry

    @contextlib.contextmanager
    def shut(self) -> Iterator[None]:
        """Whoever comes during the block waits for its end."""
        with self._changed:
            self._shut = True
        try:
            yield
        finally:
            with self._changed:
                self._shut = False
                self._changed.notify_all()

    def await_others(self, seconds: float) -> bool:
        """Until no request but the cloud's own is inside; False after so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._inside[Entry.OTHER], seconds)

    def await_all(self, seconds: float) -> bool:
        """Until no request at all is inside; False after so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(self._inside.values()), seconds)


def _left(environ: Mapping[str, Any]) -> bool:
    """Whether the sender has closed its connection; a body that is not read yet hides it from a read only."""
    connection = environ.get("werkzeug.socket")
    if connection is None:
        return False
    poll = select.poll()
    poll.register(connection, getattr(select, "POLLRDHUP", 0))  # hang-ups and errors are told unasked
    return bool(poll.poll(0))
