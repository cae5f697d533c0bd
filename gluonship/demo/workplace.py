"""A local cloud for one demo: in a folder of its own, on free ports, gone at the end however that comes."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from gluonship.aws.account import Account
from gluonship.local import connect, launcher

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None


@dataclass(frozen=True)
class Workplace:
    account: Account
    scratch: Path  # an empty folder
    url: str  # of the control plane


@contextmanager
def workplace(on_step: Callable[[str], None]) -> Iterator[Workplace]:
    """Raises LauncherError where the cloud does not start. Ctrl-C and SIGTERM also lead to its end."""
    folder = Path(tempfile.mkdtemp(prefix="gluonship-demo-"))
    home = folder / "cloud"
    with _terminations_as_interrupts():
        try:
            info = launcher.up(home, port=0, progress=on_step)  # 0: any port that is free
            scratch = folder / "scratch"
            scratch.mkdir()
            yield Workplace(
                Account(connect(home, start=False, whole_process=False).boto, "local"), scratch, info.url
            )
        finally:
            with _no_interrupts():
                with suppress(launcher.LauncherError):  # it never came up: there is nothing to stop
                    launcher.down(home, grace_seconds=2)
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _terminations_as_interrupts() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except KeyboardInterrupt:
        # All is cleaned up and the process is ending: a second one must not change how it ends.
        for number in _INTERRUPTS:
            signal.signal(number, signal.SIG_IGN)
        raise
    except BaseException:
        _restore(before)
        raise
    _restore(before)


def _restore(handlers: Mapping[signal.Signals, _Handler]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Lets the cleaning-up end; a second Ctrl-C must not leave processes behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _INTERRUPTS}
    try:
        yield
    finally:
        _restore(before)
