"""What one caller may cost the data plane: long payloads, many at a time, slow ones, and what is no HTTP."""

from __future__ import annotations

import gzip
import json
import select
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError
from serving_fakes import SCOPE, fleet_plan, runtime_client, start_data_plane

from gluonship.local.contracts import Route
from gluonship.local.serving.content_encodings import ContentEncodingError, decoded
from gluonship.local.serving.fleets import ProcessFleets
from gluonship.local.serving.limits import Limits
from gluonship.local.serving.router import DataPlane

SMALL = Limits(payload_bytes=50_000, held_bytes=80_000)
PATIENCE = 30.0  # of a test that would otherwise never end


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    plane = start_data_plane(tmp_path_factory.mktemp("small"), limits=SMALL)
    yield plane
    plane.close()


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    """Its deadlines are over before a test is."""
    plane = start_data_plane(
        tmp_path_factory.mktemp("hasty"), limits=replace(SMALL, head_seconds=0.5, body_seconds=0.7)
    )
    yield plane
    plane.close()


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[DataPlane]:
    """AWS's payloads, a short deadline for taking answers, and room for some 8 bodies."""
    plane = start_data_plane(tmp_path / "patient", limits=Limits(held_bytes=50 * 2**20, answer_seconds=0.5))
    yield plane
    plane.close()


@pytest.fixture
def pets(fleets: ProcessFleets) -> Iterator[Callable[[DataPlane], None]]:
    """Puts the endpoint `pets` behind a data plane."""
    served: list[DataPlane] = []

    def serve(plane: DataPlane) -> None:
        plane.set_routes(SCOPE, "pets", [Route("AllTraffic", 1.0, fleets.provision(fleet_plan()))])
        served.append(plane)

    yield serve
    for plane in served:
        plane.set_routes(SCOPE, "pets", [])


def refusal(plane: DataPlane, body: bytes) -> tuple[str, int, dict[str, Any]]:
    with pytest.raises(ClientError) as caught:
        runtime_client(plane.port).invoke_endpoint(EndpointName="pets", Body=body)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response


@dataclass
class Caller:
    """A connection whose bytes a test sends itself."""

    wire: socket.socket

    @classmethod
    def of(cls, plane: DataPlane, receive_buffer: int = 0) -> Caller:
        wire = socket.socket()
        wire.settimeout(PATIENCE)
        if receive_buffer:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        wire.connect(("127.0.0.1", plane.port))
        return cls(wire)

    def send(self, data: bytes) -> None:
        self.wire.sendall(data)

    def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON of the next answer."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += self._more()
        status = int(first.split()[1])
        return status, headers, json.loads(body) if body else None

    def ended(self) -> bool:
        return self.wire.recv(1) == b""

    def _more(self) -> bytes:
        data = self.wire.recv(2**16)
        assert data, "the connection ended without an answer"
        return data


