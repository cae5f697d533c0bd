"""Pages of lists, with a token that says where the next one begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gluonship.local.contracts import AwsError

_MOST = 1000


def page(member: str, items: Sequence[Any], request: Mapping[str, Any], default: int = 100) -> dict[str, Any]:
    """One page of a listing, under its member. Raises AwsError InvalidToken."""
    size = min(request.get("maxResults") or default, _MOST)
    start = 0
    if token := request.get("nextToken"):
        if not token.isdecimal() or int(token) > len(items):
            raise AwsError("InvalidToken", f"Invalid Token: '{token}'")
        start = int(token)
    answer: dict[str, Any] = {member: list(items[start : start + size])}
    if start + size < len(items):
        answer["nextToken"] = str(start + size)
    return answer
