"""Our server against the bare MXNet engine: `python benchmarks/serving_throughput.py`.

resnet18_v1b at 224 with random weights, as many single-threaded engine processes on either side, 1, 4 and 16
clients, each of which sends its next request when it has the answer. Three contenders take turns:
- forward: the engine alone, a prepared tensor in, the output as NumPy out;
- decode and forward: the engine alone, from a JPEG (640 x 480) to a classification;
- server: the JPEG over HTTP, the classification back as JSON.
Target: at 16 clients the server reaches 0.90 of `forward`, the median over rounds; exits with 1 when it is
missed. On a machine that others use, the ratio of a request's CPU time (`by_cpu`, without the client's) says
more. Without HTTP "clients" are engines that are busy at once: never more than there are.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Before MXNet is imported, and as in the server:
os.environ.update({"OMP_NUM_THREADS": "1", "MXNET_CPU_WORKER_NTHREADS": "1", "OPENBLAS_NUM_THREADS": "1"})

import cv2
import matplotlib
import mxnet as mx
import numpy as np
import psutil
from gluoncv import model_zoo
from PIL import Image

from gluonship import bundles
from gluonship.vision import artifacts, images, predictions

matplotlib.use("Agg")
from matplotlib import pyplot as plt

sys.path.insert(0, str(bundles.find("inference")))
from gluonship_inference import classifier

RESULTS = Path(__file__).parent / "results"
TARGET = 0.90
NETWORK = "resnet18_v1b"
CLIENTS = (1, 4, 16)
FORWARD, DECODE_AND_FORWARD, SERVER = CONTENDERS = ("forward", "decode and forward", "server")

Latencies = list[float]


@dataclass(frozen=True)
class Contender:
    run: Callable[[int, float], tuple[float, Latencies]]
    """(clients, seconds) to requests a second and each request's latency in seconds."""
    processes: Sequence[psutil.Process]

    def cpu_seconds(self) -> float:
        """What its processes have used so far."""
        return sum(times.user + times.system for times in (each.cpu_times() for each in self.processes))


@dataclass(frozen=True)
class Round:
    """One run of one contender; `cpu_ms` is of a request."""

    throughput: float  # requests a second
    p50_ms: float
    cpu_ms: float


def picture() -> bytes:
    """A JPEG of 640 x 480 with soft shapes, as costly to decode as a photograph (some 60 kB)."""
    coarse = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    fine = np.random.default_rng(1).normal(0, 6, (480, 640, 3))
    pixels = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC) + fine
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def make_artifact(base: Path, jpeg: bytes) -> None:
    """Writes the network as an artifact into `base`/model."""
    network = model_zoo.get_model(NETWORK, pretrained=False)
    network.initialize(mx.init.Xavier())
    network.hybridize()
    preprocessing = images.Preprocessing(224, 224, resize="crop")
    output = network(mx.nd.array(preprocessing.tensor(images.decode(jpeg))[None])).asnumpy()[0]
    network.export(str(base / "exported"))
    classes = [f"class {number}" for number in range(len(output))]
    artifacts.write(
        base / "model",
        task="classification",
        network=NETWORK,
        classes=classes,
        preprocessing=preprocessing,
        symbol=base / "exported-symbol.json",
        params=base / "exported-0000.params",
        golden_image=jpeg,
        # The golden sample is stored as PNG: JPEG's decoders differ in the last bit.
        golden_prediction=predictions.classification(predictions.softmax(output), classes),
        golden_tolerance=1e-3,
    )


# --- the bare engine -------------------------------------------------------------------------------------


def engine(model: Path, jpeg: Path) -> None:
    """An engine process: for each line `CONTENDER SECONDS` on stdin, the latencies as JSON on stdout."""
    cv2.setNumThreads(1)
    loaded, data = classifier.load(model), jpeg.read_bytes()
    tensor = loaded.manifest.preprocessing.tensor(images.decode(data))
    calls: dict[str, Callable[[], Any]] = {
        FORWARD: lambda: loaded.forward(tensor),
        DECODE_AND_FORWARD: lambda: loaded.classify(data),
    }
    print("ready", flush=True)
    for line in sys.stdin:
        contender, seconds = json.loads(line)
        print(json.dumps(closed_loop(calls[contender], seconds)), flush=True)


def closed_loop(call: Callable[[], Any], seconds: float) -> Latencies:
    """Calls again and again for so long; the last call may end a little later."""
    latencies: Latencies = []
    end = (now := time.perf_counter()) + seconds
    while now < end:
        began = now
        call()
        now = time.perf_counter()
        latencies.append(now - began)
    return latencies


