"""Answers in pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gluonship.local.contracts import AwsError

PAGE = 100


def page(member: str, rows: Sequence[Any], request: Mapping[str, Any], size: int = PAGE) -> dict[str, Any]:
    """The rows from where NextToken says on, and the next one's token. Raises ValidationError."""
    token = request.get("NextToken")
    if token is not None and not str(token).isdigit():
        raise AwsError("ValidationError", f"NextToken {token!r} is not one of this operation's")
    start = int(token or 0)
    end = start + size
    return {member: list(rows[start:end]), **({"NextToken": str(end)} if end < len(rows) else {})}
