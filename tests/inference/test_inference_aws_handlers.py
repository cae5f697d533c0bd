"""AWS's MXNet handler stack in our server: users' scripts in every style that AWS documents."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
import pytest
from server_process import Server

INPUT = np.arange(8, dtype=np.float32).reshape(2, 4) / 8


def module_model(model: Path) -> np.ndarray:
    """Writes what Module.save_checkpoint and the container's train() leave; returns its answer to INPUT."""
    data = mx.sym.Variable("data")
    module = mx.mod.Module(
        mx.sym.SoftmaxOutput(mx.sym.FullyConnected(data, num_hidden=3), name="softmax"), context=mx.cpu()
    )
    module.bind([("data", (1, 4))], [("softmax_label", (1,))])
    module.init_params(mx.init.Normal(1))
    module.save_checkpoint(str(model / "model"), 0)
    (model / "model-shapes.json").write_text(json.dumps([{"name": "data", "shape": [1, 4]}]))
    rows = mx.io.NDArrayIter(INPUT, batch_size=1)
    result: np.ndarray = module.predict(rows).asnumpy()
    return result


GLUON_THREE_FUNCTIONS = """
import json
import mxnet as mx

def model_fn(model_dir):
    net = mx.gluon.nn.Dense(3, in_units=4, weight_initializer=mx.init.One())
    net.initialize()
    return net

def input_fn(data, content_type):
    assert content_type == "application/json", content_type
    return mx.nd.array(json.loads(data)["rows"])

def predict_fn(data, model):
    return model(data)

def output_fn(prediction, accept):
    return json.dumps({"sums": prediction[:, 0].asnumpy().tolist(), "accept": accept})
"""

WITH_CONTEXT = """
from helper_beside_it import answer

def model_fn(model_dir, context):
    return context.system_properties["model_dir"]

def transform_fn(model, data, content_type, accept, context):
    if data == b"raise":
        raise RuntimeError("I do not like this picture")
    if data == b"teapot":
        from sagemaker_inference.errors import BaseInferenceToolkitError
        raise BaseInferenceToolkitError(418, "a teapot", "a teapot")
    sent = context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes")
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", sent + " back")
    return answer(model, data, content_type), "text/plain"
"""

NEEDS_A_PACKAGE = """
import made_for_this_test

def model_fn(model_dir):
    return made_for_this_test.WORD

def transform_fn(model, data, content_type, accept):
    return model, "text/plain"
"""

TRAINING_SCRIPT = """
import argparse

if __name__ == "__main__":
    raise SystemExit("this must not run when it is imported")
"""


def a_package(folder: Path) -> Path:
    """A wheel with one module, as `pip` takes it without any index."""
    wheel = folder / "made_for_this_test-1.0-py3-none-any.whl"
    info = "made_for_this_test-1.0.dist-info/"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("made_for_this_test.py", "WORD = 'installed'\n")
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: made-for-this-test\nVersion: 1.0\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(info + "RECORD", "")
    return wheel


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, start: Callable[..., Server]) -> Mapping[str, Any]:
    """One server a style, started together; `expected` is what the Module-style models give for INPUT."""
    started: dict[str, Any] = {"expected": {}}

    def serve(style: str, files: Mapping[str, str], module: bool = False, **environment: str) -> None:
        model = tmp_path_factory.mktemp("user") / "model"
        model.mkdir()
        for name, content in files.items():
            (model / name).parent.mkdir(exist_ok=True)
            (model / name).write_text(content)
        if module:
            started["expected"][style] = module_model(model)
        started[style] = start(model.parent, "sagemaker-mxnet", **environment)

    packages = tmp_path_factory.mktemp("packages")
    serve("three functions", {"code/three.py": GLUON_THREE_FUNCTIONS}, SAGEMAKER_PROGRAM="three.py")
    helper = "def answer(*parts):\n    return '|'.join(map(str, parts))\n"
    serve("context", {"code/inference.py": WITH_CONTEXT, "code/helper_beside_it.py": helper})
    serve("no code", {}, module=True, SAGEMAKER_SUBMIT_DIRECTORY="/opt/ml/model/code")
    serve("training script", {"code/train.py": TRAINING_SCRIPT}, module=True, SAGEMAKER_PROGRAM="train.py")
    serve(
        "package",
        {"code/inference.py": NEEDS_A_PACKAGE, "code/requirements.txt": f"{a_package(packages)}\n"},
        # Into a folder of the test's own, never into the environment that runs it.
        PIP_TARGET=str(packages / "installed"),
        PIP_NO_INDEX="1",
        PYTHONPATH=str(packages / "installed"),
    )
    for server in started.values():
        if isinstance(server, Server):
            server.wait_ready()
    return started


def test_input_predict_and_output_functions(servers: Mapping[str, Any]) -> None:
    answer = servers["three functions"].invoke(json.dumps({"rows": INPUT.tolist()}), "application/json")
    assert answer.json() == {"sums": INPUT.sum(axis=1).tolist(), "accept": "application/json"}


