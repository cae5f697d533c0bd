"""What the data plane adds to an HTTP request: `python benchmarks/data_plane.py`.

One container that does nothing; the same body is sent to it directly, through the data plane, and through
the data plane by boto3. The three take turns, request by request, so that a busy moment of the machine hits
all of them. Target: at most 1 ms more at the median, with 1 KB and 100 KB. Exits with 1 when it is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.client
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import botocore
import matplotlib
import numpy as np
import numpy.typing as npt
import psutil
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from gluonship.local.contracts import FleetPlan, Route, Scope
from gluonship.local.door.keys import Key
from gluonship.local.serving.instances import InstanceState
from gluonship.local.serving.router import DataPlane

matplotlib.use("Agg")
from matplotlib import pyplot as plt

RESULTS = Path(__file__).parent / "results"
TARGET_MS = 1.0
WARM_UP = 50  # requests that are not counted
SIZES = (1_000, 100_000)
SCOPE = Scope("123456789012", "us-east-1")
WAYS = ("direct", "data plane", "boto3 through the data plane")

Times = npt.NDArray[np.float64]  # milliseconds, one a request

# A container that reads a request and answers 100 bytes: less would be no HTTP server at all.
CONTAINER = """
import asyncio

class Answer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.data = transport, b""

    def data_received(self, data):
        self.data += data
        end = self.data.find(b"\\r\\n\\r\\n")
        if end < 0:
            return
        head = self.data[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15:].split(b"\\r\\n", 1)[0]) if at >= 0 else 0
        if len(self.data) >= end + 4 + length:
            self.data = self.data[end + 4 + length:]
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\n"
                                 b"Content-Length: 100\\r\\n\\r\\n" + b"x" * 100)

async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


class OneInstance:
    """A fleet of the one container."""

    wait_idle: Callable[[float], bool] | None = None

    def __init__(self, port: int) -> None:
        self.plan = FleetPlan(SCOPE, "bench", "AllTraffic", "none", None, {}, 1, "/group", 1.0)
        self.states = (InstanceState("i-1", port, ready=True),)
        self.instance_ids: Sequence[str] = ("i-1",)

    def watch(self, _: Callable[[InstanceState], None]) -> None:
        """It never changes."""

    def retire(self, drain_seconds: float) -> None:
        """It ends with the benchmark."""


@contextlib.contextmanager
def container() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", CONTAINER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


KEY = Key("AKIABENCHMARK", "no secret", "123456789012")


def ways(container_port: int, plane_port: int) -> dict[str, Callable[[bytes], None]]:
    """Each sends one body and reads the whole answer, over a connection that stays open."""

    def plain(port: int, path: str) -> Callable[[bytes], None]:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        url = f"http://127.0.0.1:{port}{path}"

        @functools.cache  # a signature holds for minutes; the sender's work is not what is measured
        def headers(body: bytes) -> dict[str, str]:
            request = AWSRequest("POST", url, {"Content-Type": "image/jpeg", "Host": url.split("/")[2]}, body)
            SigV4Auth(Credentials(KEY.id, KEY.secret), "sagemaker", "us-east-1").add_auth(request)
            return dict(request.headers.items())

        def send(body: bytes) -> None:
            connection.request("POST", path, body, headers(body))
            answer = connection.getresponse()
            if answer.status != 200 or len(answer.read()) != 100:
                raise RuntimeError(f"{path} on port {port} answered {answer.status}")

        return send

    client: Any = boto3.client(
        "sagemaker-runtime",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{plane_port}",
        aws_access_key_id=KEY.id,
        aws_secret_access_key=KEY.secret,
        config=Config(proxies={}),
    )

    def by_boto3(body: bytes) -> None:
        answer = client.invoke_endpoint(EndpointName="bench", Body=body, ContentType="image/jpeg")
        answer["Body"].read()

    return {
        WAYS[0]: plain(container_port, "/invocations"),
        WAYS[1]: plain(plane_port, "/endpoints/bench/invocations"),
        WAYS[2]: by_boto3,
    }


