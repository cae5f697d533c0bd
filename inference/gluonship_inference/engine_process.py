"""The front process's end of one engine process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from typing import Any, Callable, Mapping

from gluonship_inference import frames


class EngineLost(Exception):
    """The process is gone, or does not speak any more; the message says how it ended."""


class EngineProcess:
    """A started process and the socket to it. One exchange at a time."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(
        cls, command: Callable[[int], list[str]], environment: Mapping[str, str], folder: str
    ) -> EngineProcess:
        """`command` makes the command line from the descriptor of the socket that the process inherits."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command(theirs.fileno()),
                env=dict(environment),
                cwd=folder,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # so that kill() also reaches what a user's script started
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        return cls(process, reader, writer)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def receive(self) -> frames.Frame:
        """The next frame. Raises EngineLost."""
        try:
            return await frames.read(self._reader)
        except (asyncio.IncompleteReadError, OSError, ValueError):
            raise EngineLost(await self.end()) from None

    async def exchange(self, header: dict[str, Any], body: bytes) -> frames.Frame:
        """Sends a request and returns the answer. Raises EngineLost."""
        try:
            self._writer.write(frames.prefix(header, body))
            self._writer.write(body)
            await self._writer.drain()
        except OSError:
            raise EngineLost(await self.end()) from None
        return await self.receive()

    def kill(self) -> None:
        """Ends it, and what a user's script started in it, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def wait(self) -> str:
        """Waits for the process to end by itself and says how it ended."""
        code = await self._process.wait()
        if code >= 0:
            return f"exit code {code}"
        try:
            return f"signal {-code} ({signal.Signals(-code).name})"
        except ValueError:
            return f"signal {-code}"

    async def end(self) -> str:
        """Kills it where it still lives, and says how it ended."""
        with contextlib.suppress(asyncio.TimeoutError):
            # A process that has closed its socket is about to end: its own exit code says more than our kill.
            return await asyncio.wait_for(asyncio.shield(self.wait()), 0.5)
        self.kill()
        return await self.wait()
