"""What one evaluation may take, set in its own process: the kernel ends what takes more.

Time is the processor's, so that a machine with other things to do takes nothing from it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import signal
from collections.abc import Iterator

MEMORY_BYTES = 256 * 2**20  # address space, of which Python itself takes some 30 MiB

_NICE = 5  # what takes long gives way to the cloud, which others wait for


def bound_process() -> None:
    """Once in a worker's life."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal that the cloud was started from
    for deadly in (signal.SIGPROF, signal.SIGIO):
        signal.signal(deadly, signal.SIG_DFL)


@contextlib.contextmanager
def bounded(seconds: float, orders: int) -> Iterator[None]:
    """Ends this process when the block takes more than `seconds` of processor time, or when the other end of
    the pipe `orders` closes meanwhile: the cloud is gone then, however it went."""
    flags = fcntl.fcntl(orders, fcntl.F_GETFL)
    fcntl.fcntl(orders, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(orders, fcntl.F_SETFL, flags | os.O_ASYNC)  # from now on its end is a signal
    if _ended(orders):
        os._exit(0)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        fcntl.fcntl(orders, fcntl.F_SETFL, flags)


def _ended(pipe: int) -> bool:
    waiting = select.poll()
    waiting.register(pipe, 0)  # an end is told whatever is asked
    return bool(waiting.poll(0))
