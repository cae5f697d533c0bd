"""Bytes of a container's output, to lines of text: robust to garbage, bounded in memory."""

from __future__ import annotations

from collections.abc import Iterator

MAX_LINE_BYTES = 256 * 1024  # CloudWatch Logs' own limit for an event


class LineSplitter:
    """Feeds on chunks, gives lines without their ends; a line above MAX_LINE_BYTES comes in pieces."""

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max = max_bytes
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[str]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            yield from self._pieces(line)
        while len(self._rest) > self._max:
            cut = _character_boundary(self._rest, self._max)
            yield _text(self._rest[:cut])
            self._rest = self._rest[cut:]

    def finish(self) -> Iterator[str]:
        """What came after the last line's end."""
        rest, self._rest = self._rest, b""
        if rest:
            yield from self._pieces(rest)

    def _pieces(self, line: bytes) -> Iterator[str]:
        while len(line) > self._max:
            cut = _character_boundary(line, self._max)
            yield _text(line[:cut])
            line = line[cut:]
        yield _text(line)


def _character_boundary(data: bytes, limit: int) -> int:
    """The largest cut <= `limit` that does not part a UTF-8 character (at most 3 bytes back)."""
    for cut in range(limit, max(limit - 4, 0), -1):
        if data[cut] & 0xC0 != 0x80:
            return cut
    return limit


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", errors="replace")
