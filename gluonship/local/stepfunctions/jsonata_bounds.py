"""Bounds of JSONata: no expression runs for ever, holds up other threads, or outlives its execution."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import regex  # type: ignore[import-untyped]

from gluonship.local.stepfunctions.halting import Halt

if TYPE_CHECKING:
    from jsonata.regex_engine import RegexFlags

EXPRESSION_SECONDS = 30.0  # for one expression
MATCH_SECONDS = 2.0  # for one use of a regular expression


class BoundedPattern:
    """A regular expression that gives up in time, with TimeoutError, and lets other threads run meanwhile.
    Python's own does neither. The methods are those that the library asks of a pattern."""

    def __init__(self, text: str, flags: RegexFlags) -> None:
        chosen = (regex.IGNORECASE if flags.case_insensitive else 0) | (
            regex.MULTILINE if flags.multiline else 0
        )
        self._pattern = regex.compile(text, chosen)

    def search(self, text: str) -> Any:
        return self._pattern.search(text, timeout=MATCH_SECONDS)

    def finditer(self, text: str) -> Any:
        return self._pattern.finditer(text, timeout=MATCH_SECONDS)

    def sub(self, replacement: Any, text: str, count: int = 0) -> str:
        return str(self._pattern.sub(replacement, text, count, timeout=MATCH_SECONDS))

    def split(self, text: str, maxsplit: int = 0) -> list[str]:
        return list(self._pattern.split(text, maxsplit, timeout=MATCH_SECONDS))


def watcher(halt: Halt, seconds: float = EXPRESSION_SECONDS) -> Callable[[Any, Any, Any], None]:
    """To be called at every step of an evaluation that begins now. Raises HaltedError, TimeoutError."""
    end = time.monotonic() + seconds

    def step(expression: Any, data: Any, frame: Any) -> None:
        halt.check()
        if time.monotonic() > end:
            raise TimeoutError(f"more than {seconds:g} seconds: does it call itself without end?")

    return step
