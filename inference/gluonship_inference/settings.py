"""The server's settings: AWS's environment variables where AWS has one, GLUONSHIP_* where it has none."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping

MEGABYTE = 2**20
HANDLERS = ("gluonship", "sagemaker-mxnet")


class SettingsError(ValueError):
    """A setting has a value that cannot be; the message names the variable and what it may be."""


@dataclass(frozen=True)
class Settings:
    """How one server runs. Times are in seconds, sizes in bytes."""

    handler: str
    base_dir: Path = Path("/opt/ml")
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    request_timeout: float = 60.0  # for a worker to answer, and for a request to wait for a worker
    startup_timeout: float = 600.0
    drain_timeout: float = 30.0
    max_body: int = 25 * MEGABYTE
    queue_size: int = 100
    log_level: int = 20  # as Python's logging

    @property
    def model_dir(self) -> Path:
        return self.base_dir / "model"


def from_environment(environment: Mapping[str, str], handler: str, host: str = "127.0.0.1") -> Settings:
    """Raises SettingsError naming the variable that is wrong."""
    if environment.get("SAGEMAKER_MULTI_MODEL", "").lower() == "true":
        raise SettingsError(
            "SAGEMAKER_MULTI_MODEL=true: this server serves one model; unset it, and make an endpoint a model"
        )

    def number(name: str, default: float, low: float, high: float) -> float:
        text = environment.get(name, "").strip()
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise SettingsError(f"{name}={text}: must be a number from {low:g} to {high:g}")
        return value

    def whole(name: str, default: int, low: int, high: int) -> int:
        value = number(name, default, low, high)
        if value != int(value):
            raise SettingsError(f"{name}={environment[name]}: must be a whole number")
        return int(value)

    # A batch job tells its containers how large a payload it may send.
    payload = number("SAGEMAKER_MAX_PAYLOAD_IN_MB", 0, 0, 100) * MEGABYTE
    return Settings(
        handler=handler,
        base_dir=Path(environment.get("SAGEMAKER_BASE_DIR", "/opt/ml")),
        host=host,
        port=whole("SAGEMAKER_BIND_TO_PORT", 8080, 1, 65535),
        workers=whole("SAGEMAKER_MODEL_SERVER_WORKERS", available_cores(), 1, 256),
        request_timeout=whole("SAGEMAKER_MODEL_SERVER_TIMEOUT", 60, 1, 3600),
        startup_timeout=whole("SAGEMAKER_STARTUP_TIMEOUT", 600, 1, 3600),
        drain_timeout=number("GLUONSHIP_DRAIN_SECONDS", 30, 0, 3600),
        max_body=whole("GLUONSHIP_MAX_BODY_BYTES", max(25 * MEGABYTE, int(payload)), 1, 2**31),
        queue_size=whole("GLUONSHIP_QUEUE_SIZE", 100, 1, 100_000),
        log_level=whole("SAGEMAKER_CONTAINER_LOG_LEVEL", 20, 0, 100),
    )


def available_cores() -> int:
    """The cores that this process may use (a container's cpuset, not the machine)."""
    return len(os.sched_getaffinity(0))
