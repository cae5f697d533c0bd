"""What a large body has used goes back to the system when the body is gone."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3
_LARGE = 2**17


def give_back_large_blocks() -> None:
    """Large blocks become mappings of their own, which end with them. By its own measure glibc takes them
    from its heaps after the first ones, where a small block behind keeps them."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # of glibc alone
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
