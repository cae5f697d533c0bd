"""The least of containers, for the tests of this room: `train` and `serve` by SageMaker's contract."""

from __future__ import annotations

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BASE = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))


def train() -> int:
    settings = json.loads((BASE / "input/config/hyperparameters.json").read_text())
    channels = {path.name: sorted(os.listdir(path)) for path in (BASE / "input/data").iterdir()}
    print(f"channels {json.dumps(channels, sort_keys=True)}", flush=True)
    print("metric epoch=1 train:loss=0.5 validation:accuracy=0.75 images_per_second=12.5", flush=True)
    wish = json.loads(settings.get("wish", '""'))
    if wish == "fail":
        (BASE / "output/failure").write_text("the wish was to fail")
        return 3
    if wish == "wait":
        time.sleep(600)
    (BASE / "model/label").write_text(json.loads(settings["label"]))
    (BASE / "output/success").touch()
    return 0


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"crash":
            os._exit(9)
        if body.startswith(b"refuse"):
            error = {"error": {"code": "InvalidImage", "message": "the picture is upside down"}}
            trace = (
                b"\nTraceback (most recent call last):\n  ..." if body.endswith(b"as AWS's server") else b""
            )
            self._answer(400, json.dumps(error).encode() + trace)
            return
        if body == b"chat":
            self._answer(200, b'"hello"')
            return
        label = f"{(BASE / 'model/label').read_text()} {body.decode('latin-1')}"
        scores = [{"label": label, "index": 0, "probability": 1.0}]
        answer = {"schema": "gluonship.classification/1", "predictions": scores}
        self._answer(200, json.dumps(answer).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None: ...


def serve() -> int:
    label = (BASE / "model/label").read_text()
    print(f"serving {label}", flush=True)
    if label == "broken":
        print("this model cannot be served", flush=True)
        return 1
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Server).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(train() if sys.argv[1] == "train" else serve())
