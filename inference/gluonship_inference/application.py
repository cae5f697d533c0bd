"""The container contract over HTTP: GET /ping, POST /invocations, GET /execution-parameters.

Nothing here computes: it checks, hands to the pool, and answers, so that /ping never waits for a model.
Errors are `{"error": {"code", "message"}}`.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Awaitable, Callable

from aiohttp import web

from gluonship_inference import payloads
from gluonship_inference.errors import ServingError, in_words
from gluonship_inference.handlers import JSON
from gluonship_inference.log_lines import Log
from gluonship_inference.pool import Pool
from gluonship_inference.settings import MEGABYTE, Settings

_NOT_PASSED_ON = frozenset(
    {"connection", "content-length", "content-type", "date", "server", "transfer-encoding"}
)


class Application:
    """What answers; `in_flight` counts the invocations that are not answered yet."""

    def __init__(self, settings: Settings, pool: Pool, log: Log) -> None:
        self._settings = settings
        self._pool = pool
        self._log = log
        self.in_flight = 0
        self.draining = False

    def routes(self) -> web.Application:
        application = web.Application(middlewares=[self._errors_as_json])
        application.router.add_get("/ping", self._ping)
        application.router.add_post("/invocations", self._invocations)
        application.router.add_get("/execution-parameters", self._execution_parameters)
        return application

    async def _ping(self, request: web.Request) -> web.Response:
        if self._pool.ready:
            return _json(200, {"status": "ready", "engines": self._pool.ready})
        if self._pool.first_loaded.done():
            raise ServingError(503, "EngineLost", "every engine has ended and is starting again")
        raise ServingError(503, "ModelLoading", "the model is still loading")

    async def _execution_parameters(self, request: web.Request) -> web.Response:
        """What SageMaker's batch jobs ask for: an image is one record, and may not be joined with others."""
        return _json(
            200,
            {
                "MaxConcurrentTransforms": self._settings.workers,
                "BatchStrategy": "SINGLE_RECORD",
                "MaxPayloadInMB": min(100, self._settings.max_body // MEGABYTE),
            },
        )

    async def _invocations(self, request: web.Request) -> web.Response:
        self.in_flight += 1
        started = time.monotonic()
        try:
            response = await self._invoke(request)
        finally:
            self.in_flight -= 1
        self._log.debug(
            "invocation", status=response.status, milliseconds=1000 * (time.monotonic() - started)
        )
        return response

    async def _invoke(self, request: web.Request) -> web.Response:
        content_type, accept = request.headers.get("Content-Type", ""), request.headers.get("Accept", "")
        if self._settings.handler == "gluonship":
            payloads.check_negotiation(content_type, accept)
        self._pool.check_open()
        body = await self._body(request)
        header = {
            "kind": "request",
            "content_type": content_type,
            "accept": accept,
            "headers": dict(request.headers),
        }
        answer = await self._pool.submit(header, body, lambda: _connected(request))
        return web.Response(
            status=answer.header["status"],
            headers={"Content-Type": answer.header["content_type"], **_passed_on(answer.header["headers"])},
            body=answer.body,
        )

    async def _body(self, request: web.Request) -> bytes:
        """All of the body. Raises ServingError 413, 408 or 400; what is too much is not kept."""
        limit = self._settings.max_body
        too_large = ServingError(
            413, "BodyTooLarge", f"the body is larger than {limit:,} bytes: send a smaller image"
        )
        if (request.content_length or 0) > limit:
            raise too_large
        chunks: list[bytes] = []
        size = 0
        try:
            while True:
                chunk = await asyncio.wait_for(request.content.readany(), self._settings.request_timeout)
                if not chunk:
                    return b"".join(chunks)
                size += len(chunk)
                if size > limit:
                    raise too_large
                chunks.append(chunk)
        except asyncio.TimeoutError:
            raise ServingError(408, "BodyIncomplete", "the rest of the body did not come") from None
        except web.RequestPayloadError:
            encoding = request.headers.get("Content-Encoding", "none")
            raise ServingError(
                400,
                "BodyUnreadable",
                f"the body is not what its headers say (Content-Encoding: {encoding}): send it as it is",
            ) from None

    @web.middleware
    async def _errors_as_json(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            response = await handler(request)
        except ServingError as error:
            response = _json(error.status, error.to_json())
            if error.status >= 500:
                self._log.debug("refused", path=request.path, code=error.code)
        except web.HTTPException as error:
            response = _http_error(request, error)
        except ConnectionError:
            raise  # the client has gone: aiohttp's business
        except Exception as error:  # noqa: BLE001 - a client always gets JSON
            self._log.error("server_fault", path=request.path, reason=in_words(error))
            response = _json(
                500, ServingError(500, "InternalError", "the server failed; its log says why").to_json()
            )
        if self.draining:
            response.force_close()
        return response


def _connected(request: web.Request) -> bool:
    transport = request.transport
    return transport is not None and not transport.is_closing()


def _http_error(request: web.Request, error: web.HTTPException) -> web.Response:
    if error.status in (404, 405):
        code = "NotFound" if error.status == 404 else "MethodNotAllowed"
        message = (
            f"{request.method} {request.path} is not served here: there are GET /ping, POST /invocations and "
            "GET /execution-parameters"
        )
    else:
        code, message = "BadRequest", error.reason
    return _json(error.status, ServingError(error.status, code, message).to_json())


def _json(status: int, value: dict[str, Any]) -> web.Response:
    return web.Response(status=status, content_type=JSON, body=json.dumps(value).encode())


def _passed_on(headers: dict[str, str]) -> dict[str, str]:
    """The headers that a user's script set, without those that are HTTP's own."""
    return {name: value for name, value in headers.items() if name.lower() not in _NOT_PASSED_ON}
