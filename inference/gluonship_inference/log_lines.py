"""The server's log: one line an event, `time LEVEL event key=value ...`, on stdout (CloudWatch's input)."""

from __future__ import annotations

import json
import sys
import time

_NAMES = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR"}


class Log:
    """Writes lines whose level is at least `level` (Python's logging numbers)."""

    def __init__(self, level: int = 20) -> None:
        self._level = level

    def debug(self, event: str, **fields: object) -> None:
        self._write(10, event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._write(20, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._write(30, event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write(40, event, fields)

    def _write(self, level: int, event: str, fields: dict[str, object]) -> None:
        if level >= self._level:
            # One write call a line: the engine processes share this stdout.
            sys.stdout.write(format_line(time.time(), _NAMES[level], event, fields))
            sys.stdout.flush()


def format_line(now: float, level: str, event: str, fields: dict[str, object]) -> str:
    """`now` in seconds since 1970, shown in UTC. Values with blanks are quoted as JSON."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    pairs = "".join(f" {key}={_value(value)}" for key, value in fields.items())
    return f"{stamp} {level} {event}{pairs}\n"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    text = str(value)
    plain = text and not any(character in text for character in ' "=') and text.isprintable()
    return text if plain else json.dumps(text, ensure_ascii=False)
