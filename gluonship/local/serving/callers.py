"""Who calls the data plane: the keys behind requests' signatures, which the cloud is asked for."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from gluonship.local.contracts import Scope
from gluonship.local.door import sigv4
from gluonship.local.door.denials import Denied, Reason
from gluonship.local.door.keys import Key
from gluonship.local.door.sigv4 import Signature, WireRequest
from gluonship.local.serving.runtime_errors import RuntimeApiError, service_unavailable

_SERVICE = "sagemaker"
_ANSWER_SECONDS = 15.0
_MOST_QUESTIONS = 256  # keys that the control plane is asked for at a time


class Caller:
    """The sender of one request, who has named a key of this cloud."""

    def __init__(self, request: WireRequest, signature: Signature, key: Key) -> None:
        self._request = request
        self._signature = signature
        self._key = key
        account_id = request.header("x-moto-account-id") or key.account_id
        self.scope = Scope(account_id, signature.region)

    def check(self, body: bytes | bytearray) -> None:
        """Raises RuntimeApiError unless the key's owner has signed the request with this body."""
        try:
            sigv4.check(
                self._request,
                self._signature,
                self._key,
                lambda: hashlib.sha256(body).hexdigest(),
                time.time(),
            )
        except Denied as denied:
            raise _refused(denied) from denied


class Callers:
    """For one event loop. A key is asked for at every request, since it may be taken back, but for lasting
    ones: the home's, so that a busy control plane does not delay its owner's requests."""

    def __init__(self, ask: Callable[[str], None]) -> None:
        """`ask` sends a key's id; `told` brings the answer."""
        self._ask = ask
        self._waiting: dict[str, list[asyncio.Future[Key | None]]] = {}
        self._lasting: dict[str, Key] = {}

    def told(self, key_id: str, found: Mapping[str, Any] | None, lasting: bool) -> None:
        key = None if found is None else Key(**found)
        if lasting and key is not None:
            self._lasting[key_id] = key
        for waiting in self._waiting.pop(key_id, []):
            if not waiting.done():
                waiting.set_result(key)

    async def known(self, request: web.BaseRequest) -> Caller:
        """The request's caller, before its body is read. Raises RuntimeApiError."""
        wire = _wire_request(request)
        try:
            signature = sigv4.read(wire)
            if signature is None or signature.service != _SERVICE:
                raise Denied(Reason.UNSIGNED)
            key = sigv4.live(await self._key(signature.key_id), signature.token, time.time())
        except Denied as denied:
            raise _refused(denied) from denied
        except TimeoutError:
            raise service_unavailable("The control plane of the local cloud does not answer.") from None
        return Caller(wire, signature, key)

    async def _key(self, key_id: str) -> Key | None:
        if key_id in self._lasting:
            return self._lasting[key_id]
        waiting: asyncio.Future[Key | None] = asyncio.get_running_loop().create_future()
        if key_id not in self._waiting and len(self._waiting) >= _MOST_QUESTIONS:
            raise service_unavailable("Too many requests with unknown keys wait for the control plane.")
        others = self._waiting.setdefault(key_id, [])
        others.append(waiting)
        if len(others) == 1:
            self._ask(key_id)
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await waiting


def _wire_request(request: web.BaseRequest) -> WireRequest:
    def header(name: str) -> str | None:
        values = request.headers.getall(name, [])
        # The parser has decoded them by UTF-8, keeping what is none: back to one character a byte.
        text = ",".join(values).encode("utf-8", "surrogateescape").decode("latin-1")
        return text if values else None

    path, _, query = request.raw_path.partition("?")
    return WireRequest(request.method, path, query, header, lambda: map(str.lower, request.headers))


def _refused(denied: Denied) -> RuntimeApiError:
    name = denied.name("rest-json")
    return RuntimeApiError(name.code, denied.message, name.status)
