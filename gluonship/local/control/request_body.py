"""A request's body, bounded so that nobody reads into the next request.

What is wrong with it comes to light while it is read, often deep inside an application that knows nothing of
HTTP: `failure` keeps it for the server, whose answer it is.
"""

from __future__ import annotations

import io
import re
from io import BufferedReader
from typing import Any

from werkzeug.exceptions import BadRequest
from werkzeug.wsgi import LimitedStream

from gluonship.local.control.request_head import LARGEST_BODY, RequestRefused, read_line

_LONGEST_CHUNK_LINE = 256
_MOST_TRAILERS = 100
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")


class BodyUnreadable(BadRequest):
    """Ends the reading application; werkzeug's applications know it as an answer."""


class SizedBody(LimitedStream):
    """A body of Content-Length bytes."""

    def __init__(self, file: BufferedReader, length: int) -> None:
        super().__init__(file, length)
        self.failure: RequestRefused | None = None

    def on_disconnect(self, error: Exception | None = None) -> None:
        self.failure = _broken_off(error)
        raise BodyUnreadable(self.failure.message) from error


class ChunkedBody(io.RawIOBase):
    """A body in chunks (RFC 9112, 7.1): extensions and trailers are read and dropped."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self._left = 0  # of the present chunk
        self._size = 0
        self._done = self._begun = False
        self.failure: RequestRefused | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.failure:
            raise BodyUnreadable(self.failure.message)
        filled = 0
        try:
            while filled < len(buffer) and not self._done:
                data = self._some(len(buffer) - filled)
                buffer[filled : filled + len(data)] = data
                filled += len(data)
        except RequestRefused as refused:
            self.failure = refused
            raise BodyUnreadable(refused.message) from refused
        except OSError as error:
            self.failure = _broken_off(error)
            raise BodyUnreadable(self.failure.message) from error
        return filled

    def _some(self, most: int) -> bytes:
        if not self._left:
            self._next_chunk()
        if self._done:
            return b""
        data = self._file.read1(min(most, self._left))
        if not data:
            raise _broken_off(None)
        self._left -= len(data)
        return data

    def _next_chunk(self) -> None:
        if self._begun and self._line() != b"\r\n":
            raise RequestRefused("A chunk of the body is longer than its size says")
        self._begun = True
        size = _CHUNK.fullmatch(self._line())
        if not size:
            raise RequestRefused("A chunk of the body has no size in hexadecimal digits")
        self._left = int(size[1], 16)
        self._size += self._left
        if self._size > LARGEST_BODY:
            raise RequestRefused("Your proposed upload exceeds the maximum allowed size", "EntityTooLarge")
        if not self._left:
            self._done = True
            for _ in range(_MOST_TRAILERS):
                if self._line() == b"\r\n":
                    return
            raise RequestRefused("The body's trailer does not end")

    def _line(self) -> bytes:
        line = read_line(self._file, _LONGEST_CHUNK_LINE)
        if line is None:
            raise _broken_off(None)
        if len(line) > _LONGEST_CHUNK_LINE:
            raise RequestRefused(
                f"A line between the body's chunks is longer than {_LONGEST_CHUNK_LINE} bytes"
            )
        return line


def _broken_off(error: Exception | None) -> RequestRefused:
    """S3's words."""
    if isinstance(error, TimeoutError):
        return RequestRefused(
            "Your socket connection to the server was not read from or written to within the timeout period.",
            "RequestTimeout",
        )
    return RequestRefused(
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
        "IncompleteBody",
    )