@contextlib.contextmanager
def bare_engines(base: Path, jpeg: Path, count: int) -> Iterator[Callable[[str], Contender]]:
    command = [sys.executable, __file__, "--engine", str(base / "model"), str(jpeg)]
    # A session each, as the server's engines have: Linux shares the cores among sessions
    # (sched_autogroup), and on a busy machine whoever has more of them gets more.
    pipe = subprocess.PIPE
    options: Any = {"stdin": pipe, "stdout": pipe, "text": True, "start_new_session": True}
    processes = [subprocess.Popen(command, **options) for _ in range(count)]
    try:
        for process in processes:
            process.stdout.readline()

        def contender(name: str) -> Contender:
            def run(clients: int, seconds: float) -> tuple[float, Latencies]:
                busy = processes[: min(clients, count)]
                for process in busy:
                    process.stdin.write(json.dumps([name, seconds]) + "\n")
                    process.stdin.flush()
                loops: list[Latencies] = [json.loads(process.stdout.readline()) for process in busy]
                # Each over its own time: they do not wait for each other.
                throughput = sum(len(latencies) / sum(latencies) for latencies in loops)
                return throughput, [value for latencies in loops for value in latencies]

            return Contender(run, [psutil.Process(process.pid) for process in processes])

        yield contender
    finally:
        for process in processes:
            process.kill()
            process.wait()


