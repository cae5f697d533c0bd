"""S3 refuses a body in aws-chunked form that is not what its sizes say: IncompleteBody. moto fills what is
missing with zeros, cuts off what is too much, and stores the object.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

from __future__ import annotations

import io

from moto.s3.exceptions import S3ClientError
from moto.s3.responses import S3Response

from gluonship.local.deviations.aws_chunks import AwsChunks, ChunksError

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
    try:
        data = b"".join(AwsChunks(io.BytesIO(body).read).data())
    except ChunksError as error:
        raise S3ClientError("IncompleteBody", _MESSAGE) from error
    if length is not None and len(data) != length:
        raise S3ClientError("IncompleteBody", _MESSAGE)
    return data
