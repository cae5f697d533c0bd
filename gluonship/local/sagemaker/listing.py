"""What every List operation of SageMaker does with its filters, its order and its pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from gluonship.local.contracts import AwsError

_SORT_KEYS = {"Name": "name", "CreationTime": "created", "Status": "status"}


class Listed:
    """One row of a listing: what filters and orders look at, and the summary that is answered."""

    __slots__ = ("created", "modified", "name", "status", "summary")

    def __init__(
        self, name: str, created: datetime, modified: datetime, status: str, summary: dict[str, Any]
    ) -> None:
        self.name = name
        self.created = created
        self.modified = modified
        self.status = status
        self.summary = summary


def page(
    rows: Iterable[Listed],
    request: dict[str, Any],
    *,
    default_sort_by: str = "CreationTime",
    default_sort_order: str = "Ascending",
) -> tuple[list[dict[str, Any]], str | None]:
    """The summaries of one page and the NextToken, or None.

    Takes the request's NameContains, StatusEquals, Creation- and LastModifiedTimeBefore/After, SortBy,
    SortOrder, MaxResults (at most 100; 10 when absent) and NextToken. Raises AwsError for a token that no
    listing gave out.
    """
    chosen = [row for row in rows if _matches(row, request)]
    key = _SORT_KEYS[request.get("SortBy", default_sort_by)]
    by_key: Callable[[Listed], Any] = lambda row: (getattr(row, key), row.name)  # noqa: E731
    chosen.sort(key=by_key, reverse=request.get("SortOrder", default_sort_order) == "Descending")
    start = _decode(request["NextToken"]) if request.get("NextToken") else 0
    end = start + int(request.get("MaxResults", 10))
    token = _encode(end) if end < len(chosen) else None
    return [row.summary for row in chosen[start:end]], token


def _matches(row: Listed, request: dict[str, Any]) -> bool:
    def outside(prefix: str, value: datetime) -> bool:
        after, before = request.get(f"{prefix}After"), request.get(f"{prefix}Before")
        return (after is not None and value <= after) or (before is not None and value >= before)

    if str(request.get("NameContains", "")).lower() not in row.name.lower():
        return False
    if request.get("StatusEquals", row.status) != row.status:
        return False
    return not (outside("CreationTime", row.created) or outside("LastModifiedTime", row.modified))


def _encode(offset: int) -> str:
    return base64.urlsafe_b64encode(f"offset:{offset}".encode()).decode()


def _decode(token: str) -> int:
    try:
        word, _, offset = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if word == "offset":
            return int(offset)
    except (binascii.Error, ValueError):
        pass
    raise AwsError("ValidationException", "The NextToken is not one that this operation gave out.")
