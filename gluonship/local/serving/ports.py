"""Free TCP ports of the loopback interface, never the same one twice while it is held."""

from __future__ import annotations

import contextlib
import random
import socket
import threading

SAFE_RANGE_SIZE = 10


class Ports:
    """Gives out ports that nothing listened on a moment ago.

    Asking the kernel leaves a gap between finding a port and the container's bind; ports given out and not
    yet returned are remembered, so that at least two containers of this cloud never meet in that gap.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[int] = set()
        self._random = random.SystemRandom()

    def take(self) -> int:
        with self._lock:
            while True:
                port = _ask_kernel()
                if port not in self._held:
                    self._held.add(port)
                    return port

    def take_range(self) -> tuple[int, int]:
        """The first and last of ten neighbouring ports that a container may use for itself
        (SAGEMAKER_SAFE_PORT_RANGE), below the range from which the kernel gives ports out."""
        with self._lock:
            for _ in range(200):
                first = self._random.randrange(20000, 32000, SAFE_RANGE_SIZE)
                wanted = range(first, first + SAFE_RANGE_SIZE)
                if self._held.isdisjoint(wanted) and all(map(_is_free, wanted)):
                    self._held.update(wanted)
                    return wanted[0], wanted[-1]
        raise OSError("No ten neighbouring free ports between 20000 and 31999 on 127.0.0.1.")

    def give_back(self, *ports: int) -> None:
        with self._lock:
            self._held.difference_update(ports)


def _ask_kernel() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
