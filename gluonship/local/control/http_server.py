"""A threaded HTTP/1.1 server for one WSGI application, with keep-alive.

werkzeug's own closes every connection because it cannot tell where an unread body ends; here the body is
bounded by its length, and what the application has left of it is read before the next request.
"""

from __future__ import annotations

import io
import logging
import socket
import sys
import threading
from collections.abc import Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any, BinaryIO, Protocol

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer
from werkzeug.wsgi import LimitedStream

_log = logging.getLogger(__name__)

_IDLE_SECONDS = 120.0
_DRAIN_LIMIT = 2**20  # an unread body larger than this closes the connection instead


class Application(Protocol):
    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]: ...


class _Server(ThreadingMixIn, BaseWSGIServer):
    multithread = True
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            _log.error("connection from %s", client_address, exc_info=True)


class _Handler(MotoRequestHandler):  # type: ignore[misc]
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = 2**16

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        _log.debug("%s %s %s", self.command, self.path, code)

    def log_error(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)  # mostly connections that their clients kept, and left

    def handle_expect_100(self) -> bool:
        # boto3 waits for this line, a second at most, before it sends an object's bytes.
        going_on: bool = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def run_wsgi(self) -> None:
        environ = self.environ = self.make_environ()
        body = _body(environ)
        response = _Response(self, environ["REQUEST_METHOD"] == "HEAD")
        result = self.server.app(environ, response.start)
        try:
            for chunk in result:
                response.write(chunk)
            response.finish()
        finally:
            if hasattr(result, "close"):
                result.close()
        if not _drained(body, environ):
            self.close_connection = True
        self.wfile.flush()


class _Response:
    """One response on the wire: with its length where the application gave it, else in chunks."""

    def __init__(self, handler: _Handler, head: bool) -> None:
        self._handler = handler
        self._head = head
        self._status = ""
        self._headers: list[tuple[str, str]] = []
        self._sent = self._chunked = False

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        self._status, self._headers = status, headers
        return self.write

    def write(self, data: bytes) -> None:
        if not self._sent:
            self._send_head()
        if not data or self._head:
            return
        self._handler.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def finish(self) -> None:
        if not self._sent:
            self._send_head()
        if self._chunked:
            self._handler.wfile.write(b"0\r\n\r\n")

    def _send_head(self) -> None:
        code = int(self._status.split(None, 1)[0])
        names = {name.lower() for name, _ in self._headers}
        bodiless = self._head or code < 200 or code in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        self._chunked = not bodiless and "content-length" not in names
        self._handler.send_response_only(code, self._status.split(None, 1)[-1])
        if "date" not in names:
            self._handler.send_header("Date", self._handler.date_time_string())
        for name, value in self._headers:
            if name.lower() not in ("connection", "transfer-encoding"):
                self._handler.send_header(name, value)
        if self._chunked:
            self._handler.send_header("Transfer-Encoding", "chunked")
        if self._handler.close_connection:
            self._handler.send_header("Connection", "close")
        self._handler.end_headers()
        self._sent = True


def _body(environ: dict[str, Any]) -> BinaryIO:
    """Bounds the request's body, so that nobody reads into the next request."""
    if not environ.get("wsgi.input_terminated"):
        length = environ.get("CONTENT_LENGTH", "0")
        size = int(length) if length.isdigit() else 0
        environ["wsgi.input"] = LimitedStream(environ["wsgi.input"], size) if size else io.BytesIO()
        environ["wsgi.input_terminated"] = True
    return environ["wsgi.input"]  # type: ignore[no-any-return]


def _drained(body: BinaryIO, environ: dict[str, Any]) -> bool:
    left = _DRAIN_LIMIT
    try:
        while left > 0:
            data = body.read(2**16)
            if not data:
                return True
            left -= len(data)
    except OSError as error:
        _log.debug("%s: body not read: %s", environ.get("PATH_INFO"), error)
    return False


class HttpServer:
    """Serves `application` on an already listening socket, from threads, until `close`."""

    def __init__(self, listener: socket.socket, application: Application) -> None:
        host, port = listener.getsockname()[:2]
        self.port: int = port
        self._server = _Server(host, port, application, _Handler, fd=listener.fileno())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="control-plane", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
