"""The data plane's process: `python -m gluonship.local.serving.data_plane_server --port P`.

It is told its routes on stdin, one JSON object a line, and answers each on stdout with {"id": N} when it
holds for every later request; its first line is {"port": P}. It ends when stdin closes, so it never
outlives the cloud. Commands (each with an "id"):
  {"op": "routes", "endpoint": [account, region, name], "log_group": G, "routes": [...]}
  {"op": "instance", "instance": {"id": I, "port": P, "ready": true}}
  {"op": "idle", "instances": [ids]}        answered when none of them has a request in progress
It asks for the key of a request by {"find": ACCESS_KEY_ID}, which is answered by
  {"op": "key", "find": ACCESS_KEY_ID, "key": {...} or null, "lasting": false}
and told of one, with "lasting": true, that it need not ask for.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import socket
import sys
from collections.abc import Sequence
from typing import Any

import uvloop
from aiohttp import web

from gluonship.local.door import senders
from gluonship.local.serving.callers import Callers
from gluonship.local.serving.container_client import PooledContainerClient
from gluonship.local.serving.invocations import (
    BODY_LIMIT,
    INVOCATION_SECONDS,
    Invoker,
    Request,
    Response,
)
from gluonship.local.serving.routes import Endpoint, RouteTable
from gluonship.local.serving.runtime_errors import RuntimeApiError, validation_error

_log = logging.getLogger(__name__)

_DISCARD_LIMIT = 10 * BODY_LIMIT


class DataPlaneServer:
    def __init__(self, invoker: Invoker, callers: Callers, ports: Sequence[int]) -> None:
        """`ports` are those that a request's Host may name: its own, and the control plane's."""
        self._invoker = invoker
        self._callers = callers
        self._ports = ports

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            self._check_sender(request)
            caller = await self._callers.known(request)
            body = await _read_body(request)
            caller.check(body)
        except RuntimeApiError as error:
            headers = {"x-amzn-ErrorType": error.code, "Content-Type": "application/json"}
            return _to_web(Response(error.status, headers, error.body()))
        incoming = Request(request.method, request.path_qs, request.headers, body, caller.scope)
        try:
            return _to_web(await self._invoker.answer(incoming))
        except Exception:  # noqa: BLE001 - a defect becomes AWS's answer; its traceback is the log's
            _log.exception("%s %s failed", incoming.method, incoming.path)
            message = b'{"Message": "The data plane failed; see data-plane.log in GLUONSHIP_HOME."}'
            return _to_web(Response(500, {"x-amzn-ErrorType": "InternalFailure"}, message))

    def _check_sender(self, request: web.BaseRequest) -> None:
        """Before a byte of the body is read."""
        headers = request.headers
        refused = senders.refusal(
            headers.get("Host"), headers.get("Origin"), headers.get("Sec-Fetch-Site"), self._ports
        )
        if refused:
            raise RuntimeApiError("AccessDeniedException", refused, 403)


async def _read_body(request: web.BaseRequest) -> bytes:
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size <= BODY_LIMIT:
            chunks.append(chunk)
        elif size > _DISCARD_LIMIT:
            break
        # Read on, without keeping it: a client that is still sending would not see the answer.
    if size > BODY_LIMIT:
        raise validation_error(f"The request's body exceeds the limit of {BODY_LIMIT} bytes.", status=413)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _to_web(response: Response) -> web.Response:
    return web.Response(status=response.status, headers=dict(response.headers), body=response.body)


class Commands:
    """What the cloud tells on stdin."""

    def __init__(self, table: RouteTable, callers: Callers) -> None:
        self._table = table
        self._callers = callers

    async def serve(self) -> None:
        """Returns when stdin closes."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=2**24)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            self._obey(json.loads(line))

    def _obey(self, command: dict[str, Any]) -> None:
        def done() -> None:
            _say({"id": command["id"]})

        if command["op"] == "routes":
            self._table.replace(Endpoint(*command["endpoint"]), command["log_group"], command["routes"])
            done()
        elif command["op"] == "instance":
            self._table.update_instance(command["instance"])
            done()
        elif command["op"] == "idle":
            self._table.when_idle(command["instances"], done)
        elif command["op"] == "key":
            self._callers.told(command["find"], command["key"], command["lasting"])


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def serve(port: int, also_port: int | None, timeout: float) -> None:
    table = RouteTable()
    callers = Callers(lambda key_id: _say({"find": key_id}))
    async with PooledContainerClient.open() as client:
        bound = socket.create_server(("127.0.0.1", port))
        port = bound.getsockname()[1]
        ports = [port] if also_port is None else [port, also_port]
        server = web.Server(
            DataPlaneServer(Invoker(table, client, timeout), callers, ports).handle,
            access_log=None,
            read_bufsize=2**18,
        )
        listener = await asyncio.get_running_loop().create_server(server, sock=bound)
        _say({"port": port})
        await Commands(table, callers).serve()
        listener.close()
        await server.shutdown(timeout=0.5)  # 0 would wait for ever


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--also-port", type=int, help="that a request's Host may name, too")
    parser.add_argument("--timeout", type=float, default=INVOCATION_SECONDS, help="seconds an invocation")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C in the cloud's terminal reaches us too
        uvloop.run(serve(arguments.port, arguments.also_port, arguments.timeout))


if __name__ == "__main__":
    main()
