"""A server process and its answers, as the tests of this room use them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from processes import still_alive

from gluonship import bundles

SERVE = bundles.find("inference") / "serve.py"


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
        assert still_alive(engines, 5) == []


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.05)
