"""HTTP on the control plane: what is ambiguous, broken or slow is refused, and its connection closed."""

from __future__ import annotations

import json
import socket
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from http.client import HTTPResponse
from typing import Any

import pytest

from gluonship.local.control.http_server import HttpServer

HOST = b"Host: localhost\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
S3 = b"Authorization: AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/s3/aws4_request, Signature=0\r\n"


class Echo:
    """Answers a request's body, and keeps the paths that it was asked for."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.paths.append(environ["PATH_INFO"])
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]


class Server:
    def __init__(self, head_seconds: float) -> None:
        self.echo = Echo()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._server = HttpServer(self._listener, self.echo, head_seconds)
        self._server.start()

    def connection(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._server.port))
        made.settimeout(20)
        return made

    def exchange(self, sent: bytes) -> tuple[HTTPResponse, bytes, bytes]:
        """The answer to a client that sends all this and no more, its body, and what comes after it."""
        with self.connection() as used:
            used.sendall(sent)
            used.shutdown(socket.SHUT_WR)
            answer = HTTPResponse(used)
            answer.begin()
            body = answer.read(int(answer.headers["Content-Length"]))
            rest = b"".join(iter(lambda: used.recv(2**16), b""))
            return answer, body, rest

    def close(self) -> None:
        self._server.close()
        self._listener.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server(head_seconds=20)
    yield made
    made.close()


@pytest.fixture
def hasty() -> Iterator[Server]:
    """A server that gives a request's head little time."""
    made = Server(head_seconds=0.3)
    yield made
    made.close()


def put(*fields: bytes, body: bytes = b"", host: bytes = HOST) -> bytes:
    return b"PUT /seen HTTP/1.1\r\n" + host + b"".join(each + b"\r\n" for each in fields) + b"\r\n" + body


def get(line: bytes, *fields: bytes, host: bytes = HOST) -> bytes:
    return line + b"\r\n" + host + b"".join(each + b"\r\n" for each in fields) + b"\r\n"


