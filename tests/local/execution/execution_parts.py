"""What this room's tests share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gluonship.local.contracts import Container, ContainerSpec, Scope
from gluonship.local.execution.runtime import ProcessRuntime

REGION = "us-east-1"
SCOPE = Scope("123456789012", REGION)
IMAGE = "gluonship-training:latest"
Clients = Callable[[str, str], Any]


@dataclass
class Containers:
    """Starts `python -c CODE` in a container of its own, and collects what it says."""

    home: Path
    runtime: ProcessRuntime
    started: list[Container] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def start(self, code: str, name: str = "c", **options: Any) -> Container:
        root = self.home / "containers" / name / "ml"
        root.mkdir(parents=True, exist_ok=True)
        options = {"environment": {}, "entrypoint": ["python", "-c", code], **options}
        spec = ContainerSpec(name=name, image=IMAGE, command="train", root=root, **options)
        container = self.runtime.start(spec, self.lines.append)
        self.started.append(container)
        return container

    @property
    def said(self) -> list[str]:
        return [line for line in self.lines if not line.startswith("gluonship: ")]

    def wait_for(self, line: str, seconds: float = 20.0) -> None:
        assert eventually(lambda: line in self.lines, seconds), f"'{line}' did not come: {self.lines}"


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether `condition` comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
