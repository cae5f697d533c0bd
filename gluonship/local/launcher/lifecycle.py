"""Starting, finding and stopping a local cloud. Light to import: the cloud itself is another process."""

from __future__ import annotations

import contextlib
import enum
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from gluonship.local.launcher import admin
from gluonship.local.launcher.home import CloudInfo, Home, LauncherError, home_path

_START_SECONDS = 120.0  # for a machine that is busy; a start takes a few seconds
_CLOSE_SECONDS = 3.0  # what going down takes beside waiting for jobs
_ANSWER_SECONDS = 10.0
_LOG_LIMIT = 16 * 2**20


class State(enum.Enum):
    RUNNING = "running"
    STARTING = "starting"
    STOPPING = "stopping"
    STALE = "stale"  # its process ended without going down: killed, or the machine restarted
    STOPPED = "stopped"


_PASSING = (State.STARTING, State.STOPPING)  # into another one, without anybody's doing


@dataclass(frozen=True)
class Status:
    state: State
    home: Path
    info: CloudInfo | None  # of the running cloud, or of the one that left its file behind


def status(home: Path | str | None = None) -> Status:
    """How it stands with the cloud of `home` (GLUONSHIP_HOME, ~/.gluonship when None). Changes nothing."""
    folder = Home(home_path(home, os.environ))
    info = folder.read_state()
    if not folder.is_locked():
        return Status(State.STALE if info else State.STOPPED, folder.path, info)
    if info is None or (process := _process(info)) is None or not _lives(process):
        return Status(State.STARTING, folder.path, None)  # what is written is of one before, if anything is
    return Status(State.STOPPING if info.going_down else State.RUNNING, folder.path, info)


def up(
    home: Path | str | None = None, port: int | None = None, progress: Callable[[str], None] | None = None
) -> CloudInfo:
    """Starts the cloud of `home` in the background, unless it runs, and returns when it answers.

    `port` is the control plane's (0: any free one); without it, 5111 or, where that is taken, a free one.
    `progress` is told each step. Raises LauncherError: the port is taken, the folder cannot be used, the
    cloud did not come up.
    """
    tell = progress or (lambda message: None)
    folder = Home(home_path(home, os.environ))
    folder.make()
    silent_since: float | None = None
    while True:
        found = status(folder.path)
        if found.state in _PASSING:
            tell(f"waiting for a cloud that is {found.state.value}")
            found = _await_other(folder)
        if found.state is State.RUNNING and found.info:
            if _answers(found.info):
                return _found(found.info, port)
            silent_since = silent_since or time.monotonic()
            if time.monotonic() - silent_since > _ANSWER_SECONDS:
                raise LauncherError(
                    f"the cloud of {folder.path} runs and does not answer: `gluonship local down --yes` "
                    "ends it"
                )
            time.sleep(0.1)
        else:
            if found.state is State.STALE and found.info:
                tell(f"cleaning up after a cloud that was killed (process {found.info.pid})")
                _clean_up(folder)
            started = _start(folder, port, tell)
            if started is not None:
                return started


def down(home: Path | str | None = None, grace_seconds: float | None = None) -> bool:
    """Stops the cloud of `home` and everything it has started; False where none ran.

    Running jobs get SIGTERM, and what is still alive after `grace_seconds` (by default what the cloud itself
    waits: GLUONSHIP_DOWN_GRACE_SECONDS when it was started, 10) is killed. Cleans up after a stale cloud.
    Returns when no process of it is left.
    """
    folder = Home(home_path(home, os.environ))
    found = status(folder.path)
    if found.state is State.STARTING:
        found = _await_other(folder)
    if found.state not in (State.RUNNING, State.STOPPING) or found.info is None:
        if found.state is State.STALE:
            _clean_up(folder)
        return False
    grace = found.info.down_grace_seconds if grace_seconds is None else grace_seconds
    process = _process(found.info)
    family = _family(process)
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    deadline = time.monotonic() + grace + _CLOSE_SECONDS
    while folder.is_locked() and time.monotonic() < deadline:
        family = [*family, *(each for each in _family(process) if each not in family)]
        time.sleep(0.05)
    if process is not None and folder.is_locked():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _end(family)
    _clean_up(folder)
    return True