CHUNKED = b"Transfer-Encoding: chunked"
REFUSED = {
    "length and chunks": put(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "chunks and length": put(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n" + HIDDEN),
    "two lengths": put(b"Content-Length: 0", b"Content-Length: %d" % len(HIDDEN), body=HIDDEN),
    "a list of lengths": put(b"Content-Length: 0, 0", body=HIDDEN),
    "length -1": put(b"Content-Length: -1", body=HIDDEN),
    "length +3": put(b"Content-Length: +%d" % len(HIDDEN), body=HIDDEN),
    "length 1_0": put(b"Content-Length: 1_0", body=HIDDEN),
    "length 0x10": put(b"Content-Length: 0x10", body=HIDDEN),
    "length of Arabic digits": put("Content-Length: \u0661".encode(), body=HIDDEN),
    "length without digits": put(b"Content-Length:", body=HIDDEN),
    "length beyond all numbers": put(b"Content-Length: 99999999999999999999", body=b"x"),
    "another coding": put(b"Transfer-Encoding: xchunked", body=HIDDEN),
    "two codings": put(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n" + HIDDEN),
    "a coding twice": put(CHUNKED, CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "chunks in HTTP/1.0": get(b"PUT /seen HTTP/1.0", CHUNKED) + b"0\r\n\r\n" + HIDDEN,
    "a folded header": put(b"Content-Length: 0", b"X: a", b" Transfer-Encoding: chunked", body=HIDDEN),
    "a first header that is folded": get(b"GET /seen HTTP/1.1", host=b" Host: localhost\r\n"),
    "a space before the colon": put(b"Content-Length : %d" % len(HIDDEN), body=HIDDEN),
    "a header without a name": put(b": x"),
    "a header without a colon": put(b"Content-Length"),
    "NUL in a header": put(b"X: a\0b"),
    "NUL in a name": put(b"X\0: a"),
    "CR in a header": put(b"X: a\rContent-Length: 3"),
    "LF alone ends a line": b"GET /seen HTTP/1.1\nHost: localhost\n\n",
    "LF alone ends a header": put(b"X: a\nContent-Length: %d" % len(HIDDEN), body=HIDDEN),
    "two hosts": put(b"Host: evil.example"),
    "the same host twice": put(b"Host: localhost"),
    "no host": b"GET /seen HTTP/1.1\r\n\r\n",
    "another host in the URL": get(b"GET http://evil.example/seen HTTP/1.1"),
    "another scheme": get(b"GET gopher://localhost/seen HTTP/1.1"),
    "no path": get(b"GET seen HTTP/1.1"),
    "a space in the URL": get(b"GET /se en HTTP/1.1"),
    "NUL in the URL": get(b"GET /se\0en HTTP/1.1"),
    "a method of no token": get(b"G(T /seen HTTP/1.1"),
    "HTTP/0.9": b"GET /seen\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_ambiguous_is_refused_and_nothing_after_it_is_read(server: Server, name: str) -> None:
    server.echo.paths.clear()
    answer, body, rest = server.exchange(REFUSED[name])
    assert answer.status == 400
    assert answer.headers["Connection"] == "close"
    assert answer.headers["x-amzn-ErrorType"] == json.loads(body)["__type"] == "BadRequest"
    assert json.loads(body)["message"]
    assert rest == b""
    assert server.echo.paths == []


BAD_CHUNKS = {
    "no hexadecimal": b"ZZ\r\n",
    "a negative size": b"-1\r\n" + HIDDEN,
    "a signed size": b"+3\r\nabc\r\n0\r\n\r\n",
    "a size with a prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a size with an underscore": b"0_3\r\nabc\r\n0\r\n\r\n",
    "a size with a space before it": b" 3\r\nabc\r\n0\r\n\r\n",
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "LF alone after a size": b"3\nabc\r\n0\r\n\r\n",
    "more than the size": b"3\r\nabcdef\r\n0\r\n\r\n",
    "an endless extension": b"3;" + b"x" * 500 + b"\r\nabc\r\n0\r\n\r\n",
    "an endless trailer": b"0\r\n" + b"X: a\r\n" * 200,
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_broken_chunk_ends_the_connection(server: Server, name: str) -> None:
    """In the form of the service: for S3, XML."""
    server.echo.paths.clear()
    answer, body, rest = server.exchange(put(CHUNKED, S3[:-2], body=BAD_CHUNKS[name] + HIDDEN))
    assert (answer.status, answer.headers["Connection"]) == (400, "close")
    assert ElementTree.fromstring(body).findtext("Code") == "BadRequest"
    assert rest == b""
    assert server.echo.paths == ["/seen"]


@pytest.mark.parametrize(
    "sent",
    [put(b"Content-Length: 10", S3[:-2], body=b"abc"), put(CHUNKED, S3[:-2], body=b"5\r\nab")],
    ids=["length", "chunks"],
)
def test_a_body_that_breaks_off_is_incomplete(server: Server, sent: bytes) -> None:
    answer, body, rest = server.exchange(sent)
    assert (answer.status, rest) == (400, b"")
    assert ElementTree.fromstring(body).findtext("Code") == "IncompleteBody"


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (get(b"GET /" + b"a" * 100_000 + b" HTTP/1.1"), 414, "UriTooLong"),
        (get(b"GET /seen HTTP/1.1", b"X: " + b"a" * 100_000), 431, "RequestHeaderSectionTooLarge"),
        (get(b"GET /seen HTTP/1.1", *[b"X: a"] * 200), 431, "RequestHeaderSectionTooLarge"),
        (get(b"GET /seen HTTP/1.1", *[b"X: " + b"a" * 50_000] * 3), 431, "RequestHeaderSectionTooLarge"),
        (put(b"Content-Length: 100000000000", body=b"x"), 400, "EntityTooLarge"),
        (put(CHUNKED, body=b"FFFFFFFFFFFF\r\n"), 400, "EntityTooLarge"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTPVersionNotSupported"),
    ],
)
def test_what_is_too_much_is_refused_by_its_name(server: Server, sent: bytes, status: int, code: str) -> None:
    answer, body, rest = server.exchange(sent)
    assert (answer.status, code in body.decode(), rest) == (status, True, b"")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (put(b"Content-Length: 3", body=b"abc"), b"abc"),
        (
            put(
                b"transfer-encoding:\tChunked ", body=b"3;x=y\r\nabc\r\nB\r\ndefghijklmn\r\n0\r\nT: x\r\n\r\n"
            ),
            b"abcdefghijklmn",
        ),
        (b"\r\n" + put(b"Content-Length: 03", body=b"abc"), b"abc"),
        (put(b"Content-Length: 3", body=b"abc").replace(b"/seen", b"http://LOCALHOST/seen"), b"abc"),
        (put(b"Content-Length: 3", "X: Grüße".encode(), body=b"abc"), b"abc"),
    ],
    ids=["length", "chunks", "empty line first", "whole URL", "bytes above ASCII"],
)
def test_what_is_allowed_is_read_and_the_next_request_too(
    server: Server, sent: bytes, expected: bytes
) -> None:
    server.echo.paths.clear()
    with server.connection() as used:
        for _ in range(2):
            used.sendall(sent)
            answer = HTTPResponse(used)
            answer.begin()
            assert (answer.status, answer.read()) == (200, expected)
        used.sendall(HIDDEN)
        assert used.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
    assert server.echo.paths == ["/seen", "/seen", "/hidden"]


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("wish", [b"close", b"keep-alive"])
def test_a_connection_is_kept_as_its_client_wishes(server: Server, version: bytes, wish: bytes) -> None:
    with server.connection() as used:
        used.sendall(get(b"GET /seen HTTP/" + version, b"Connection: " + wish))
        answer = HTTPResponse(used)
        answer.begin()
        assert (answer.status, answer.read()) == (200, b"")
        used.sendall(HIDDEN if wish == b"keep-alive" else b"")
        assert used.recv(100)[:12] == (b"HTTP/1.1 200" if wish == b"keep-alive" else b"")


# --- slow clients ----------------------------------------------------------------------------------------


def threads_of_requests() -> int:
    return sum("process_request_thread" in each.name for each in threading.enumerate())


def test_half_a_head_does_not_hold_a_thread_for_long(hasty: Server) -> None:
    before = threads_of_requests()
    waiting = []
    for _ in range(200):
        waiting.append(hasty.connection())
        waiting[-1].sendall(b"GET / HTTP/1.1\r\n")
    for used in waiting:  # each ends by itself, in words
        said = b"".join(iter(lambda used=used: used.recv(2**16), b""))  # type: ignore[misc]
        assert b"400 Bad Request" in said
        assert b'"RequestTimeout"' in said
        used.close()
    while threads_of_requests() > before:
        time.sleep(0.01)
    answer, _, _ = hasty.exchange(get(b"GET /seen HTTP/1.1", b"Connection: close"))
    assert answer.status == 200


def test_a_head_that_trickles_in_has_no_more_time(hasty: Server) -> None:
    """Each byte comes soon after the one before; the time is for all of them."""
    with hasty.connection() as used:
        said = threading.Thread(target=trickle, args=(used,), daemon=True)
        said.start()
        assert b'"RequestTimeout"' in b"".join(iter(lambda: used.recv(2**16), b""))
        said.join(20)


def trickle(used: socket.socket) -> None:
    """Sends a head that never ends, until the other side has had enough."""
    try:
        used.sendall(b"GET / HTTP/1.1\r\nX: ")
        while True:
            used.sendall(b"a")
            time.sleep(0.02)
    except OSError:
        return


def test_a_connection_without_a_word_is_closed(hasty: Server) -> None:
    with hasty.connection() as used:
        assert used.recv(100) == b""
