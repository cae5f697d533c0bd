"""The native handler over HTTP: what it answers to good and to bad requests."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from server_process import Server

from gluonship.vision.predictions import Classification


@pytest.fixture(scope="module")
def server(artifact: Path, start: Callable[..., Server]) -> Server:
    return start(artifact, SAGEMAKER_MODEL_SERVER_WORKERS="2").wait_ready()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("name", ["jpeg", "rotated", "png", "alpha", "webp", "any"])
def test_every_kind_of_picture_is_classified(server: Server, pictures: Any, name: str) -> None:
    content_type, data = pictures[name]
    answer = server.invoke(data, content_type)
    assert answer.status == 200
    prediction = Classification.from_json(answer.json())
    assert {score.label for score in prediction.scores} == {"red", "green", "blue"}
    assert sum(score.probability for score in prediction.scores) == pytest.approx(1, abs=1e-6)


def test_the_golden_sample_answers_what_training_saw(server: Server, pictures: Any, artifact: Path) -> None:
    answer = server.invoke(
        pictures["png"][1], "image/png; charset=binary", Accept="application/*;q=0.8, text/html"
    )
    expected = json.loads((artifact / "model" / "golden" / "prediction").read_text())
    for found, wanted in zip(answer.json()["predictions"], expected["predictions"], strict=True):
        assert found["label"] == wanted["label"]
        assert found["probability"] == pytest.approx(wanted["probability"], abs=1e-6)


def test_json_holds_one_image_or_several(server: Server, pictures: Any) -> None:
    files = [data for _, data in pictures.values()]
    single = [server.invoke(json.dumps({"image": text(data)}), "application/json").json() for data in files]
    several = server.invoke(
        json.dumps({"instances": [{"image": text(data)} for data in files]}),
        "application/json; charset=utf-8",
    )
    assert several.json() == {"predictions_list": single}
    assert single[0] == server.invoke(files[0], "image/jpeg").json()


def huge_png() -> bytes:
    """A whole, valid PNG of 30,000 x 30,000 pixels, 1 bit each, in some 110 kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    compressor = zlib.compressobj(1)
    row = bytes(1 + 30_000 // 8)
    rows = b"".join(compressor.compress(row) for _ in range(30_000)) + compressor.flush()
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def in_pieces(size: int) -> Iterator[bytes]:
    """A body without a Content-Length."""
    for _ in range(size // 2**20):
        yield bytes(2**20)


BAD_REQUESTS: dict[str, tuple[Callable[[Any], Any], str, int, str]] = {
    "truncated": (lambda jpeg: jpeg[: len(jpeg) // 2], "image/jpeg", 400, "InvalidImage"),
    "text as .jpg": (lambda _: b"I am not a picture at all\n", "image/jpeg", 400, "UnsupportedImage"),
    "huge": (lambda _: huge_png(), "image/png", 400, "ImageTooLarge"),
    "empty": (lambda _: b"", "image/jpeg", 400, "EmptyBody"),
    "30 MB of zeros": (lambda _: bytes(30_000_000), "image/jpeg", 413, "BodyTooLarge"),
    "30 MB in pieces": (lambda _: in_pieces(30 * 2**20), "image/jpeg", 413, "BodyTooLarge"),
    "24 MB of zeros": (lambda _: bytes(24_000_000), "image/jpeg", 400, "ImageTooLarge"),
    "CSV": (lambda _: b"1,2,3", "text/csv", 415, "UnsupportedMediaType"),
    "no type": (lambda jpeg: jpeg, "", 415, "UnsupportedMediaType"),
    "not JSON": (lambda _: b"{", "application/json", 400, "InvalidJson"),
    "deep JSON": (lambda _: b"[" * 500_000, "application/json", 400, "InvalidJson"),
    "not base64": (lambda _: b'{"image": "%%%"}', "application/json", 400, "InvalidJson"),
    "text in base64": (
        lambda _: json.dumps({"image": text(b"hello")}),
        "application/json",
        400,
        "UnsupportedImage",
    ),
    "no instances": (lambda _: b'{"instances": []}', "application/json", 400, "InvalidJson"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_bad_requests_get_a_code_and_a_sentence(server: Server, pictures: Any, name: str) -> None:
    body, content_type, status, code = BAD_REQUESTS[name]
    answer = server.invoke(body(pictures["jpeg"][1]), content_type)
    assert (answer.status, answer.error["code"]) == (status, code)
    assert server.invoke(*reversed(pictures["jpeg"])).status == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_is_not_encoded_as_it_says(server: Server, pictures: Any, encoding: str) -> None:
    content_type, data = pictures["jpeg"]
    answer = server.invoke(data, content_type, **{"Content-Encoding": encoding})
    assert (answer.status, answer.error["code"]) == (400, "BodyUnreadable")
    assert encoding in answer.error["message"]
    assert server.invoke(gzip.compress(data), content_type, **{"Content-Encoding": "gzip"}).status == 200


def test_errors_name_what_would_be_right(server: Server, pictures: Any) -> None:
    content_type, data = pictures["png"]
    wrong_type = server.invoke(data, "image/tiff").error["message"]
    assert "image/tiff" in wrong_type
    assert "image/jpeg, image/png, image/webp, application/x-image, application/json" in wrong_type
    refused = server.invoke(data, content_type, Accept="text/csv, application/json;q=0")
    assert (refused.status, refused.error["code"]) == (406, "NotAcceptable")
    body = json.dumps({"instances": [{"image": text(data)}, {"image": text(b"hello")}]})
    assert server.invoke(body, "application/json").error["message"].startswith("instances[1]: ")
    assert "/invocations" in server.request("GET", "/models").error["message"]
    assert server.request("GET", "/invocations").error["code"] == "MethodNotAllowed"


def test_batch_jobs_are_told_how_to_send(server: Server) -> None:
    assert server.request("GET", "/execution-parameters").json() == {
        "MaxConcurrentTransforms": 2,
        "BatchStrategy": "SINGLE_RECORD",
        "MaxPayloadInMB": 25,
    }


def test_a_killed_engine_costs_one_request_and_is_replaced(server: Server, pictures: Any) -> None:
    server.wait_ready(engines=2)
    content_type, data = pictures["jpeg"]
    answers: list[Any] = []
    until = time.monotonic() + 4

    def client() -> None:
        while time.monotonic() < until:
            answers.append(server.invoke(data, content_type, timeout=20))

    clients = [threading.Thread(target=client) for _ in range(8)]
    for thread in clients:
        thread.start()
    time.sleep(0.5)
    before = {engine.pid for engine in server.engines()}
    server.engines()[0].kill()
    for thread in clients:
        thread.join(30)
        assert not thread.is_alive(), "a request hangs"
    failures = [answer for answer in answers if answer.status != 200]
    assert len(failures) <= 1
    assert all(answer.error["code"] == "EngineLost" for answer in failures)
    assert len(answers) > 50
    server.wait_ready(engines=2)
    assert len({engine.pid for engine in server.engines()} - before) == 1
    assert "signal 9 (SIGKILL)" in server.log


def test_it_listens_on_loopback_only(server: Server) -> None:
    addresses = {item[4][0] for item in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in addresses - {"127.0.0.1"}:
        with pytest.raises(ConnectionRefusedError), socket.create_connection((address, server.port), 2):
            pass
    assert "address=127.0.0.1:" in server.log
