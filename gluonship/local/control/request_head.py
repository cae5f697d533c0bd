"""The head of an HTTP/1.1 request, read strictly and within a time.

Python's own parser takes much that RFC 9112 forbids, and two readers of such a request disagree about where
its body ends: the next one may then be hidden in it. What is ambiguous is refused, and its connection closed.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPMessage
from io import BufferedReader

LONGEST_LINE = 2**16
_MOST_FIELDS = 100
_LARGEST_HEAD = 2**17
LARGEST_BODY = 5 * 2**30  # S3's for one PutObject, which is AWS's largest

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(%s) ([^\x00-\x20\x7f]+) HTTP/(\d)\.(\d)" % _TOKEN)
_FIELD = re.compile(rb"(%s):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)" % _TOKEN)
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE)


class RequestRefused(Exception):
    """A request that is not HTTP as AWS takes it. Its connection ends with the answer."""

    def __init__(self, message: str, code: str = "BadRequest", status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status


@dataclass(frozen=True)
class Head:
    method: str
    target: str  # in origin form: a path, and a query
    version: str  # HTTP/1.0 or HTTP/1.1
    fields: HTTPMessage
    body_length: int | None  # None: in chunks

    @property
    def keeps_connection(self) -> bool:
        wishes = {each.strip().lower() for each in self.fields.get("Connection", "").split(",")}
        return "close" not in wishes and (self.version == "HTTP/1.1" or "keep-alive" in wishes)

    @property
    def expects_continue(self) -> bool:
        return self.version == "HTTP/1.1" and self.fields.get("Expect", "").lower() == "100-continue"


def read(connection: socket.socket, file: BufferedReader, idle: float, seconds: float) -> Head | None:
    """The next request's head; None where the connection ends before one.

    Its first byte may take `idle` seconds, all after that `seconds`, however slowly bytes come in. Raises
    RequestRefused.
    """
    connection.settimeout(idle)
    try:
        if not file.peek(1):
            return None
    except TimeoutError:
        return None
    deadline = time.monotonic() + seconds
    try:
        lines = _lines(connection, file, deadline)
    except TimeoutError:
        raise RequestRefused(
            f"The request's head did not arrive within {seconds:g} seconds", "RequestTimeout"
        ) from None
    return parse(lines) if lines else None


def _lines(connection: socket.socket, file: BufferedReader, deadline: float) -> list[bytes]:
    """The head's lines without their ends; none where the connection ends before it is complete."""
    lines: list[bytes] = []
    left = _LARGEST_HEAD
    while True:
        line = read_line(file, LONGEST_LINE, connection, deadline)
        if line is None:
            return []
        left -= len(line)
        if len(line) > LONGEST_LINE and not lines:
            raise RequestRefused(f"The URL is longer than {LONGEST_LINE} bytes", "UriTooLong", 414)
        if len(line) > LONGEST_LINE or left < 0 or len(lines) > _MOST_FIELDS + 1:
            raise RequestRefused(
                f"The request's headers are more than {_MOST_FIELDS}, or longer than {LONGEST_LINE} bytes",
                "RequestHeaderSectionTooLarge",
                431,
            )
        if not line.endswith(b"\r\n"):
            raise RequestRefused("A line of the request's head does not end in CR LF")
        if line != b"\r\n":
            lines.append(line[:-2])
            if len(lines) == 1:
                _request_line(lines[0])  # not to wait for the rest of what is no request
        elif lines:  # an empty line before the request is to be ignored
            return lines


def read_line(
    file: BufferedReader, limit: int, connection: socket.socket | None = None, deadline: float = 0
) -> bytes | None:
    """One line with its end, or the first bytes of one that is longer than `limit`; None where the file ends.

    With a `connection`, waits until `deadline` in all. Raises TimeoutError.
    """
    line = bytearray()
    while True:
        if connection is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            connection.settimeout(left)
        buffered = file.peek(1)  # reads once from the connection where nothing is left of the last time
        if not buffered:
            return None
        end = buffered.find(b"\n") + 1
        line += file.read(end or len(buffered))
        if end or len(line) > limit:
            return bytes(line)


def parse(lines: Sequence[bytes]) -> Head:
    """The head that these lines spell. Raises RequestRefused for what RFC 9112 forbids or leaves open."""
    method, target, version = _request_line(lines[0])
    fields = HTTPMessage()
    for line in lines[1:]:
        field = _FIELD.fullmatch(line)
        if not field:
            raise RequestRefused(f"A header is malformed: {line[:80].decode('ascii', 'backslashreplace')}")
        fields[field[1].decode("ascii")] = field[2].decode("latin-1").rstrip(" \t")
    for name in ("Host", "Content-Length", "Transfer-Encoding"):
        if len(fields.get_all(name, [])) > 1:
            raise RequestRefused(f"The request has more than one {name} header")
    if version == "HTTP/1.1" and "Host" not in fields:
        raise RequestRefused("The request has no Host header")
    return Head(
        method,
        _target(method, target, fields),
        version,
        fields,
        _body_length(version, fields),
    )


def _request_line(line: bytes) -> tuple[str, str, str]:
    found = _REQUEST_LINE.fullmatch(line)
    if not found:
        raise RequestRefused("The request's first line is not METHOD PATH HTTP/1.1")
    if found[3] != b"1":
        raise RequestRefused("Only HTTP/1.1 is spoken here", "HTTPVersionNotSupported", 505)
    version = "HTTP/1.0" if found[4] == b"0" else "HTTP/1.1"
    return found[1].decode("ascii"), found[2].decode("latin-1"), version


def _target(method: str, target: str, fields: HTTPMessage) -> str:
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute:
        if absolute[1].lower() != fields.get("Host", "").lower():
            raise RequestRefused("The request's URL and its Host header name different hosts")
        target = absolute[2] if absolute[2].startswith("/") else f"/{absolute[2]}"
    if not target.startswith("/") and (method, target) != ("OPTIONS", "*"):
        raise RequestRefused("The request's URL is neither a path nor http://HOST/PATH")
    return "/" + target.lstrip("/") if target.startswith("//") else target  # else a path like a URL's host


def _body_length(version: str, fields: HTTPMessage) -> int | None:
    coding, length = fields.get("Transfer-Encoding"), fields.get("Content-Length")
    if coding is not None:
        if length is not None:
            raise RequestRefused("The request has both Content-Length and Transfer-Encoding")
        if coding.lower() != "chunked" or version != "HTTP/1.1":
            raise RequestRefused("Transfer-Encoding can only be chunked, and in HTTP/1.1")
        return None
    if length is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,19}", length):  # not isdigit(), which takes other scripts' digits
        raise RequestRefused("Content-Length is not a number of bytes")
    if int(length) > LARGEST_BODY:
        raise RequestRefused(
            "Your proposed upload exceeds the maximum allowed size: Content-Length is above 5 GiB",
            "EntityTooLarge",
        )
    return int(length)
