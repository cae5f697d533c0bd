"""A threaded HTTP/1.1 server for one WSGI application, with keep-alive.

werkzeug's own closes every connection because it cannot tell where an unread body ends; here the body is
bounded by its length, and what the application has left of it is read before the next request. A request that
is not HTTP as AWS takes it is answered in words, and its connection closed.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any, Protocol

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer

from gluonship.local.control import request_head
from gluonship.local.control.errors import error_response
from gluonship.local.control.request_body import BodyUnreadable, ChunkedBody, SizedBody
from gluonship.local.control.request_head import RequestRefused
from gluonship.local.control.requests import identify

_log = logging.getLogger(__name__)

_IDLE_SECONDS = 120.0  # between two requests of a connection, and between two pieces of a body
_HEAD_SECONDS = 20.0  # for a request's head, and for the first byte of a new connection
_LINGER_SECONDS = 1.0  # for what a client still sends to a connection that is closed
_DRAIN_LIMIT = 2**20  # an unread body larger than this closes the connection instead


class Application(Protocol):
    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]: ...


class _Server(ThreadingMixIn, BaseWSGIServer):
    multithread = True
    daemon_threads = True
    head_seconds = _HEAD_SECONDS

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            _log.error("connection from %s", client_address, exc_info=True)


class _Handler(MotoRequestHandler):  # type: ignore[misc]
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = 2**16
    server: _Server
    environ: dict[str, Any]
    _body: SizedBody | ChunkedBody

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        _log.debug("%s %s %s", self.command, self.path, code)

    def log_error(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)  # mostly connections that their clients kept, and left

    def setup(self) -> None:
        super().setup()
        self._patience = self.server.head_seconds

    def handle_one_request(self) -> None:
        self.close_connection = True
        self.request_version = self.protocol_version
        self.environ = {}
        try:
            head = request_head.read(self.connection, self.rfile, self._patience, self.server.head_seconds)
            if head is None:
                return
            self._patience = _IDLE_SECONDS
            self.connection.settimeout(_IDLE_SECONDS)
            self.command, self.path, self.request_version = head.method, head.target, head.version
            self.requestline = f"{head.method} {head.target} {head.version}"
            self.headers = head.fields
            self.close_connection = not head.keeps_connection
            length = head.body_length
            self._body = ChunkedBody(self.rfile) if length is None else SizedBody(self.rfile, length)
            if head.expects_continue:
                self.handle_expect_100()
            self.run_wsgi()
        except RequestRefused as refused:
            self._refuse(refused)
        except TimeoutError as error:
            self.log_error("timed out: %r", error)
            self.close_connection = True

    def handle_expect_100(self) -> bool:
        # boto3 waits for this line, a second at most, before it sends an object's bytes.
        going_on: bool = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def run_wsgi(self) -> None:
        environ = self.environ = self.make_environ()
        body = environ["wsgi.input"] = self._body
        environ["wsgi.input_terminated"] = True
        response = _Response(self, environ["REQUEST_METHOD"] == "HEAD")
        try:
            result = self.server.app(environ, response.start)
            try:
                for chunk in result:
                    if body.failure:
                        break
                    response.write(chunk)
                if not body.failure:
                    response.finish()
            finally:
                if hasattr(result, "close"):
                    result.close()
        except BodyUnreadable:
            _log.debug("%s: body not read", self.path)
        if body.failure and not response.sent:
            self._refuse(body.failure)
            return
        if not _drained(body):
            self.close_connection = True
        self.wfile.flush()

    def _refuse(self, refused: RequestRefused) -> None:
        """Answers in the form of the service that is asked, as far as one can tell, and closes."""
        self.close_connection = True
        _log.info("refused %s: %s", self.client_address, refused.message)
        protocol = identify(self.environ).protocol if self.environ else "rest-json"
        answer = error_response(protocol, refused.code, refused.message, refused.status)
        self.send_response_only(answer.status, answer.status_line.partition(" ")[2])
        for name, value in (*answer.headers, ("Date", self.date_time_string()), ("Connection", "close")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()
        self._linger()

    def _linger(self) -> None:
        """Reads what the client still sends: closed over unread bytes, a connection loses the answer."""
        deadline = time.monotonic() + _LINGER_SECONDS
        left = _DRAIN_LIMIT
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while left > 0 and time.monotonic() < deadline:
                self.connection.settimeout(max(deadline - time.monotonic(), 0.01))
                data = self.connection.recv(2**16)
                if not data:
                    return
                left -= len(data)


class _Response:
    """One response on the wire: with its length where the application gave it, else in chunks."""

    def __init__(self, handler: _Handler, head: bool) -> None:
        self._handler = handler
        self._head = head
        self._status = ""
        self._headers: list[tuple[str, str]] = []
        self.sent = self._chunked = False

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        self._status, self._headers = status, headers
        return self.write

    def write(self, data: bytes) -> None:
        if not self.sent:
            self._send_head()
        if not data or self._head:
            return
        self._handler.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def finish(self) -> None:
        if not self.sent:
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
        self.sent = True


def _drained(body: SizedBody | ChunkedBody) -> bool:
    left = _DRAIN_LIMIT
    try:
        while left > 0:
            data = body.read(2**16)
            if not data:
                return True
            left -= len(data)
    except BodyUnreadable as error:
        _log.debug("body not read: %s", error)
    return False


class HttpServer:
    """Serves `application` on an already listening socket, from threads, until `close`."""

    def __init__(
        self, listener: socket.socket, application: Application, head_seconds: float = _HEAD_SECONDS
    ) -> None:
        """`head_seconds` is what a request's head may take to arrive."""
        host, port = listener.getsockname()[:2]
        self.port: int = port
        self._server = _Server(host, port, application, _Handler, fd=listener.fileno())
        self._server.head_seconds = head_seconds
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="control-plane", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