def signed_head(plane: DataPlane, body: bytes, **headers: str) -> bytes:
    """The head of boto3's InvokeEndpoint with `body`, with more `headers`; without a Content-Length."""
    taken: list[AWSPreparedRequest] = []

    class TakenError(Exception):
        pass

    def take(request: AWSPreparedRequest, **_: Any) -> None:
        taken.append(request)
        raise TakenError

    client = runtime_client(plane.port)
    client.meta.events.register("before-send", take)
    with pytest.raises(TakenError):
        client.invoke_endpoint(EndpointName="pets", Body=body)
    lines = [f"POST /endpoints/pets/invocations HTTP/1.1\r\nHost: 127.0.0.1:{plane.port}"]
    for name, value in taken[0].headers.items():
        if name.lower() not in ("content-length", "host"):
            lines.append(f"{name}: {value.decode() if isinstance(value, bytes) else value}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


# --- the payload -----------------------------------------------------------------------------------------


def test_a_payload_has_its_limit_both_ways(small: DataPlane, pets: Callable[[DataPlane], None]) -> None:
    pets(small)
    client = runtime_client(small.port)
    assert (
        json.load(client.invoke_endpoint(EndpointName="pets", Body=bytes(50_000))["Body"])["size"] == 50_000
    )
    code, status, response = refusal(small, bytes(50_001))
    assert (code, status) == ("ValidationError", 413)
    assert "HTTP content length exceeded 50000 bytes" in response["Error"]["Message"]
    assert "GLUONSHIP_PAYLOAD_LIMIT_BYTES" in response["Error"]["Message"]

    assert len(client.invoke_endpoint(EndpointName="pets", Body=b"answer 50000")["Body"].read()) == 50_000
    code, status, response = refusal(small, b"answer 50001")
    assert (code, status, response["OriginalStatusCode"]) == ("ModelError", 424, 200)
    assert "exceeds the limit of InvokeEndpoint, 50000 bytes" in response["OriginalMessage"]


def test_a_body_without_its_length_has_the_limit_too(small: DataPlane) -> None:
    caller = Caller.of(small)
    caller.send(signed_head(small, b"x", Transfer_Encoding="chunked"))
    caller.send(b"%x\r\n%b\r\n" % (50_001, bytes(50_001)))
    status, headers, error = caller.answer()
    assert (status, headers["x-amzn-errortype"], headers["connection"]) == (413, "ValidationError", "close")
    assert "exceeded 50000 bytes" in error["Message"]


def test_too_long_is_said_before_the_body_is_sent(small: DataPlane) -> None:
    caller = Caller.of(small)
    caller.send(signed_head(small, b"x", Content_Length="100000000000", Expect="100-continue"))
    assert caller.answer()[0] == 413


# --- bytes that are held ---------------------------------------------------------------------------------


def test_bodies_above_what_may_be_held_wait_outside(small: DataPlane) -> None:
    body = bytes(45_000)
    first, second = Caller.of(small), Caller.of(small)
    head = signed_head(small, body, Content_Length="45000", Expect="100-continue")
    first.send(head)
    assert first.answer()[0] == 100  # it counts from here on, before a byte of it is there
    second.send(head)
    status, headers, error = second.answer()
    assert (status, headers["content-type"]) == (503, "application/json")
    assert headers["x-amzn-errortype"] == "ServiceUnavailable"
    assert "holds 45000 bytes of other requests' bodies, of at most 80000" in error["Message"]
    first.send(body)
    assert "Endpoint pets" in first.answer()[2]["Message"]
    third = Caller.of(small)
    third.send(head)
    assert third.answer()[0] == 100


def test_large_bodies_leave_no_memory_behind(patient: DataPlane) -> None:
    body = bytes(6_000_000)
    head = signed_head(patient, body, Content_Length=str(len(body)))
    process = psutil.Process(patient.pid)
    before = process.memory_info().rss
    callers = [Caller.of(patient) for _ in range(12)]
    for caller in callers:
        caller.send(head + body[:-1])
    answers = []
    for caller in callers:
        with_answer = select.select([caller.wire], [], [], 0)[0]
        if not with_answer:
            caller.send(body[-1:])
        answers.append(caller.answer()[0])
    assert answers.count(400) == 8  # no endpoint of that name
    assert answers.count(503) == 4
    for caller in callers:
        caller.wire.close()
    end = time.monotonic() + PATIENCE
    while process.memory_info().rss - before > 24_000_000:  # half of what was held
        assert time.monotonic() < end, f"{(process.memory_info().rss - before) >> 20} MiB stayed"
        time.sleep(0.05)


# --- deadlines -------------------------------------------------------------------------------------------


def test_headers_that_never_end_end_the_connection(hasty: DataPlane) -> None:
    caller = Caller.of(hasty)
    caller.send(b"POST /endpoints/pets/invocations HTTP/1.1\r\nX-a: ")
    status, headers, error = caller.answer()
    assert (status, headers["content-type"]) == (408, "application/json")
    assert "headers were not whole 0.5 s after" in error["Message"]
    assert caller.ended()


def test_the_second_request_of_a_connection_has_the_deadline_too(hasty: DataPlane) -> None:
    caller = Caller.of(hasty)
    caller.send(signed_head(hasty, b"x", Content_Length="1") + b"x")
    assert caller.answer()[0] == 400
    caller.send(b"POST /")
    assert caller.answer()[0] == 408
    assert caller.ended()


def test_a_body_that_never_ends_ends_the_connection(hasty: DataPlane) -> None:
    caller = Caller.of(hasty)
    caller.send(signed_head(hasty, b"xyz", Content_Length="3") + b"x")
    status, headers, error = caller.answer()
    assert (status, headers["x-amzn-errortype"]) == (408, "RequestTimeoutException")
    assert "was not there 0.7 s after its headers" in error["Message"]
    caller.wire.shutdown(socket.SHUT_WR)
    assert caller.ended()


def test_an_answer_that_nobody_takes_is_dropped(
    patient: DataPlane, pets: Callable[[DataPlane], None]
) -> None:
    pets(patient)
    caller = Caller.of(patient, receive_buffer=2**12)
    body = b"answer 6291456"
    caller.send(signed_head(patient, body, Content_Length=str(len(body))) + body)
    waiting = select.poll()
    waiting.register(caller.wire, 0)  # the end of the connection alone
    assert waiting.poll(PATIENCE * 1000), "the answer is still held"


# --- what is no request ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\nabc",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: +3\r\n\r\nabc",
        b"Content-Length: 99999999999999999999\r\n\r\n",
        b"Content-Length: 0\r\nContent-Length: 3\r\n\r\nabc",
        b"Content-Length : 3\r\n\r\nabc",
        b"Host: other.example\r\n\r\n",
        b"X-Long: " + b"a" * 9000 + b"\r\n\r\n",
        b"".join(b"X-%d: a\r\n" % number for number in range(200)) + b"\r\n",
        b"X: a\r\n b\r\n\r\n",
        b"No colon\r\n\r\n",
    ],
)
def test_what_is_no_request_gets_json_and_the_connection_ends(small: DataPlane, head: bytes) -> None:
    caller = Caller.of(small)
    caller.send(b"POST /endpoints/pets/invocations HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % small.port + head)
    status, headers, error = caller.answer()
    assert (status, headers["content-type"], headers["connection"]) == (400, "application/json", "close")
    assert error["Message"].startswith("The request cannot be read: ")
    assert "\n" not in error["Message"]
    assert caller.ended()


@pytest.mark.parametrize("chunks", [b"ZZ\r\n", b"-1\r\n", b"1\r\nxx\r\n"])
def test_chunks_that_are_none_get_json_and_the_connection_ends(small: DataPlane, chunks: bytes) -> None:
    caller = Caller.of(small)
    caller.send(signed_head(small, b"x", Transfer_Encoding="chunked") + chunks)
    status, headers, _ = caller.answer()
    assert (status, headers["content-type"], headers["connection"]) == (400, "application/json", "close")
    assert caller.ended()


def test_callers_that_leave_write_nothing_into_the_log(small: DataPlane, tmp_path: Path) -> None:
    plane = start_data_plane(tmp_path / "left")
    try:
        for _ in range(20):
            caller = Caller.of(plane)
            caller.send(signed_head(plane, b"x" * 1000, Content_Length="1000") + b"abc")
            caller.wire.close()
        asked = Caller.of(plane)
        asked.send(signed_head(plane, b"x", Content_Length="1") + b"x")
        assert asked.answer()[0] == 400
    finally:
        plane.close()
    assert (tmp_path / "left" / "data-plane.log").read_text() == ""


# --- Content-Encoding ------------------------------------------------------------------------------------


def test_an_encoded_body_reaches_the_container_as_it_was(
    small: DataPlane, pets: Callable[[DataPlane], None]
) -> None:
    pets(small)
    encoded = gzip.compress(b"x" * 30_000, mtime=0)
    caller = Caller.of(small)
    caller.send(
        signed_head(small, encoded, Content_Length=str(len(encoded)), Content_Encoding="gzip") + encoded
    )
    status, _, answer = caller.answer()
    assert (status, answer["size"]) == (200, 30_000)
    assert "content-encoding" not in answer["headers"]


@pytest.mark.parametrize(
    ("encoding", "body", "status", "words"),
    [
        ("gzip", b"plain", 400, "Content-Encoding says gzip, but the request's body is not that"),
        ("gzip", gzip.compress(b"x" * 1000, mtime=0)[:-9], 400, "ends in the middle of its gzip data"),
        ("gzip", gzip.compress(b"x" * 1000, mtime=0)[:-8] + bytes(8), 400, "incorrect data check"),
        ("deflate", b"plain", 400, "Content-Encoding says deflate"),
        ("br", b"plain", 400, "'br' is not known here: send gzip or deflate"),
        ("gzip", gzip.compress(bytes(10**7), mtime=0), 413, "exceeded 50000 bytes"),
    ],
)
def test_a_broken_encoding_is_the_callers_mistake(
    small: DataPlane, encoding: str, body: bytes, status: int, words: str
) -> None:
    caller = Caller.of(small)
    caller.send(signed_head(small, body, Content_Length=str(len(body)), Content_Encoding=encoding) + body)
    answered, headers, error = caller.answer()
    assert (answered, headers["x-amzn-errortype"]) == (status, "ValidationError")
    assert words in error["Message"]


def _raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


PLAIN = b"one picture " * 40_000


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("identity", PLAIN),
        (" , ", PLAIN),
        ("x-gzip", gzip.compress(PLAIN, mtime=0)),
        ("GZIP", gzip.compress(PLAIN[:7], mtime=0) + gzip.compress(PLAIN[7:], mtime=0)),
        ("deflate", zlib.compress(PLAIN)),
        ("deflate", _raw_deflate(PLAIN)),
        ("deflate, gzip", gzip.compress(zlib.compress(PLAIN), mtime=0)),
        ("gzip, identity", gzip.compress(PLAIN, mtime=0)),
    ],
)
def test_encodings_are_undone(encoding: str, body: bytes) -> None:
    assert decoded(body, encoding, len(PLAIN)) == PLAIN
    if body != PLAIN:
        assert decoded(body, encoding, len(PLAIN) - 1) is None


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_an_encoding_of_nothing(encoding: str) -> None:
    assert decoded(b"", encoding, 10) == b""


def test_what_follows_a_deflate_stream_is_broken() -> None:
    with pytest.raises(ContentEncodingError):
        decoded(zlib.compress(PLAIN) + b"more", "deflate", len(PLAIN))
