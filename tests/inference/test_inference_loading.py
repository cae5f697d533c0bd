"""Models that must not be served: the server says why in its last line, and ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from server_process import Server

from gluonship.vision import artifacts


def tamper(model: Path) -> None:
    data = bytearray((model / artifacts.PARAMS).read_bytes())
    data[-40] ^= 1
    (model / artifacts.PARAMS).write_bytes(data)


def other_golden(model: Path) -> None:
    path = model / "golden" / "prediction"
    prediction = json.loads(path.read_text())
    prediction["predictions"][0]["probability"] -= 0.01
    path.write_text(json.dumps(prediction))
    artifacts.seal(model)


def other_preprocessing(model: Path) -> None:
    path = model / artifacts.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["preprocessing"]["resize"] = "stretch"
    path.write_text(json.dumps(manifest))


def other_classes(model: Path) -> None:
    path = model / artifacts.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["classes"].append("violet")
    path.write_text(json.dumps(manifest))


def no_manifest(model: Path) -> None:
    (model / artifacts.MANIFEST).unlink()


def nothing(model: Path) -> None:
    shutil.rmtree(model)
    model.mkdir()


def script_fails(model: Path) -> None:
    (model / "code" / "inference.py").write_text("import no_such_package\n")


def model_fn_fails(model: Path) -> None:
    (model / "code" / "inference.py").write_text(
        "def transform_fn(model, data, content_type, accept): pass\n"
        "def model_fn(model_dir):\n    raise KeyError('weights')\n"
    )


def dies_loading(model: Path) -> None:
    (model / "code" / "inference.py").write_text("import os\nos.abort()\n")


def bad_requirements(model: Path) -> None:
    (model / "code" / "requirements.txt").write_text("./no-such-folder\n")


UNSERVABLE: dict[str, tuple[str, Callable[[Path], None], list[str]]] = {
    "tampered": ("gluonship", tamper, ["InvalidArtifact", artifacts.PARAMS, "SHA-256"]),
    "golden": ("gluonship", other_golden, ["GoldenMismatch", "a difference of 0.01"]),
    "skew": ("gluonship", other_preprocessing, ["GoldenMismatch", "preprocessing"]),
    "classes": ("gluonship", other_classes, ["InvalidModel", "4 classes"]),
    "no manifest": ("gluonship", no_manifest, ["ManifestMissing", "sagemaker-mxnet"]),
    "nothing": ("gluonship", nothing, ["ModelMissing"]),
    "script fails": (
        "sagemaker-mxnet",
        script_fails,
        ["ScriptFailed", "no_such_package", "requirements.txt"],
    ),
    "model_fn fails": ("sagemaker-mxnet", model_fn_fails, ["ModelNotLoaded", "KeyError: 'weights'"]),
    "dies loading": ("sagemaker-mxnet", dies_loading, ["2 engine processes", "SIGABRT"]),
    "requirements": ("sagemaker-mxnet", bad_requirements, ["RequirementsNotInstalled", "pip install"]),
}


@pytest.fixture(scope="module")
def spoilt(
    artifact: Path, tmp_path_factory: pytest.TempPathFactory, start: Callable[..., Server]
) -> dict[str, Server]:
    """A server for each, started together."""
    servers = {}
    for name, (handler, spoil, _) in UNSERVABLE.items():
        base = tmp_path_factory.mktemp("spoilt")
        shutil.copytree(artifact / "model", base / "model")
        spoil(base / "model")
        servers[name] = start(base, handler)
    return servers


@pytest.mark.parametrize("name", UNSERVABLE)
def test_a_bad_model_ends_the_server_with_its_reason(spoilt: dict[str, Server], name: str) -> None:
    handler, _, words = UNSERVABLE[name]
    server = spoilt[name]
    assert server.wait_end() == 1
    last = server.log.splitlines()[-1]
    assert " ERROR cannot_serve " in last
    for word in words:
        assert word in last
    assert handler != "gluonship" or "Traceback" not in server.log


def test_a_script_that_was_asked_for_must_be_there(copied: Path, start: Callable[..., Server]) -> None:
    server = start(copied, "sagemaker-mxnet", SAGEMAKER_PROGRAM="predictor.py")
    assert server.wait_end() == 1
    assert "SAGEMAKER_PROGRAM=predictor.py is not in" in server.log.splitlines()[-1]


def test_a_port_in_use_is_named(artifact: Path, start: Callable[..., Server]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        server = start(artifact, SAGEMAKER_BIND_TO_PORT=port)
        assert server.wait_end() == 1
    assert f"127.0.0.1:{port}" in server.log
    assert "SAGEMAKER_BIND_TO_PORT" in server.log


def test_a_setting_out_of_range_is_named(artifact: Path, start: Callable[..., Server]) -> None:
    server = start(artifact, SAGEMAKER_MODEL_SERVER_WORKERS="many")
    assert server.wait_end() == 2
    assert "SAGEMAKER_MODEL_SERVER_WORKERS=many: must be a number from 1 to 256" in server.log


def test_ping_says_why_while_a_model_loads(tmp_path: Path, start: Callable[..., Server]) -> None:
    (tmp_path / "model" / "code").mkdir(parents=True)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    (tmp_path / "model" / "code" / "inference.py").write_text(
        f"def model_fn(model_dir):\n    return open({str(gate)!r}).read()\n"
        "def transform_fn(model, data, content_type, accept):\n    return model, 'text/plain'\n"
    )
    server = start(tmp_path, "sagemaker-mxnet")
    with gate.open("w") as opened:  # waits until model_fn runs
        ping = server.ping()
        assert (ping.status, ping.error["code"]) == (503, "ModelLoading")
        assert server.order().error["code"] == "ModelLoading"
        opened.write("opened")
    server.wait_ready()
    assert server.order().body == b"opened"
    assert re.search(r"INFO engine_loaded pid=\d+ seconds=\S+ script=\S+inference.py", server.log)
