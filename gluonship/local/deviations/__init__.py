"""Where moto answers otherwise than AWS: one module a deviation, each a small patch that says what AWS does.

They change moto in this process only: the cloud's.
"""

from __future__ import annotations


def apply() -> None:
    """Applies every deviation, once, before moto's first request."""
