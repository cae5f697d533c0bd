"""What one caller may cost the data plane, in bytes and in seconds."""

from __future__ import annotations

from dataclasses import dataclass

PAYLOAD_BYTES = 6_291_456  # AWS's: of a request's body, and of an answer


@dataclass(frozen=True)
class Limits:
    """The deadlines are far above what a client on this machine needs, and below what a held connection may
    cost."""

    payload_bytes: int = PAYLOAD_BYTES
    held_bytes: int = 128 * 2**20  # of all bodies that are held at a time
    head_seconds: float = 10.0  # from the first byte of a request until its headers are whole
    body_seconds: float = 60.0  # from then on until its body is whole
    answer_seconds: float = 60.0  # until the caller has taken an answer
