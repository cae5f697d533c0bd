"""The data plane's client side: requests to containers on this machine, over kept connections.

aiohttp's connection (its parser, its flow control) without its session: redirects, cookies, proxies and
the like cost 0.3 ms a request and mean nothing between a data plane and its containers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import aiohttp
from aiohttp.client_proto import ResponseHandler

from gluonship.local.serving.invocations import AnswerTooLong, ContainerDown, ContainerLost, Response

# Shorter than the keep-alive of the usual servers (gunicorn: 2 s), so that a request is hardly ever sent
# on a connection that the container is just closing: a POST cannot safely be sent twice.
_KEEP_SECONDS = 1.5
_CONNECT_SECONDS = 5.0
_READ_BUFFER = 2**18


class PooledContainerClient:
    """invocations.ContainerClient. For one event loop."""

    def __init__(self, answer_limit: int) -> None:
        self._answer_limit = answer_limit
        self._loop = asyncio.get_running_loop()
        self._idle: dict[int, list[tuple[ResponseHandler, float]]] = {}  # by port, with the time of its use

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, answer_limit: int) -> AsyncIterator[PooledContainerClient]:
        """`answer_limit`: bytes of one answer's body."""
        client = cls(answer_limit)
        try:
            yield client
        finally:
            for connections in client._idle.values():
                for connection, _ in connections:
                    connection.close()

    async def post(
        self, port: int, path: str, headers: Mapping[str, str], body: bytes | bytearray, timeout: float
    ) -> Response:
        connection = self._take(port)
        if connection is None:
            connection = await self._connect(port)
        try:
            async with asyncio.timeout(timeout):
                head = _head(port, path, headers, len(body))
                response = await _exchange(connection, head, body, self._answer_limit)
        except aiohttp.ClientError as error:
            connection.abort()
            raise ContainerLost(str(error)) from error
        except aiohttp.http_exceptions.HttpProcessingError as error:
            connection.abort()
            raise ContainerLost(f"the answer is no HTTP: {error}") from error
        except BaseException:
            connection.abort()
            raise
        self._give_back(port, connection)
        return response

    def _take(self, port: int) -> ResponseHandler | None:
        """The connection used last; older ones go."""
        connections = self._idle.get(port, [])
        oldest = self._loop.time() - _KEEP_SECONDS
        while connections:
            connection, used = connections.pop()
            if used >= oldest and connection.is_connected():
                return connection
            connection.close()
        return None

    def _give_back(self, port: int, connection: ResponseHandler) -> None:
        if connection.should_close or not connection.is_connected():
            connection.close()
        else:
            self._idle.setdefault(port, []).append((connection, self._loop.time()))

    async def _connect(self, port: int) -> ResponseHandler:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, connection = await self._loop.create_connection(
                    lambda: ResponseHandler(self._loop), "127.0.0.1", port
                )
        except (OSError, TimeoutError) as error:
            raise ContainerDown(str(error)) from error
        return connection


def _head(port: int, path: str, headers: Mapping[str, str], length: int) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    # Values come from a parser that takes no line breaks, and may hold bytes that are no UTF-8.
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


async def _exchange(
    connection: ResponseHandler, head: bytes, body: bytes | bytearray, answer_limit: int
) -> Response:
    """Raises aiohttp.ClientError when the connection ends first, and AnswerTooLong."""
    connection.set_response_params(read_until_eof=True, auto_decompress=False, read_bufsize=_READ_BUFFER)
    transport = connection.transport
    if transport is None:
        raise aiohttp.ServerDisconnectedError
    transport.writelines((head, body))
    message, payload = await connection.read()
    while 100 <= message.code < 200:  # interim answers
        message, payload = await connection.read()
    answer = bytearray()
    async for chunk in payload.iter_any():
        answer += chunk
        if len(answer) > answer_limit:
            raise AnswerTooLong(message.code, answer_limit)
    return Response(message.code, message.headers, answer)