# --- the server ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def server(base: Path, jpeg: bytes, engines: int) -> Iterator[Contender]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(bundles.find("inference") / "serve.py")],
        env={
            **os.environ,
            "SAGEMAKER_BASE_DIR": str(base),
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "SAGEMAKER_MODEL_SERVER_WORKERS": str(engines),
        },
    )
    request = (
        b"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\n"
        b"Content-Length: %d\r\n\r\n" % len(jpeg)
    ) + jpeg

    def client(seconds: float, latencies: Latencies) -> None:
        # A plain socket, kept open: the client's own cost is taken from the same cores.
        with socket.create_connection(("127.0.0.1", port), 60) as connection:
            latencies += closed_loop(lambda: exchange(connection, request), seconds)

    def run(clients: int, seconds: float) -> tuple[float, Latencies]:
        all_latencies: list[Latencies] = [[] for _ in range(clients)]
        threads = [threading.Thread(target=client, args=(seconds, each)) for each in all_latencies]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        latencies = [value for each in all_latencies for value in each]
        return len(latencies) / (time.perf_counter() - began), latencies

    try:
        wait_ready(port, engines)
        front = psutil.Process(process.pid)
        yield Contender(run, [front, *front.children()])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def exchange(connection: socket.socket, request: bytes) -> bytes:
    """One request and its answer, which must be 200."""
    connection.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += received(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(answer[:500].decode(errors="replace"))
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += received(connection)
    return body


def received(connection: socket.socket) -> bytes:
    if data := connection.recv(65536):
        return data
    raise ConnectionError("the server closed the connection")


def wait_ready(port: int, engines: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError, RuntimeError),
            socket.create_connection(("127.0.0.1", port), 2) as ping,
        ):
            if json.loads(exchange(ping, b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"))["engines"] == engines:
                return
        time.sleep(0.1)
    raise SystemExit("the server did not become ready")


# --- rounds, results -------------------------------------------------------------------------------------


Results = dict[int, dict[str, list[Round]]]  # by the number of clients and the contender's name


def measure(contenders: dict[str, Contender], rounds: int, seconds: float) -> Results:
    results: Results = {clients: {name: [] for name in CONTENDERS} for clients in CLIENTS}
    for number in range(-1, rounds):  # round -1 warms up
        for clients in CLIENTS:
            for offset in range(len(CONTENDERS)):
                name = CONTENDERS[(number + offset) % len(CONTENDERS)]
                contender = contenders[name]
                cpu_before = contender.cpu_seconds()
                throughput, latencies = contender.run(clients, seconds if number >= 0 else 0.5)
                cpu_ms = 1000 * (contender.cpu_seconds() - cpu_before) / len(latencies)
                if number >= 0:
                    results[clients][name].append(
                        Round(throughput, 1000 * statistics.median(latencies), cpu_ms)
                    )
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return results


def summary(results: Results) -> dict[str, Any]:
    """Medians over the rounds; a ratio is of neighbours in one round first, then the median is taken."""
    table: dict[str, dict[str, Any]] = {}
    for clients, by_name in results.items():
        table[str(clients)] = row = {}
        for name, values in by_name.items():
            row[name] = {
                "requests_per_second": round(statistics.median(value.throughput for value in values), 2),
                "p50_ms": round(statistics.median(value.p50_ms for value in values), 2),
                "cpu_ms": round(statistics.median(value.cpu_ms for value in values), 2),
                "rounds": [round(value.throughput, 2) for value in values],
            }
        for against in (FORWARD, DECODE_AND_FORWARD):
            pairs = zip(by_name[SERVER], by_name[against], strict=True)
            ratios = [ours.throughput / theirs.throughput for ours, theirs in pairs]
            row[f"server / {against}"] = {
                "median": round(statistics.median(ratios), 3),
                "min": round(min(ratios), 3),
                "max": round(max(ratios), 3),
                "by_cpu": round(row[against]["cpu_ms"] / row[SERVER]["cpu_ms"], 3),
            }
    return table


def machine(engines: int) -> dict[str, Any]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "engines": engines,
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "mxnet": mx.__version__,
        "opencv": cv2.__version__,
    }


def plot(table: dict[str, Any], target: Path) -> None:
    figure, axis = plt.subplots(figsize=(7, 4))
    for number, name in enumerate(CONTENDERS):
        places = np.arange(len(CLIENTS)) + (number - 1) * 0.27
        heights = [table[str(clients)][name]["requests_per_second"] for clients in CLIENTS]
        bars = axis.bar(places, heights, 0.25, label=name, color=("#b8c4d0", "#7b93ab", "#d9822b")[number])
        axis.bar_label(bars, [f"{height:.1f}" for height in heights], fontsize=8)
    ratios = [table[str(clients)][f"server / {FORWARD}"]["median"] for clients in CLIENTS]
    axis.set_xticks(
        range(len(CLIENTS)),
        [
            f"{clients} client{'s' * (clients > 1)}\nserver / forward {ratio:.2f}"
            for clients, ratio in zip(CLIENTS, ratios, strict=True)
        ],
    )
    axis.set_ylabel("requests a second (median of rounds)")
    axis.set_title(f"{NETWORK} at 224: the server and the engine alone")
    axis.legend(frameon=False, loc="upper left")
    axis.set_ylim(0, axis.get_ylim()[1] * 1.2)
    figure.tight_layout()
    figure.savefig(target, dpi=120)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one run of one contender")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--engine", nargs=2, type=Path, metavar=("MODEL", "JPEG"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.engine:
        engine(*arguments.engine)
        return 0
    engines = len(os.sched_getaffinity(0))
    description, jpeg = machine(engines), picture()
    with (
        tempfile.TemporaryDirectory(prefix="gluonship-benchmark-") as folder,
        contextlib.ExitStack() as stack,
    ):
        base = Path(folder)
        (base / "picture.jpg").write_bytes(jpeg)
        make_artifact(base, jpeg)
        contender = stack.enter_context(bare_engines(base, base / "picture.jpg", engines))
        contenders = {name: contender(name) for name in (FORWARD, DECODE_AND_FORWARD)}
        contenders[SERVER] = stack.enter_context(server(base, jpeg, engines))
        table = summary(measure(contenders, arguments.rounds, arguments.seconds))
    ratio = table[str(CLIENTS[-1])][f"server / {FORWARD}"]["median"]
    report = {
        "benchmark": "serving_throughput",
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "network": NETWORK,
        "picture_bytes": len(jpeg),
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "machine": description,
        "clients": table,
        "target": {"ratio": TARGET, "at_clients": CLIENTS[-1], "reached": ratio, "passed": ratio >= TARGET},
    }
    arguments.results.mkdir(parents=True, exist_ok=True)
    (arguments.results / "serving_throughput.json").write_text(json.dumps(report, indent=2) + "\n")
    plot(table, arguments.results / "serving_throughput.png")
    for clients, row in table.items():
        values = "  ".join(f"{name} {row[name]['requests_per_second']:.1f}/s" for name in CONTENDERS)
        print(f"{clients:>2} clients: {values}  server / forward {row[f'server / {FORWARD}']['median']:.3f}")
    verdict = "reached" if ratio >= TARGET else "missed"
    print(f"target {TARGET} at {CLIENTS[-1]} clients: {verdict} ({ratio:.3f})")
    return 0 if ratio >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
