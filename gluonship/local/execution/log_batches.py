"""Lines to CloudWatch Logs' events and batches, by its limits: pure.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

EVENT_OVERHEAD = 26  # bytes that each event counts besides its message
MAX_EVENT_BYTES = 256 * 1024
MAX_BATCH_BYTES = 1024 * 1024
MAX_BATCH_EVENTS = 10_000


@dataclass(frozen=True)
class Event:
    milliseconds: int  # since 1970
    message: str

    @property
    def size(self) -> int:
        return len(self.message.encode()) + EVENT_OVERHEAD


def events(milliseconds: int, line: str) -> Iterator[Event]:
    """The events of one line: none when it is empty (as Docker's driver), more when it is too long."""
    data = line.encode("utf-8", errors="replace")
    limit = MAX_EVENT_BYTES - EVENT_OVERHEAD
    start = 0
    while start < len(data):
        end = min(start + limit, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1  # not inside a character
        yield Event(milliseconds, data[start:end].decode())
        start = end


def batches(waiting: Iterable[Event]) -> Iterator[Sequence[Event]]:
    """In order, each within the limits of one PutLogEvents."""
    batch: list[Event] = []
    size = 0
    for event in waiting:
        if batch and (size + event.size > MAX_BATCH_BYTES or len(batch) == MAX_BATCH_EVENTS):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += event.size
    if batch:
        yield batch
