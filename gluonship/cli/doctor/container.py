"""A serving container of one artifact, as a process of this machine, until the doctor is done with it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import gluonship
from gluonship import bundles


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: str
    seconds: float


class NoAnswer(Exception):
    """The container closed the connection, or did not answer in time."""


class ServingContainer:
    """Answers on 127.0.0.1:`port`; `base` stands for its /opt/ml, its output is in the file `log`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, base: Path, log: Path) -> None:
        self.process = process
        self.port = port
        self._base = base
        self._log = log

    def request(
        self, method: str, path: str, body: bytes = b"", content_type: str = "", timeout: float = 30.0
    ) -> Answer:
        """Raises NoAnswer."""
        headers = {"Content-Type": content_type, "Accept": "application/json"} if content_type else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        started = time.monotonic()
        try:
            connection.request(method, path, body if method == "POST" else None, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{type(error).__name__} after {time.monotonic() - started:.1f} s") from error
        finally:
            connection.close()
        kind = answer.headers.get("Content-Type", "")
        return Answer(answer.status, content, kind, time.monotonic() - started)

    def invoke(self, body: bytes, content_type: str) -> Answer:
        return self.request("POST", "/invocations", body, content_type)

    def wait_until_healthy(self, seconds: float) -> tuple[bool, str]:
        """Whether GET /ping gave 200 within `seconds`, and how it went."""
        started = time.monotonic()
        last = "it did not listen on its port"
        while (now := time.monotonic() - started) < seconds:
            if self.process.poll() is not None:
                return False, f"it ended with exit code {self.process.returncode} after {now:.1f} s"
            with suppress(NoAnswer):
                answer = self.request("GET", "/ping", timeout=2.0)
                if answer.status == 200:
                    return True, f"GET /ping answered 200 after {time.monotonic() - started:.1f} s"
                words = answer.body.decode("utf-8", "replace").strip()
                last = f"GET /ping answered {answer.status} {words}".strip()
            time.sleep(0.05)
        return False, f"after {seconds:.0f} s: {last}"

    def log_tail(self, lines: int = 4) -> str:
        """The last of its output, with paths as the container has them."""
        text = self._log.read_text("utf-8", "replace").replace(str(self._base), "/opt/ml")
        return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


@contextmanager
def serving(base: Path, handler: str, log: Path) -> Iterator[ServingContainer]:
    """Serves `base`/model with the kit's own server; nothing of it runs afterwards."""
    script = bundles.find("inference") / "serve.py"
    port = _free_port()
    # The package's own place, for where it is not installed; no AWS settings, as a container has none.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SM_"))}
    environment |= {
        "PYTHONPATH": str(Path(gluonship.__file__).resolve().parent.parent),
        "PYTHONUNBUFFERED": "1",
        "SAGEMAKER_BASE_DIR": str(base),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
    }
    if handler == "sagemaker-mxnet" and (base / "model/code/inference.py").is_file():
        environment |= {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": str(base / "model/code"),
        }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(script), "serve", "--handler", handler],
            env=environment,
            cwd=base,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield ServingContainer(process, port, base, log)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
