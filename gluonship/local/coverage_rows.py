"""A line of a coverage page, as the rooms of the local cloud write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Row:
    """What the local cloud does of one thing."""

    part: str  # the table it belongs to
    name: str
    coverage: Literal["executed", "recorded", "refused"]
    note: str = ""
