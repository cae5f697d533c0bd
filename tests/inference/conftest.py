"""Tiny real artifacts, real servers for them, and pictures to send."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
import pytest
from PIL import Image
from server_process import Server

from gluonship import bundles
from gluonship.vision import artifacts, images, predictions

CLASSES = ["red", "green", "blue"]


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
    """A folder as /opt/ml with an artifact in model/, as training leaves it; `copied` may be changed."""
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
