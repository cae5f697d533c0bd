"""Starts, finds and stops a local cloud; knows all its parts and wires them.

`up`, `down` and `status` are cheap to import and to call: the cloud is a process of its own (`server`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gluonship.local.launcher import admin
from gluonship.local.launcher import environment as _environment
from gluonship.local.launcher.environment import applied, shell_lines
from gluonship.local.launcher.home import DEFAULT_PORT, CloudInfo, Home, LauncherError
from gluonship.local.launcher.lifecycle import State, Status, down, status, up

__all__ = [
    "DEFAULT_PORT",
    "CloudInfo",
    "LauncherError",
    "State",
    "Status",
    "advance_clock",
    "applied",
    "contents",
    "down",
    "environment",
    "interrupt",
    "reset",
    "running",
    "shell_lines",
    "status",
    "up",
]


_CONTENTS_SECONDS = 10.0  # of a cloud that is stuck: a person waits


def running(home: Path | str | None = None) -> CloudInfo:
    """The running cloud of `home`. Raises LauncherError where none runs, saying what to do."""
    found = status(home)
    if found.state is State.RUNNING and found.info:
        return found.info
    why = {
        State.STALE: "was killed and left its files",
        State.STARTING: "is still starting",
        State.STOPPING: "is going down",
    }.get(found.state, "is not running")
    raise LauncherError(f"the local cloud of {found.home} {why}: start it with `gluonship local up`")


def interrupt(job: str, home: Path | str | None = None) -> None:
    """Takes the spot instance of the training job away, as AWS may at any time.

    Raises LauncherError: no cloud, no such job, a job without spot training or without an instance now.
    """
    admin.ask(running(home), "interrupt", {"job": job})


def reset(home: Path | str | None = None) -> None:
    """Empties the account of the running cloud of `home`: jobs and endpoints are killed, and nothing is left
    of any service, account or region. The cloud runs on; requests wait meanwhile."""
    admin.ask(running(home), "reset", {})


def contents(home: Path | str | None = None) -> dict[str, Any]:
    """What would be lost with the account: models, buckets and jobs (holdings.py says in what form)."""
    return admin.ask(running(home), "contents", timeout_seconds=_CONTENTS_SECONDS)


def advance_clock(seconds: float, home: Path | str | None = None) -> None:
    """Lets so much time pass at once for the cloud's time stamps and limits: for tests."""
    admin.ask(running(home), "clock", {"seconds": seconds})


def environment(home: Path | str | None = None) -> dict[str, str | None]:
    """The variables with which AWS clients use the running cloud of `home`: values to set, None to unset.

    Raises LauncherError where none runs. `shell_lines` writes them for a shell, `applied` for a subprocess.
    """
    info = running(home)
    return _environment.environment(info, Home(info.home).key(), os.environ)
