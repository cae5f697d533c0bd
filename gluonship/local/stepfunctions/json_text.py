"""JSON as AWS writes it into histories and outputs, and its limit of size."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from gluonship.local.stepfunctions.failures import DATA_LIMIT, StatesError

LIMIT_BYTES = 256 * 1024  # AWS: "Maximum input or output size for a task, state, or execution"


def read(text: str) -> Any:
    """The JSON in a text. Raises ValueError, also for NaN and Infinity, which Python takes, and for what is
    nested deeper than this cloud can follow."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def timestamp(time: datetime) -> str:
    """2016-03-14T01:59:00.123Z"""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parsed_timestamp(text: str) -> datetime:
    """Raises ValueError unless it is a time of RFC 3339 with an upper-case T and a zone."""
    time = datetime.fromisoformat(text)
    if "T" not in text or time.tzinfo is None:
        raise ValueError(f"{text!r} is no RFC 3339 time with T and a zone")
    return time


def within_limit(value: Any, what: str, limit: int = LIMIT_BYTES) -> Any:
    """The value itself. Raises StatesError States.DataLimitExceeded above 256 KiB of JSON."""
    # What states make may hold the same value a thousand times over: its text is made last.
    if _has_more_than(limit, value) or len(compact(value).encode(errors="surrogatepass")) > limit:
        raise StatesError(
            DATA_LIMIT,
            f"{what} returned a result with a size exceeding the maximum number of bytes service limit.",
        )
    return value


def _has_more_than(limit: int, value: Any) -> bool:
    """Whether the value's JSON surely has more characters; looks no further than that takes."""
    waiting, size = [value], 0
    while waiting and size <= limit:
        part = waiting.pop()
        size += 1
        if isinstance(part, str):
            size += len(part)
        elif isinstance(part, list):
            size += len(part)
            waiting.extend(part)
        elif isinstance(part, dict):
            size += sum(map(len, part))
            waiting.extend(part.values())
    return size > limit
