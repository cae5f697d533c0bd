"""One caller's connection to the data plane: aiohttp's, with deadlines, and errors in AWS's form.

aiohttp leaves it to a proxy in front to end the connection of a caller who never finishes its headers, or
never takes its answer. There is none here.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from gluonship.local.serving.limits import Limits
from gluonship.local.serving.runtime_errors import RuntimeApiError, validation_error

_log = logging.getLogger(__name__)

_IDLE_SECONDS = 75.0  # of a kept connection, between two requests


class CallerServer(web.Server):
    """aiohttp's server, whose connections are CallerConnections."""

    def __init__(self, handler: Any, limits: Limits) -> None:
        super().__init__(handler)
        self._limits = limits

    def __call__(self) -> CallerConnection:
        return CallerConnection(self, self._loop, self._limits)


class CallerConnection(RequestHandler):
    __slots__ = ("_head_timer", "_limits")

    def __init__(self, server: CallerServer, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        # A body's encoding is undone when all of it is there, within the limit of a body.
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own word for no log
            keepalive_timeout=_IDLE_SECONDS,
            read_bufsize=2**18,
            auto_decompress=False,
        )
        self._limits = limits
        self._head_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        heads = self._request_count
        super().data_received(data)
        if self._request_count != heads:
            self._stop_timer()
        elif self._head_timer is None and self._is_between_requests():
            self._head_timer = self._loop.call_later(self._limits.head_seconds, self._head_is_late)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """For what is no HTTP, and for defects. A caller that left in the middle is not worth a line."""
        if isinstance(exc, ConnectionError):
            error = validation_error("The connection ended before the request.")
        elif status == 400:
            what = (message or "it is no HTTP").partition("\n")[0].rstrip(":")
            error = validation_error(f"The request cannot be read: {what[:500]}")
        else:
            _log.error("a request of %s failed", request.remote, exc_info=exc)
            error = RuntimeApiError("InternalFailure", "The data plane failed; see data-plane.log.", status)
        response = error_response(error)
        response.force_close()
        response.headers["Connection"] = "close"  # aiohttp leaves it out where it could read no version
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        self._stop_timer()
        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            self._drop()
            return resp, True

    def _drop(self) -> None:
        """At once, with what the caller has not taken: also the kernel would wait for it."""
        if self.transport is None:
            return
        wire = self.transport.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _is_between_requests(self) -> bool:
        return self._keepalive and not self._request_in_progress and not self._messages

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self._is_between_requests():
            return
        message = (
            f"The request's headers were not whole {self._limits.head_seconds:g} s after its first byte."
        )
        body = RuntimeApiError("RequestTimeoutException", message, 408).body()
        if self.transport is not None:
            self.transport.write(
                b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nConnection: close\r\n"
                b"x-amzn-ErrorType: RequestTimeoutException\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            )
        self.force_close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def error_response(error: RuntimeApiError) -> web.Response:
    headers = {"x-amzn-ErrorType": error.code, "Content-Type": "application/json"}
    return web.Response(status=error.status, headers=headers, body=error.body())
