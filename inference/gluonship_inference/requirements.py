"""A user's code/requirements.txt, installed before his script is loaded, as AWS's container does."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gluonship_inference.log_lines import Log
from gluonship_inference.pool import Unservable


async def install(path: Path, log: Log) -> None:
    """`pip install -r` into this interpreter's environment, which whoever starts this server has made for it.
    Raises Unservable.
    """
    if not path.is_file():
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
