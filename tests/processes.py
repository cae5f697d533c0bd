"""Which processes have outlived what started them."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable

import psutil


def hear_interrupts() -> None:
    """For Popen's preexec_fn: Ctrl-C reaches the process also where the tests ignore it, as in a shell's
    background does."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def still_alive(processes: Iterable[psutil.Process], seconds: float = 0.0) -> list[psutil.Process]:
    """Those that live after at most `seconds`. A zombie is dead: a machine's init may bury it late."""
    deadline = time.monotonic() + seconds
    watched = list(processes)
    while alive := [each for each in watched if _lives(each)]:
        if time.monotonic() >= deadline:
            break
        time.sleep(0.02)
    return alive


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
