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
from collections.abc import Callable, Sequence
from typing import Any

import uvloop
from aiohttp import web

from gluonship.local.door import senders
from gluonship.local.serving import memory
from gluonship.local.serving.caller_connection import CallerServer, error_response
from gluonship.local.serving.callers import Callers
from gluonship.local.serving.container_client import PooledContainerClient
from gluonship.local.serving.invocations import INVOCATION_SECONDS, Invoker, Request, Response
from gluonship.local.serving.limits import Limits
from gluonship.local.serving.request_bodies import RequestBodies
from gluonship.local.serving.routes import Endpoint, RouteTable
from gluonship.local.serving.runtime_errors import RuntimeApiError

_log = logging.getLogger(__name__)


class DataPlaneServer:
    def __init__(
        self, invoker: Invoker, callers: Callers, ports: Sequence[int], bodies: RequestBodies
    ) -> None:
        """`ports` are those that a request's Host may name: its own, and the control plane's."""
        self._invoker = invoker
        self._callers = callers
        self._ports = ports
        self._bodies = bodies

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            response = await self._answer(request)
        except RuntimeApiError as error:
            response = error_response(error)
        except ConnectionError:
            raise  # the caller left
        except Exception:  # noqa: BLE001 - a defect becomes AWS's answer; its traceback is the log's
            _log.exception("%s %s failed", request.method, request.path_qs)
            message = "The data plane failed; see data-plane.log in GLUONSHIP_HOME."
            response = error_response(RuntimeApiError("InternalFailure", message, 500))
        if not request.content.is_eof():
            response.force_close()  # the next request would begin somewhere in this one's body
        return response

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        self._check_sender(request)
        caller = await self._callers.known(request)
        async with self._bodies.read(request) as sent:
            caller.check(sent)
            body = self._bodies.decoded(request, sent)
            incoming = Request(request.method, request.path_qs, request.headers, body, caller.scope)
            answer = await self._invoker.answer(incoming)
        return _to_web(answer)

    def _check_sender(self, request: web.BaseRequest) -> None:
        """Before a byte of the body is read."""
        headers = request.headers
        refused = senders.refusal(
            headers.get("Host"), headers.get("Origin"), headers.get("Sec-Fetch-Site"), self._ports
        )
        if refused:
            raise RuntimeApiError("AccessDeniedException", refused, 403)


def _to_web(response: Response) -> web.Response:
    return web.Response(status=response.status, headers=dict(response.headers), body=response.body)


class Commands:
    """What the cloud tells on stdin."""

    def __init__(self, table: RouteTable, callers: Callers, say: Callable[[dict[str, Any]], None]) -> None:
        self._table = table
        self._say = say
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
            self._say({"id": command["id"]})

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


async def _stdout() -> asyncio.WriteTransport:
    """Never blocks the loop, however slowly the cloud reads."""
    transport, _ = await asyncio.get_running_loop().connect_write_pipe(asyncio.BaseProtocol, sys.stdout)
    return transport


async def serve(port: int, also_port: int | None, timeout: float, limits: Limits) -> None:
    memory.give_back_large_blocks()
    table = RouteTable()
    stdout = await _stdout()

    def say(message: dict[str, Any]) -> None:
        stdout.write(json.dumps(message).encode() + b"\n")

    callers = Callers(lambda key_id: say({"find": key_id}))
    async with PooledContainerClient.open(limits.payload_bytes) as client:
        bound = socket.create_server(("127.0.0.1", port))
        port = bound.getsockname()[1]
        ports = [port] if also_port is None else [port, also_port]
        invoker, bodies = Invoker(table, client, timeout), RequestBodies(limits)
        server = CallerServer(DataPlaneServer(invoker, callers, ports, bodies).handle, limits)
        listener = await asyncio.get_running_loop().create_server(server, sock=bound)
        say({"port": port})
        await Commands(table, callers, say).serve()
        listener.close()
        await server.shutdown(timeout=0.5)  # 0 would wait for ever


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--also-port", type=int, help="that a request's Host may name, too")
    parser.add_argument("--timeout", type=float, default=INVOCATION_SECONDS, help="seconds an invocation")
    parser.add_argument("--limits", type=json.loads, default={}, help="fields of limits.Limits, as JSON")
    arguments = parser.parse_args()
    limits = Limits(**arguments.limits)
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C in the cloud's terminal reaches us too
        uvloop.run(serve(arguments.port, arguments.also_port, arguments.timeout, limits))


if __name__ == "__main__":
    main()
