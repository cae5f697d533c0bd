"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SUFFIX = ".unfinished"


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A hidden name beside `target` to write to; renamed to it at the end, removed on an error."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}{_SUFFIX}")
    try:
        yield unfinished
        os.replace(unfinished, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            unfinished.unlink()
        raise


def is_unfinished(path: Path) -> bool:
    """Whether `path` was left by a process that died inside `replacing`."""
    return path.name.startswith(".") and path.name.endswith(_SUFFIX)
