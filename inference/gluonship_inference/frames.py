"""What the front process and an engine process say to each other over a socket pair.

A frame is two big-endian 32-bit lengths, a JSON object and bytes: nothing in it is ever unpickled or run.
The object's `kind` is `loaded` or `unloadable` once, then `request` and `response` in turn.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import Any, NamedTuple

_LENGTHS = struct.Struct(">II")


class Frame(NamedTuple):
    header: dict[str, Any]
    body: bytes


def prefix(header: dict[str, Any], body: bytes) -> bytes:
    """All of a frame but its body."""
    text = json.dumps(header).encode()
    return _LENGTHS.pack(len(text), len(body)) + text


async def read(reader: asyncio.StreamReader) -> Frame:
    """Raises asyncio.IncompleteReadError or ConnectionError when the other side is gone."""
    text_length, body_length = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    text = await reader.readexactly(text_length)
    return Frame(json.loads(text), await reader.readexactly(body_length) if body_length else b"")


def receive(connection: socket.socket) -> Frame | None:
    """Blocks; None when the other side is gone."""
    lengths = _receive_exactly(connection, _LENGTHS.size)
    if lengths is None:
        return None
    text_length, body_length = _LENGTHS.unpack(lengths)
    text = _receive_exactly(connection, text_length)
    body = _receive_exactly(connection, body_length)
    return None if text is None or body is None else Frame(json.loads(text), body)


def send(connection: socket.socket, header: dict[str, Any], body: bytes = b"") -> None:
    connection.sendall(prefix(header, body))
    connection.sendall(body)


def _receive_exactly(connection: socket.socket, count: int) -> bytes | None:
    buffer = bytearray(count)
    view = memoryview(buffer)
    while view:
        received = connection.recv_into(view)
        if not received:
            return None
        view = view[received:]
    return bytes(buffer)
