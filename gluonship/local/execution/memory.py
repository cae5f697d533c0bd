"""How much memory the processes of a container hold."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes(pids: Iterable[int]) -> int:
    """The sum of their resident sets: cheap, but it counts pages that they share once for each."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/statm", "rb") as file:
            total += int(file.read().split()[1]) * _PAGE
    return total


def proportional_bytes(pids: Iterable[int]) -> int:
    """As a container engine counts: what processes share (a fork's copy-on-write pages) counts once."""
    return sum(_proportional(pid) for pid in pids)


def exceeds(pids: Iterable[int], limit: int) -> int | None:
    """What they hold, in bytes, when that is above `limit`."""
    pids = list(pids)
    if resident_bytes(pids) <= limit:
        return None  # the proportional sum is never larger
    held = proportional_bytes(pids)
    return held if held > limit else None


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:  # ended meanwhile, or not readable: then its resident set is the nearest
        return resident_bytes([pid])
    return 0
