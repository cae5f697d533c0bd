"""Free TCP ports of the loopback interface, never the same one twice while it is held."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Sequence

# Below the ports that the kernel gives to outgoing connections (32768 and up on Linux): a container takes
# seconds from being given its port to binding to it, and no connection may take it meanwhile.
_PORTS = range(10_000, 20_000)
_SAFE_PORTS = range(20_000, 32_000)
_SAFE_RANGE_SIZE = 10
_ATTEMPTS = 500


class Ports:
    """Gives out ports that nothing listens on now and that this cloud has not given out already."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[int] = set()
        self._random = random.SystemRandom()

    def take(self) -> int:
        """Where a container is to listen."""
        return self._take(_PORTS, 1)[0]

    def take_range(self) -> tuple[int, int]:
        """The first and last of ten neighbouring ports that a container may use for itself
        (SAGEMAKER_SAFE_PORT_RANGE)."""
        taken = self._take(_SAFE_PORTS, _SAFE_RANGE_SIZE)
        return taken[0], taken[-1]

    def give_back(self, *ports: int) -> None:
        with self._lock:
            self._held.difference_update(ports)

    def _take(self, among: range, count: int) -> Sequence[int]:
        with self._lock:
            for _ in range(_ATTEMPTS):
                first = self._random.randrange(among.start, among.stop, count)
                wanted = range(first, first + count)
                if self._held.isdisjoint(wanted) and all(map(_is_free, wanted)):
                    self._held.update(wanted)
                    return wanted
        raise OSError(f"No {count} neighbouring free ports from {among.start} to {among.stop} on 127.0.0.1.")


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
