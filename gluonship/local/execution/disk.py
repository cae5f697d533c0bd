"""Full disks, in words."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

_FULL = {
    errno.ENOSPC: "no space is left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file grew above the largest size allowed (ulimit -f, or the file system's)",
}


def is_full(error: OSError) -> bool:
    return error.errno in _FULL


def explain(error: OSError, folder: Path) -> str:
    """What is full, where, how much is free there, and what to do."""
    return f"{_FULL[error.errno or 0]}: {advice(folder)}"


def advice(folder: Path) -> str:
    return (
        f"'{folder}' is on a disk with {free(folder)}. Make room there, or set GLUONSHIP_HOME to a folder "
        "on a larger disk and start the local cloud again."
    )


def free(folder: Path) -> str:
    """ "12 MiB free of 1,024 MiB" """
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return f"{usage.free // 2**20:,} MiB free of {usage.total // 2**20:,} MiB"
