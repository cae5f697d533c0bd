"""The bodies of requests, as the data plane reads them: so long, so many, so slow, and no more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from gluonship.local.serving.content_encodings import ContentEncodingError, decoded
from gluonship.local.serving.limits import Limits
from gluonship.local.serving.runtime_errors import RuntimeApiError, service_unavailable, validation_error

_PAYLOAD_SETTING = "GLUONSHIP_PAYLOAD_LIMIT_BYTES"


class RequestBodies:
    """All bodies that are held now; for one event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held = 0

    @contextlib.asynccontextmanager
    async def read(self, request: web.BaseRequest) -> AsyncIterator[bytes | bytearray]:
        """The body as it was sent; it counts as held while the context lasts. Raises RuntimeApiError: before
        a byte is read where the headers tell already that it is too long, or that too much is held."""
        body = bytearray()
        reserved = 0
        try:
            reserved = self._reserve(0, request.content_length or 0)
            if request.headers.get("Expect", "").lower() == "100-continue":
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            async with self._deadline():
                async for chunk in request.content.iter_any():
                    if len(body) + len(chunk) > reserved:  # it came without its length
                        reserved += self._reserve(len(body), len(chunk))
                    body += chunk
            yield body
        finally:
            self._held -= reserved

    def _reserve(self, before: int, size: int) -> int:
        if before + size > self._limits.payload_bytes:
            raise _too_long(self._limits.payload_bytes)
        if self._held and self._held + size > self._limits.held_bytes:
            raise service_unavailable(
                f"The data plane holds {self._held} bytes of other requests' bodies, of at most "
                f"{self._limits.held_bytes}: try again when some of them are answered."
            )
        self._held += size
        return size

    @contextlib.asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        seconds = self._limits.body_seconds
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            message = f"The request's body was not there {seconds:g} s after its headers."
            raise RuntimeApiError("RequestTimeoutException", message, 408) from None
        except RequestPayloadError as error:
            raise validation_error(f"The request's body is not what its headers say: {error}") from error

    def decoded(self, request: web.BaseRequest, body: bytes | bytearray) -> bytes | bytearray:
        """The body as it was before its sender encoded it. Raises RuntimeApiError."""
        encoding = request.headers.get("Content-Encoding", "")
        if not encoding:
            return body
        try:
            plain = decoded(body, encoding, self._limits.payload_bytes)
        except ContentEncodingError as error:
            raise validation_error(str(error)) from error
        if plain is None:
            raise _too_long(self._limits.payload_bytes)
        return plain


def _too_long(limit: int) -> RuntimeApiError:
    # The first words are AWS's.
    return validation_error(
        f"HTTP content length exceeded {limit} bytes. That is the limit of InvokeEndpoint; set "
        f"{_PAYLOAD_SETTING} when you start the local cloud to have another one here.",
        status=413,
    )