def test_functions_that_take_a_context(servers: Mapping[str, Any]) -> None:
    server = servers["context"]
    answer = server.request(
        "POST",
        "/invocations",
        b"bytes",
        {"Content-Type": "image/x-whatever", "X-Amzn-SageMaker-Custom-Attributes": "there"},
    )
    assert answer.status == 200
    assert answer.body.decode() == f"{server.base / 'model'}|{b'bytes'}|image/x-whatever"
    assert answer.headers["Content-Type"] == "text/plain"
    sent_back = {name.lower(): value for name, value in answer.headers.items()}
    assert sent_back["x-amzn-sagemaker-custom-attributes"] == "there back"


def test_a_script_s_exception_is_an_error_without_a_traceback(servers: Mapping[str, Any]) -> None:
    server = servers["context"]
    answer = server.invoke(b"raise", "image/png")
    assert answer.status == 500
    assert answer.error == {"code": "ModelError", "message": "I do not like this picture"}
    assert 'raise RuntimeError("I do not like this picture")' in server.log
    assert server.invoke(b"teapot", "image/png").status == 418


@pytest.mark.parametrize("style", ["no code", "training script"])
def test_a_module_style_model_without_handlers(servers: Mapping[str, Any], style: str) -> None:
    server, expected = servers[style], servers["expected"][style]
    for body, content_type in [
        (json.dumps(INPUT.tolist()), "application/json"),
        ("\n".join(",".join(map(str, row)) for row in INPUT), "text/csv"),
        (npy(INPUT), "application/x-npy"),
    ]:
        answer = server.invoke(body, content_type)
        np.testing.assert_allclose(answer.json(), expected, rtol=1e-5)


def npy(value: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, value)
    return buffer.getvalue()


class Harmful:
    def __reduce__(self) -> Any:
        return (open, (__file__,))


def test_nothing_that_a_client_sends_is_unpickled(servers: Mapping[str, Any]) -> None:
    """AWS's own decoder runs such a body."""
    body = npy(np.array([Harmful()], dtype=object))
    with pickle.loads(pickle.dumps(Harmful())) as opened:  # noqa: S301 - what it would do there
        assert opened.name == __file__
    answer = servers["no code"].invoke(body, "application/x-npy")
    assert answer.status == 500
    assert "allow_pickle=False" in answer.error["message"]


def test_a_script_s_requirements_are_installed(servers: Mapping[str, Any]) -> None:
    server = servers["package"]
    assert server.invoke(b"x", "image/png").body == b"installed"
    assert "INFO installing requirements=" in server.log


def test_multi_model_server_s_additions_do_no_harm(copied: Path, artifact: Path) -> None:
    """It gives model_fn a copy of the model folder with a MAR-INF/ in it."""
    (copied / "model" / "MAR-INF").mkdir()
    (copied / "model" / "MAR-INF" / "MANIFEST.json").write_text("{}")
    code = "import inference, sys; print(inference.model_fn(sys.argv[1]).manifest.network)"
    loaded = subprocess.run(
        [sys.executable, "-c", code, str(copied / "model")],
        cwd=artifact / "model" / "code",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert loaded.stdout == "tiny\n"


def test_both_stacks_give_the_same_predictions(
    artifact: Path, start: Callable[..., Server], pictures: dict[str, tuple[str, bytes]]
) -> None:
    """Our handler, and AWS's with the artifact's own code/inference.py, over HTTP."""
    ours, aws = start(artifact), start(artifact, "sagemaker-mxnet", SAGEMAKER_PROGRAM="inference.py")
    ours.wait_ready()
    aws.wait_ready()
    assert f"script={artifact / 'model' / 'code' / 'inference.py'}" in aws.log
    assert "installing" not in aws.log  # its requirements are for AWS's Python
    for content_type, data in pictures.values():
        one, other = (server.invoke(data, content_type).json()["predictions"] for server in (ours, aws))
        assert [score["label"] for score in one] == [score["label"] for score in other]
        assert one == [
            {**score, "probability": pytest.approx(score["probability"], abs=1e-6)} for score in other
        ]
    for content_type, data in [
        ("image/jpeg", b"I am not a picture"),
        ("image/jpeg", b""),
        ("image/png", bytes(21 * 2**20)),
        ("application/json", b"{}"),
        ("text/csv", b"1,2"),
    ]:
        one, other = (server.invoke(data, content_type) for server in (ours, aws))
        assert (one.status, one.error) == (other.status, other.error)
    # AWS's stack decodes text before the script sees it.
    for content_type in ("text/csv", "application/json"):
        refused = aws.invoke(pictures["jpeg"][1], content_type)
        assert refused.status == 415
        assert refused.error["code"] == "UnsupportedMediaType"
        assert f"Content-Type {content_type} says that the body is text in UTF-8" in refused.error["message"]
