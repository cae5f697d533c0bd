"""S3 refuses a body in aws-chunked form that is not what its sizes say: IncompleteBody. moto fills what is
missing with zeros, cuts off what is too much, and stores the object.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

from __future__ import annotations

import re

from moto.s3.exceptions import S3ClientError
from moto.s3.responses import S3Response

_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[^\r\n]*)?\r\n")
_MESSAGE = "The request body terminated unexpectedly"


def apply() -> None:
    S3Response._handle_v4_chunk_signatures = _signed
    S3Response._handle_encoded_body = _unsigned


def _signed(self: S3Response, body: bytes, content_length: int) -> bytes:
    return decoded(body, content_length)


def _unsigned(self: S3Response, body: bytes) -> bytes:
    length = self.request.headers.get("x-amz-decoded-content-length")
    return decoded(body, None if length is None else int(length)) if body else b""


def decoded(body: bytes, length: int | None) -> bytes:
    """The chunks' data, of `length` bytes where one is told; trailers are not looked at."""
    parts: list[bytes] = []
    position = 0
    while True:
        head = _CHUNK.match(body, position)
        if not head:
            raise S3ClientError("IncompleteBody", _MESSAGE)
        size = int(head[1], 16)
        if not size:
            break
        end = head.end() + size
        if body[end : end + 2] != b"\r\n":
            raise S3ClientError("IncompleteBody", _MESSAGE)
        parts.append(body[head.end() : end])
        position = end + 2
    data = b"".join(parts)
    if length is not None and len(data) != length:
        raise S3ClientError("IncompleteBody", _MESSAGE)
    return data
