"""A stack's events, in order, at least a millisecond apart: clients sort them by it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class StackEvent:
    id: str
    stack_id: str
    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    time: datetime
    reason: str | None = None
    properties: str | None = None  # JSON
    operation_id: str | None = None
    token: str | None = None
    topics: tuple[str, ...] = ()  # ARNs: who is told


class EventLog:
    """The events of one stack. `listener` hears each, in order; it must not wait, nor take the register's
    lock: events are told by holders of it, too."""

    def __init__(self, listener: Callable[[StackEvent], None] | None = None) -> None:
        self._lock = threading.Lock()
        self._events: list[StackEvent] = []
        self.listener = listener

    def add(
        self,
        now: datetime,
        *,
        stack_id: str,
        stack_name: str,
        logical_id: str,
        physical_id: str,
        type_name: str,
        status: str,
        reason: str | None = None,
        properties: str | None = None,
        operation_id: str | None = None,
        token: str | None = None,
        topics: tuple[str, ...] = (),
    ) -> StackEvent:
        with self._lock:
            time = now.replace(microsecond=now.microsecond // 1000 * 1000)
            if self._events:
                time = max(time, self._events[-1].time + _MILLISECOND)
            event = StackEvent(
                id=_event_id(logical_id, physical_id, stack_id, status, time),
                stack_id=stack_id,
                stack_name=stack_name,
                logical_id=logical_id,
                physical_id=physical_id,
                type=type_name,
                status=status,
                time=time,
                reason=reason,
                properties=properties,
                operation_id=operation_id,
                token=token,
                topics=topics,
            )
            self._events.append(event)
            if self.listener is not None:
                self.listener(event)
        return event

    def newest_first(self) -> list[StackEvent]:
        with self._lock:
            return self._events[::-1]


def _event_id(logical_id: str, physical_id: str, stack_id: str, status: str, time: datetime) -> str:
    if physical_id == stack_id:
        return str(uuid.uuid4())
    stamp = f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"
    return f"{logical_id}-{status}-{stamp}"
