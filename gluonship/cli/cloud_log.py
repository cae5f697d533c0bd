"""The local cloud's own log, as a person reads it: a line an error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_TRACEBACK = "Traceback (most recent call last):"
# What begins something of its own: a record of the log, or what Python says of a thread that has failed.
_BEGINS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} |Exception in thread |Exception ignored ")


class CloudLog:
    """Reads the file piece by piece, as it grows. A record is written at once, so none is cut in two."""

    def __init__(self, name: str) -> None:
        """`name` is the file's, which lines of errors refer to."""
        self._name = name
        self._read = 0  # lines

    def read(self, lines: Iterable[str]) -> Iterator[str]:
        """Each line, or of several that are an error one: what failed, how, and where its traceback is."""
        part: list[str] = []
        for line in lines:
            # A traceback belongs to what is said before it, and goes on until something else begins.
            if part and not (line.startswith(_TRACEBACK) or (len(part) > 1 and not _BEGINS.match(line))):
                yield self._shown(part)
                part = []
            part.append(line.rstrip("\n"))
        if part:
            yield self._shown(part)

    def _shown(self, part: list[str]) -> str:
        first = self._read + 1
        self._read += len(part)
        tracebacks = [place for place, line in enumerate(part) if line.startswith(_TRACEBACK)]
        if not tracebacks:
            return part[0]
        said = [line for line in part[tracebacks[-1] + 1 :] if line and not line.startswith(" ")]
        head = [part[0].rstrip(": ")] if tracebacks[0] else []
        where = f"(line {first + tracebacks[0]} of {self._name})"
        return f"{': '.join([*head, *said[:1]])} {where}"
