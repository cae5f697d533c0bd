"""What the check of signatures costs a request of the control plane: `python benchmarks/door.py`.

Two of the control plane's HTTP servers before an application that answers 100 bytes: one with the door, one
without. The same signed request goes to both by turns, so that a busy moment hits both. Target:
at most 0.5 ms more at the median, with 1 KB and 100 KB. Exits with 1 when it is missed.
"""

from __future__ import annotations

import argparse
import functools
import http.client
import json
import os
import platform
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from gluonship.local.control.door import Door
from gluonship.local.control.http_server import HttpServer
from gluonship.local.door.keys import Key

RESULTS = Path(__file__).parent / "results"
TARGET_MS = 0.5
WARM_UP = 50  # requests that are not counted
SIZES = (1_000, 100_000)
KEY = Key("AKIABENCHMARK", "no secret", "123456789012")


def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "100")])
    return [b"x" * 100]


def server(door: bool) -> HttpServer:
    listener = socket.create_server(("127.0.0.1", 0))
    find_key = {KEY.id: KEY}.get
    application = (
        Door(answer, find_key, listener.getsockname()[1], Path(tempfile.gettempdir())) if door else answer
    )
    made = HttpServer(listener, application)
    made.start()
    return made


def sender(port: int) -> Callable[[bytes], None]:
    """Sends one body over a connection that stays open, and reads the whole answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port)

    @functools.cache  # a signature holds for minutes; the sender's work is not what is measured
    def headers(body: bytes) -> dict[str, str]:
        target = {"X-Amz-Target": "SageMaker.ListModels", "Host": f"127.0.0.1:{port}"}
        request = AWSRequest("POST", f"http://127.0.0.1:{port}/", target, body)
        SigV4Auth(Credentials(KEY.id, KEY.secret), "sagemaker", "us-east-1").add_auth(request)
        return dict(request.headers.items())

    def send(body: bytes) -> None:
        connection.request("POST", "/", body, headers(body))
        response = connection.getresponse()
        if response.status != 200 or len(response.read()) != 100:
            raise RuntimeError(f"port {port} answered {response.status}")

    return send


def measure(senders: dict[str, Callable[[bytes], None]], size: int, requests: int) -> dict[str, float]:
    """The median milliseconds of each way."""
    body = os.urandom(size)
    taken: dict[str, list[float]] = {way: [] for way in senders}
    for number in range(requests + WARM_UP):
        for way, send in senders.items():
            started = time.perf_counter()
            send(body)
            if number >= WARM_UP:
                taken[way].append((time.perf_counter() - started) * 1e3)
    return {way: round(statistics.median(each), 3) for way, each in taken.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000, help="of each way and size")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the JSON")
    arguments = parser.parse_args()
    load = [round(each, 2) for each in os.getloadavg()]
    servers = {"without the door": server(door=False), "with the door": server(door=True)}
    senders = {way: sender(each.port) for way, each in servers.items()}
    sizes = {}
    for size in SIZES:
        medians = measure(senders, size, arguments.requests)
        adds = round(medians["with the door"] - medians["without the door"], 3)
        sizes[f"{size}_bytes"] = {"p50_ms": medians, "door_adds_p50_ms": adds}
        print(f"{size} bytes: the door adds {adds} ms at p50 ({medians})")
    for each in servers.values():
        each.close()
    reached = all(each["door_adds_p50_ms"] <= TARGET_MS for each in sizes.values())
    result = {
        "benchmark": "what the check of signatures adds to a request of the control plane",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "botocore": botocore.__version__,
            "load_average_before": load,
        },
        "requests_each": arguments.requests,
        "target_p50_ms": TARGET_MS,
        "reached": reached,
        "sizes": sizes,
    }
    arguments.results.mkdir(parents=True, exist_ok=True)
    target = arguments.results / "door.json"
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"{'reached' if reached else 'MISSED'}: at most {TARGET_MS} ms; see {target}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