def measure(senders: dict[str, Callable[[bytes], None]], size: int, requests: int) -> dict[str, Times]:
    """Milliseconds of every request, by way: arrays of `requests`."""
    body = os.urandom(size)
    taken: dict[str, list[float]] = {way: [] for way in senders}
    orders = itertools.cycle(itertools.permutations(senders))  # no way is always after the same other
    for turn in range(requests + WARM_UP):
        for way in next(orders):
            started = time.perf_counter()
            senders[way](body)
            if turn >= WARM_UP:
                taken[way].append((time.perf_counter() - started) * 1e3)
    return {way: np.array(values) for way, values in taken.items()}


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def summary(taken: dict[str, Times]) -> dict[str, Any]:
    quantiles = {
        way: {f"p{q}_ms": round(float(np.percentile(values, q)), 3) for q in (50, 95, 99)}
        for way, values in taken.items()
    }
    direct, plane, boto = (quantiles[way]["p50_ms"] for way in WAYS)
    return {
        "ways": quantiles,
        "data_plane_adds_p50_ms": round(plane - direct, 3),
        "boto3_adds_p50_ms": round(boto - plane, 3),
    }


def machine() -> dict[str, Any]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "aiohttp": aiohttp.__version__,
        "botocore": botocore.__version__,
        "niceness": os.nice(0),
        "load_average_before": [round(value, 2) for value in os.getloadavg()],
    }


def plot(all_taken: dict[int, dict[str, Times]], target: Path) -> None:
    figure, axes = plt.subplots(1, len(all_taken), figsize=(11, 4.2), sharey=True, constrained_layout=True)
    for axis, (size, taken) in zip(np.atleast_1d(axes), all_taken.items(), strict=True):
        for way, values in taken.items():
            ordered = np.sort(values)
            shares = np.arange(1, len(ordered) + 1) / len(ordered) * 100
            axis.plot(ordered, shares, label=f"{way}: p50 {np.median(values):.2f} ms")
        axis.axhline(50, color="grey", linewidth=0.6)
        axis.set(title=f"body of {size // 1000} KB", xlabel="ms a request", xscale="log")
        axis.grid(alpha=0.3, which="both")
        axis.legend(loc="lower right", fontsize=8)
    np.atleast_1d(axes)[0].set_ylabel("% of requests that took at most so long")
    figure.suptitle("InvokeEndpoint: the same container, directly and through the data plane")
    figure.savefig(target, dpi=110)
    plt.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000, help="of each way and size")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the JSON and the plot")
    arguments = parser.parse_args()
    description = machine()
    with tempfile.TemporaryDirectory() as home, container() as port:
        plane = DataPlane.start(Path(home), home_key_id=KEY.id, find_key={KEY.id: KEY}.get)
        try:
            plane.set_routes(SCOPE, "bench", [Route("AllTraffic", 1.0, OneInstance(port))])
            senders = ways(port, plane.port)
            process = psutil.Process(plane.pid)
            before = cpu_seconds(process)
            taken = {size: measure(senders, size, arguments.requests) for size in SIZES}
            through = len(SIZES) * 2 * (arguments.requests + WARM_UP)
            cpu_ms = (cpu_seconds(process) - before) / through * 1e3
        finally:
            plane.close()
    sizes = {f"{size}_bytes": summary(each) for size, each in taken.items()}
    worst = max(each["data_plane_adds_p50_ms"] for each in sizes.values())
    result = {
        "benchmark": "what the data plane adds to a raw HTTP request to the same instance",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": description,
        "requests_each": arguments.requests,
        "target_p50_ms": TARGET_MS,
        "data_plane_cpu_ms_a_request": round(cpu_ms, 3),
        "reached": worst <= TARGET_MS,
        "sizes": sizes,
    }
    arguments.results.mkdir(parents=True, exist_ok=True)
    target = arguments.results / "data_plane.json"
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    plot(taken, target.with_suffix(".png"))
    for size, each in sizes.items():
        print(
            f"{size}: the data plane adds {each['data_plane_adds_p50_ms']} ms at p50, "
            f"boto3 another {each['boto3_adds_p50_ms']} ms"
        )
    print(f"{'reached' if result['reached'] else 'MISSED'}: at most {TARGET_MS} ms; see {target}")
    return 0 if result["reached"] else 1


if __name__ == "__main__":
    sys.exit(main())