def _answers(info: CloudInfo) -> bool:
    """Not while it ends, nor when it is stuck."""
    try:
        admin.ask(info, "health", timeout_seconds=_ANSWER_SECONDS)
    except LauncherError:
        return False
    return True


def _found(info: CloudInfo, port: int | None) -> CloudInfo:
    if port in (None, 0, info.control_port):
        return info
    raise LauncherError(
        f"the cloud of {info.home} already runs, on port {info.control_port}: use it, stop it first "
        "(gluonship local down), or set GLUONSHIP_HOME to another folder for a second cloud"
    )


def _start(folder: Home, port: int | None, tell: Callable[[str], None]) -> CloudInfo | None:
    """The cloud that it has started; None where another `up` was a moment earlier."""
    if folder.log_file.exists() and folder.log_file.stat().st_size > _LOG_LIMIT:
        folder.log_file.replace(folder.log_file.with_suffix(".log.1"))
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "gluonship.local.launcher.server", "--home", str(folder.path)]
    command += ["--report", str(writing), *([] if port is None else ["--port", str(port)])]
    with os.fdopen(reading, "r", encoding="utf-8") as reports:
        try:
            with folder.log_file.open("ab") as log:
                folder.log_file.chmod(0o600)
                # It forks at once and this one ends: the cloud is nobody's child.
                subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=_server_environment(),
                    cwd=folder.path,
                    pass_fds=[writing],
                    start_new_session=True,
                    check=False,
                    timeout=_START_SECONDS,
                )
        finally:
            os.close(writing)
        for report in _reports(reports):
            if "failed" in report:
                _await_end(folder)
                raise LauncherError(report["failed"])
            if "taken" in report:
                return None
            if "progress" in report:
                tell(report["progress"])
            if "found" in report and (info := folder.read_state()) is not None:
                return info
    raise LauncherError(
        f"the local cloud ended while it started; the end of its log, {folder.log_file}:\n{folder.log_tail()}"
    )


def _await_end(folder: Home) -> None:
    """A start that has failed is over in a moment; the next one finds the folder free then."""
    deadline = time.monotonic() + _CLOSE_SECONDS
    while folder.is_locked() and time.monotonic() < deadline:
        time.sleep(0.02)


def _server_environment() -> dict[str, str]:
    """The user's environment without what would lead the cloud to AWS or to other Python settings."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_", "SM_"))
    }
    # The folder that it runs in is the user's: no module is to be taken from there.
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}


def _reports(reports: IO[str]) -> Iterator[dict[str, str]]:
    for line in reports:
        yield json.loads(line)


def _await_other(folder: Home) -> Status:
    """Waits until a cloud that starts is up, or has failed, and until one that goes down is down."""
    deadline = time.monotonic() + _START_SECONDS
    while (found := status(folder.path)).state in _PASSING:
        if time.monotonic() > deadline:
            raise LauncherError(
                f"a cloud has been {found.state.value} in {folder.path} for {_START_SECONDS:.0f} s: see "
                "cloud.log; `gluonship local down --yes` ends it"
            )
        time.sleep(0.1)
    return found


def _process(info: CloudInfo) -> psutil.Process | None:
    """The cloud's process, unless it is gone and its pid is another's by now."""
    try:
        process = psutil.Process(info.pid)
        return process if abs(process.create_time() - info.pid_started) < 1 else None
    except psutil.Error:
        return None


def _family(process: psutil.Process | None) -> list[psutil.Process]:
    try:
        return [] if process is None else [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return []


def _end(family: Sequence[psutil.Process], grace_seconds: float = 3.0) -> None:
    """Kills what has not ended by itself within `grace_seconds` of the cloud's own end."""
    deadline = time.monotonic() + grace_seconds
    while (alive := [process for process in family if _lives(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    while any(_lives(process) for process in alive):
        time.sleep(0.02)


def _lives(process: psutil.Process) -> bool:
    """A process that has ended and that nobody has waited for (a container's init may not) is gone."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _clean_up(folder: Home) -> None:
    """Removes what a cloud that is gone says about itself. Its containers' folders, with their logs, stay
    until the next one starts."""
    # The threads of a process that was killed may still be ending, and hold the lock until then.
    descriptor = folder.take_lock(_CLOSE_SECONDS)
    if descriptor is None:
        return  # another one has started meanwhile: it is its own now
    try:
        folder.forget()
    finally:
        os.close(descriptor)
