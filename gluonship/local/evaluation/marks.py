"""Where a function is, left for whoever asked: an evaluation that is ended cannot say it afterwards.

The mark lies in a file in memory that both processes have open: setting it wakes nobody.
"""

from __future__ import annotations

import json
import os

_LONGEST = 2**20
_files: list[int] = []


def keep_in(file: int) -> None:
    """For the worker's program: from now on marks are kept there. Elsewhere they are not."""
    os.set_inheritable(file, False)
    _files[:] = [file]


def mark(place: str) -> None:
    for file in _files:
        os.pwrite(file, json.dumps(place).encode("ascii") + b"\n", 0)


def read(file: int) -> str:
    """The last mark; nothing where there was none."""
    line, end, _ = os.pread(file, _LONGEST, 0).partition(b"\n")
    return str(json.loads(line)) if end else ""
