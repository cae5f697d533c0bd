"""A user's code/requirements.txt, installed before his script is loaded, as AWS's container does."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from gluonship_inference.log_lines import Log
from gluonship_inference.pool import Unservable

_OLDER_PYTHON_ONLY = re.compile(r"""[^;]*;\s*python_version\s*<\s*["'](\d+)\.(\d+)["']\s*""")


def wants_anything(text: str, python: tuple[int, ...]) -> bool:
    """Whether a requirements.txt holds more than lines for Pythons older than `python` (major, minor), as our
    own artifacts' does: pip would take a second to say that it ignores them."""
    lines = [line.partition(" #")[0].strip() for line in text.splitlines()]
    for line in lines:
        if not line or line.startswith("#"):
            continue
        older = _OLDER_PYTHON_ONLY.fullmatch(line)
        if older is None or python < (int(older[1]), int(older[2])):
            return True
    return False


async def install(path: Path, log: Log) -> None:
    """`pip install -r` into this interpreter's environment, which whoever starts this server has made for it.
    Raises Unservable.
    """
    if not path.is_file() or not wants_anything(path.read_text("utf-8", "replace"), sys.version_info[:2]):
        return
    log.info("installing", requirements=path)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "pip", "install", "--disable-pip-version-check", "-r", str(path)),
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if code:
        raise Unservable(
            f"RequirementsNotInstalled: pip install -r {path} ended with {code}; the lines above say why"
        )
