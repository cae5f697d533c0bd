"""The body of an S3 upload that is sent in AWS's own chunks (x-amz-content-sha256: STREAMING-...).

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_PIECE = 2**18
_LINE = 2**13
_HEAD = re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(;.*)?")


class ChunksError(ValueError):
    """The body is not in such chunks, or ends in the middle of one."""


class AwsChunks:
    """Reads the chunks of one body; afterwards `trailers` has what came behind them."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._buffer = b""
        self.trailers: dict[str, str] = {}  # by names in lower case

    def data(self) -> Iterator[bytes]:
        while size := self._size():
            while size:
                if not self._buffer and not self._fill():
                    raise ChunksError("the body ends in the middle of a chunk")
                piece, self._buffer = self._buffer[:size], self._buffer[size:]
                size -= len(piece)
                yield piece
            if self._line() != b"":
                raise ChunksError("a chunk is longer than it says")
        while line := self._line(at_end=True):
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.strip().lower()] = value.strip()

    def _size(self) -> int:
        head = _HEAD.fullmatch(self._line())
        if head is None:
            raise ChunksError("a chunk does not begin with its size")
        return int(head[1], 16)

    def _line(self, at_end: bool = False) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > _LINE or not self._fill():
                if at_end and not self._buffer:
                    return b""
                raise ChunksError("the body ends where a chunk or its size should be")
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.removesuffix(b"\r")

    def _fill(self) -> bool:
        more = self._read(_PIECE)
        self._buffer += more
        return bool(more)
