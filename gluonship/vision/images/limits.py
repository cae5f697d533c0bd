"""How large a picture may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Caps that are checked before anything is decoded.

    `max_bytes`: length of the encoded file. `max_pixels`: width x height by the header; a decoded picture
    takes 3 to 4 bytes a pixel.
    """

    max_bytes: int = 20 * 2**20
    max_pixels: int = 50_000_000

    def __post_init__(self) -> None:
        if self.max_bytes < 1 or self.max_pixels < 1:
            raise ValueError(f"limits must be positive, got {self!r}")
