"""The stream of state changes: contracts.Events."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from gluonship.local.contracts import StateChange

_log = logging.getLogger(__name__)

Listener = Callable[[StateChange], None]


class EventStream:
    """One thread delivers, in the order of publication: who publishes never waits for who listens, and
    may hold locks of its own meanwhile."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[tuple[StateChange, list[Listener]] | threading.Event | None] = (
            queue.SimpleQueue()
        )
        self._thread: threading.Thread | None = None

    def publish(self, change: StateChange) -> None:
        with self._lock:  # who listens now gets it, and nobody who comes later
            if self._listeners:
                self._waiting.put((change, list(self._listeners)))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        with self._lock:
            self._listeners.append(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def settle(self, timeout: float | None = None) -> bool:
        """Waits until all that was published before has been delivered; False when `timeout` has passed."""
        if self._thread is None:
            return True
        reached = threading.Event()
        self._waiting.put(reached)
        return reached.wait(timeout)

    def close(self) -> None:
        """Nobody is told anything any more."""
        with self._lock:
            self._listeners.clear()
        self._waiting.put(None)

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
                continue
            change, listeners = item
            for listener in listeners:
                try:
                    listener(change)
                except Exception:  # noqa: BLE001 - one listener's fault is not the others'
                    _log.exception("a listener failed on %s %s: %s", change.kind, change.name, change.status)
