"""Stand-ins at the boundary of gluonship.local.contracts: images that are tiny real servers, S3 that is a
folder, logs that are lists. What is tested runs as real processes over real HTTP."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from gluonship.local.contracts import (
    ContainerSpec,
    Exit,
    ExitCause,
    FleetPlan,
    ImageUnknown,
    Scope,
    StartFailed,
    StateChange,
    StorageError,
)
from gluonship.local.door.keys import Key
from gluonship.local.serving.router import DataPlane

KEY = Key("AKIAPLANE", "its secret", "123456789012")
SCOPE = Scope("123456789012", "us-east-1")
SERVER = Path(__file__).with_name("tiny_server.py")
BEHAVIOURS = ("ok", "broken", "mute", "needs-model")


class TinyContainer:
    def __init__(
        self, spec: ContainerSpec, process: subprocess.Popen[str], lines: list[str], hint: str
    ) -> None:
        self.spec = spec
        self.process = process
        self._lines = lines
        self._hint = hint
        self._stopped = False

    @property
    def pids(self) -> Sequence[int]:
        return [self.process.pid] if self.process.poll() is None else []

    def poll(self) -> Exit | None:
        code = self.process.poll()
        return None if code is None else self._exit(code)

    def wait(self, timeout: float | None = None) -> Exit | None:
        try:
            return self._exit(self.process.wait(timeout))
        except subprocess.TimeoutExpired:
            return None

    def stop(self, grace_seconds: float) -> Exit:
        self._stopped = True
        self.process.terminate()
        return self.wait(grace_seconds) or self.kill()

    def kill(self) -> Exit:
        self._stopped = True
        self.process.kill()
        return self._exit(self.process.wait())

    def _exit(self, code: int) -> Exit:
        cause = ExitCause.STOPPED if self._stopped else ExitCause.SIGNALLED if code < 0 else ExitCause.EXITED
        return Exit(128 - code if code < 0 else code, cause, tuple(self._lines[-20:]), self._hint)


class TinyRuntime:
    """Images are called by a behaviour of tiny_server.py; any other is unknown."""

    def __init__(self) -> None:
        self.containers: list[TinyContainer] = []
        self.refuses = ""  # why the machine starts no container now
        self.hint = ""  # what it could not give to those that end

    def start(self, spec: ContainerSpec, on_line: Callable[[str], None]) -> TinyContainer:
        if spec.image not in BEHAVIOURS:
            raise ImageUnknown(f"no line of images.toml matches {spec.image}; add one.")
        if self.refuses:
            raise StartFailed(self.refuses)
        environment = {**os.environ, **spec.environment, "SAGEMAKER_BASE_DIR": str(spec.root)}
        process = subprocess.Popen(
            [sys.executable, "-S", str(SERVER), spec.image],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines: list[str] = []

        def read() -> None:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                on_line(line.rstrip())

        threading.Thread(target=read, daemon=True).start()
        container = TinyContainer(spec, process, lines, self.hint)
        self.containers.append(container)
        return container

    @property
    def alive(self) -> list[TinyContainer]:
        return [each for each in self.containers if each.pids]

    def kill_all(self) -> None:
        for container in self.alive:
            os.kill(container.process.pid, signal.SIGKILL)
            container.process.wait()


@dataclass
class FolderStorage:
    """s3://bucket/key is `folder`/bucket/key."""

    folder: Path

    def path(self, uri: str) -> Path:
        return self.folder / uri.removeprefix("s3://")

    def download_prefix(self, uri: str, folder: Path) -> int:
        files = [each for each in self.path(uri).rglob("*") if each.is_file()]
        for each in files:
            shutil.copy(each, folder / each.name)
        return len(files)

    def download_file(self, uri: str, path: Path) -> None:
        if not self.path(uri).is_file():
            raise StorageError(f"{uri}: there is no such object.")
        shutil.copy(self.path(uri), path)

    def read(self, uri: str) -> bytes:
        return self.path(uri).read_bytes()

    def upload_file(self, path: Path, uri: str) -> None:
        raise NotImplementedError

    def upload_files(self, files: Mapping[str, Path], uri: str) -> None:
        raise NotImplementedError


@dataclass
class ListStream:
    lines: list[str] = field(default_factory=list)
    closed: bool = False

    def write(self, line: str) -> None:
        if self.closed:
            raise ValueError("the stream is closed")
        self.lines.append(line)

    def close(self) -> None:
        self.closed = True


@dataclass
class ListLogs:
    streams: dict[tuple[str, str], ListStream] = field(default_factory=dict)

    def open(self, scope: Scope, group: str, stream: str) -> ListStream:
        return self.streams.setdefault((group, stream), ListStream())


class OffsetClock:
    """Real time, and what it was advanced by."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def advance(self, seconds: float) -> None:
        self.offset += timedelta(seconds=seconds)

    def call_later(self, seconds: float, action: Callable[[], None]) -> threading.Timer:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        timer.start()
        return timer


class NoAlarms:
    def states(self, scope: Scope, names: Sequence[str]) -> dict[str, str]:
        return {}


class NothingScales:
    def variants(self, scope: Scope, endpoint_name: str) -> set[str]:
        return set()

    def deregister(self, scope: Scope, endpoint_name: str) -> None: ...


@dataclass
class KeptEvents:
    changes: list[StateChange] = field(default_factory=list)

    def publish(self, change: StateChange) -> None:
        self.changes.append(change)

    def subscribe(self, listener: Callable[[StateChange], None]) -> Callable[[], None]:
        raise NotImplementedError


def fleet_plan(image: str = "ok", **changes: Any) -> FleetPlan:
    settings: dict[str, Any] = {
        "scope": SCOPE,
        "endpoint_name": "pets",
        "variant_name": "AllTraffic",
        "image": image,
        "model_data_uri": None,
        "environment": {"TAG": "one"},
        "instance_count": 1,
        "log_group": "/aws/sagemaker/Endpoints/pets",
        "startup_timeout_seconds": 20.0,
    }
    return FleetPlan(**{**settings, **changes})


def start_data_plane(home: Path, **options: Any) -> DataPlane:
    """A data plane that knows one key, which `runtime_client` signs with."""
    return DataPlane.start(home, home_key_id=KEY.id, find_key={KEY.id: KEY}.get, **options)


def runtime_client(port: int, region: str = "us-east-1", **config: Any) -> Any:
    """boto3's sagemaker-runtime against a data plane; no retries, so that every answer is seen."""
    options = {"retries": {"total_max_attempts": 1}, "max_pool_connections": 16, **config}
    return boto3.client(
        "sagemaker-runtime",
        region_name=region,
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=KEY.id,
        aws_secret_access_key=KEY.secret,
        config=Config(**options),
    )
