"""boto3 clients whose requests go straight into the control plane's application, without a socket.

Rooms that act on resources of others (stacks, state machines, rules) use them: a request takes a third of its
time over HTTP, and what answers is the same code that answers a user.
"""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from gluonship.local.contracts import Scope

_ONE_ATTEMPT = Config(
    retries={"total_max_attempts": 1},
    read_timeout=300,
    s3={"addressing_style": "path"},
    max_pool_connections=1,
)

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


_MAKING = threading.Lock()  # boto3's sessions are not to be shared by threads that make clients


@functools.cache
def _session() -> Any:
    """One for all: it keeps the services' models, which take longest to read."""
    return boto3.Session("test", "test")


class InProcessClients:
    """`contracts.Clients` over a WSGI application, which may be given later than the clients are made."""

    def __init__(self, port: int, prepare: Callable[[Any], None] = lambda client: None) -> None:
        """`port` is the control plane's: what the requests are addressed to. `prepare` is called with every
        client that is made."""
        self._url = f"http://127.0.0.1:{port}"
        self._prepare = prepare
        self._application: Application | None = None
        self._clients: dict[tuple[Scope, str], Any] = {}

    def attach(self, application: Application) -> None:
        self._application = application

    def __call__(self, scope: Scope, service: str) -> Any:
        with _MAKING:
            client = self._clients.get((scope, service))
            if client is None:
                client = self._clients[scope, service] = self._made(scope, service)
        return client

    def _made(self, scope: Scope, service: str) -> Any:
        client = _session().client(
            service, region_name=scope.region, endpoint_url=self._url, config=_ONE_ATTEMPT
        )

        def act_in_account(params: dict[str, Any], **_: Any) -> None:
            params["headers"]["X-Moto-Account-Id"] = scope.account_id

        client.meta.events.register("before-call", act_in_account)
        client.meta.events.register("before-send", self._send)
        self._prepare(client)
        return client

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        if self._application is None:
            raise RuntimeError("the control plane is not wired yet")
        started: list[Any] = []
        environ = _environ(request)
        result = self._application(
            environ, lambda status, headers, exc_info=None: started.extend([status, headers])
        )
        try:
            body = b"".join(result)
        finally:
            if hasattr(result, "close"):
                result.close()
        status, headers = started
        return AWSResponse(request.url, int(status.split()[0]), _headers(headers), _Raw(body))


class _Raw(io.BytesIO):
    """A response's bytes, as botocore reads them from urllib3."""

    def stream(self, amt: int = 2**16, decode_content: bool | None = None) -> Iterable[bytes]:
        while chunk := self.read(amt):
            yield chunk


def _body(request: AWSPreparedRequest) -> bytes:
    body = request.body or b""
    read = body if isinstance(body, (str, bytes, bytearray)) else body.read()
    return read.encode() if isinstance(read, str) else bytes(read)


def _headers(pairs: Iterable[tuple[str, str]]) -> HTTPHeaders:
    headers = HTTPHeaders()
    for name, value in pairs:
        headers[name] = value
    return headers


def _environ(request: AWSPreparedRequest) -> dict[str, Any]:
    url = urlsplit(request.url)
    data = _body(request)
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(url.path, "latin-1"),
        "RAW_URI": f"{url.path}?{url.query}" if url.query else url.path,
        "REQUEST_URI": f"{url.path}?{url.query}" if url.query else url.path,
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": str(url.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": url.netloc,
        "CONTENT_LENGTH": str(len(data)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(data),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if key == "CONTENT_TYPE":
            environ[key] = text
        elif key != "CONTENT_LENGTH":
            environ[f"HTTP_{key}"] = text
    return environ
