"""The container contract: where SageMaker put a job's input and where it looks for its output.

https://github.com/aws/sagemaker-training-toolkit#readme (SM_*), and the folders under /opt/ml of
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

from gluonship_training.failures import JobError

DEFAULT_BASE = "/opt/ml"


@dataclass(frozen=True)
class Environment:
    """A job's folders and hosts."""

    base: Path
    model: Path  # becomes model.tar.gz
    output_data: Path  # becomes output.tar.gz
    checkpoints: Path  # kept in sync with S3 by SageMaker
    channels: Mapping[str, Path]
    hosts: Sequence[str]
    current_host: str
    gpus: int
    cpus: int

    @property
    def failure_file(self) -> Path:
        return self.base / "output" / "failure"

    def channel(self, name: str) -> Path | None:
        """The folder of a channel, or None where the job has none of that name."""
        return self.channels.get(name)


def failure_file(variables: Mapping[str, str]) -> Path:
    """Where the reason of a failure goes; needs nothing else to be right."""
    return Path(variables.get("SAGEMAKER_BASE_DIR", DEFAULT_BASE)) / "output" / "failure"


def read(variables: Mapping[str, str]) -> Environment:
    """Reads the SM_* variables; what is missing comes from SageMaker's folder layout.

    Raises JobError for a variable whose value cannot be used.
    """
    base = Path(variables.get("SAGEMAKER_BASE_DIR", DEFAULT_BASE))
    return Environment(
        base=base,
        model=Path(variables.get("SM_MODEL_DIR", base / "model")),
        output_data=Path(variables.get("SM_OUTPUT_DATA_DIR", base / "output" / "data")),
        checkpoints=base / "checkpoints",
        channels=_channels(variables, base / "input" / "data"),
        hosts=_hosts(variables),
        current_host=variables.get("SM_CURRENT_HOST", "localhost"),
        gpus=_count(variables, "SM_NUM_GPUS", 0),
        cpus=_count(variables, "SM_NUM_CPUS", os.cpu_count() or 1),
    )


def _channels(variables: Mapping[str, str], data: Path) -> Mapping[str, Path]:
    prefix = "SM_CHANNEL_"
    found = {
        key[len(prefix) :].lower(): Path(value) for key, value in variables.items() if key.startswith(prefix)
    }
    if not found and data.is_dir():
        found = {folder.name.lower(): folder for folder in sorted(data.iterdir()) if folder.is_dir()}
    return found


def _hosts(variables: Mapping[str, str]) -> Sequence[str]:
    text = variables.get("SM_HOSTS", '["localhost"]')
    try:
        hosts = json.loads(text)
    except ValueError:
        hosts = None
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise JobError(f"SM_HOSTS must be a JSON list of host names, not {text!r}.")
    return hosts


def _count(variables: Mapping[str, str], name: str, default: int) -> int:
    text = variables.get(name, "")
    if not text:
        return default
    if not text.isdigit():
        raise JobError(f"{name} must be a whole number, not {text!r}.")
    return int(text)
