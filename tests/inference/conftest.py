"""Real servers over real HTTP, and tiny real artifacts for them to serve."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
import psutil
import pytest
from PIL import Image

from gluonship import bundles
from gluonship.vision import artifacts, images, predictions

SERVE = bundles.find("inference") / "serve.py"
CLASSES = ["red", "green", "blue"]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        assert self.headers["Content-Type"] == "application/json", self
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, str]:
        """Its error, which has a code, a sentence and nothing that looks like a traceback."""
        assert self.status >= 400, self
        (error,) = self.json().values()
        assert set(error) == {"code", "message"}
        assert "Traceback" not in error["message"]
        assert "\n" not in error["message"]
        return dict(error)


class Server:
    """A server process in a folder that stands for /opt/ml."""

    def __init__(self, base: Path, handler: str = "gluonship", **environment: str) -> None:
        self.base = base
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._log_path = base / f"server-{self.port}.log"
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(SERVE), "--handler", handler],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    "SAGEMAKER_BASE_DIR": str(base),
                    "SAGEMAKER_BIND_TO_PORT": str(self.port),
                    "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
                    **environment,
                },
            )

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    def engines(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())

    def ping(self) -> Answer:
        return self.request("GET", "/ping", timeout=2)  # SageMaker's own limit

    def invoke(self, body: Any, content_type: str, timeout: float = 60, **headers: str) -> Answer:
        return self.request("POST", "/invocations", body, {"Content-Type": content_type, **headers}, timeout)

    def order(self, timeout: float = 60, **order: Any) -> Answer:
        return self.invoke(json.dumps(order), "application/json", timeout)

    def wait_ready(self, engines: int = 1, seconds: float = 90) -> Server:
        def ready() -> bool:
            assert self.process.poll() is None, self.log
            with contextlib.suppress(ConnectionRefusedError):
                answer = self.ping()
                return answer.status == 200 and answer.json()["engines"] >= engines
            return False

        wait_until(ready, seconds)
        return self

    def wait_end(self, seconds: float = 90) -> int:
        return self.process.wait(seconds)

    def close(self) -> None:
        """Ends it as SageMaker does; it must leave with 0 and take its engines along."""
        if self.process.poll() is not None:
            return
        engines = self.engines()
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(40) == 0, self.log
        finally:
            self.process.kill()
        assert not psutil.wait_procs(engines, 5)[1]


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[..., Server]]:
    """Starts servers that end with the module."""
    servers: list[Server] = []

    def started(*arguments: Any, **environment: str) -> Server:
        servers.append(Server(*arguments, **environment))
        return servers[-1]

    yield started
    for server in servers:
        server.close()


def encoded(image: np.ndarray, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def pictures() -> dict[str, tuple[str, bytes]]:
    """Picture files of several kinds by name, each with its content type."""
    image = np.random.default_rng(7).integers(0, 256, (48, 64, 3), np.uint8)
    image = np.kron(image[:6, :8], np.ones((8, 8, 1), np.uint8))
    rotated = Image.Exif()
    rotated[0x0112] = 6  # orientation: turn by 90 degrees
    alpha = np.dstack([image, np.full(image.shape[:2], 128, np.uint8)])
    return {
        "jpeg": ("image/jpeg", encoded(image, "JPEG")),
        "rotated": ("image/jpeg", encoded(image, "JPEG", exif=rotated)),
        "png": ("image/png", encoded(image, "PNG")),
        "alpha": ("image/png", encoded(alpha, "PNG")),
        "webp": ("image/webp", encoded(image, "WEBP", lossless=True)),
        "any": ("application/x-image", encoded(image[:, ::-1], "PNG")),
    }


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory, pictures: dict[str, tuple[str, bytes]]) -> Path:
    """A folder as /opt/ml with an artifact in model/, as training leaves it. Not to be changed: see `copied`."""
    base = tmp_path_factory.mktemp("artifact")
    network = mx.gluon.nn.HybridSequential()
    network.add(
        mx.gluon.nn.Conv2D(8, 3, strides=2, activation="relu"),
        mx.gluon.nn.GlobalAvgPool2D(),
        mx.gluon.nn.Dense(len(CLASSES)),
    )
    mx.random.seed(3)
    network.initialize(mx.init.Normal(0.5))
    network.hybridize()
    preprocessing = images.Preprocessing(32, 32, resize="letterbox")
    golden = pictures["png"][1]
    output = network(mx.nd.array(preprocessing.tensor(images.decode(golden))[None])).asnumpy()[0]
    network.export(str(base / "exported"))
    artifacts.write(
        base / "model",
        task="classification",
        network="tiny",
        classes=CLASSES,
        preprocessing=preprocessing,
        symbol=base / "exported-symbol.json",
        params=base / "exported-0000.params",
        golden_image=golden,
        golden_prediction=predictions.classification(predictions.softmax(output), CLASSES),
        code=bundles.serving_source(base / "code"),
    )
    return base


@pytest.fixture
def copied(artifact: Path, tmp_path: Path) -> Path:
    """A copy of `artifact` that may be changed."""
    shutil.copytree(artifact / "model", tmp_path / "model")
    return tmp_path


@pytest.fixture(scope="module")
def obedient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as /opt/ml with a user's script that does what a request orders: sleep, die."""
    base = tmp_path_factory.mktemp("obedient")
    (base / "model" / "code").mkdir(parents=True)
    (base / "model" / "code" / "inference.py").write_text(
        "import json, os, signal, time\n"
        "def model_fn(model_dir):\n"
        "    return None\n"
        "def transform_fn(model, data, content_type, accept):\n"
        "    order = json.loads(data)\n"
        "    time.sleep(order.get('sleep', 0))\n"
        "    if 'signal' in order:\n"
        "        os.kill(os.getpid(), order['signal'])\n"
        "    return json.dumps({'pid': os.getpid()}), accept\n"
    )
    return base
