"""What every List operation of SageMaker does with its filters, its order and its pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

from gluonship.local.contracts import AwsError

PAGE_SIZE = 10  # of every List operation that does not say otherwise
MAX_PAGE_SIZE = 100  # "MaxResults", botocore's model of SageMaker

_SORT_KEYS = {
    "Name": "name",
    "CreationTime": "created",
    "LastModifiedTime": "modified",
    "Status": "status",
}
_MARK = "offset"

Item = TypeVar("Item")


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
    default_sort_order: Literal["Ascending", "Descending"] = "Ascending",
) -> tuple[list[dict[str, Any]], str | None]:
    """The summaries of one page and the NextToken, or None.

    Takes the request's NameContains, StatusEquals, Creation- and LastModifiedTimeBefore/After, SortBy,
    SortOrder, MaxResults (at most 100; 10 when absent) and NextToken. Raises AwsError for a token that no
    listing gave out, and for MaxResults out of range.

    The default order differs by operation (botocore's model documents each): training, processing and
    compilation jobs come ascending; models, endpoints, endpoint configurations and transform jobs
    descending. StatusEquals is applied before paging, so that a page is full if there is enough to fill it
    (AWS documents that ListTrainingJobs filters a page after it was taken; a client that follows NextToken
    sees the same jobs).
    """
    chosen = [row for row in rows if _matches(row, request)]
    key = _SORT_KEYS[request.get("SortBy", default_sort_by)]

    def order(row: Listed) -> tuple[Any, str]:
        return getattr(row, key), row.name

    chosen.sort(key=order, reverse=request.get("SortOrder", default_sort_order) == "Descending")
    shown, token = slice_page(chosen, request)
    return [row.summary for row in shown], token


def to_millisecond(moment: datetime) -> datetime:
    """As AWS gives times: a client that asks with a time it was given finds it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def slice_page(
    items: Sequence[Item],
    request: dict[str, Any],
    *,
    default_size: int = PAGE_SIZE,
    max_size: int = MAX_PAGE_SIZE,
) -> tuple[list[Item], str | None]:
    """The items from the request's NextToken on, as many as MaxResults says, and the next NextToken.

    A token holds nothing but an offset: it names no resource and gives no access.
    """
    start = _decode(request["NextToken"]) if request.get("NextToken") else 0
    size = int(request.get("MaxResults", default_size))
    if not 1 <= size <= max_size:
        raise AwsError("ValidationException", f"MaxResults must be from 1 to {max_size}; it is {size}.")
    end = start + size
    return list(items[start:end]), _encode(end) if end < len(items) else None


def _matches(row: Listed, request: dict[str, Any]) -> bool:
    if str(request.get("NameContains", "")).lower() not in row.name.lower():
        return False
    if request.get("StatusEquals", row.status) != row.status:
        return False
    return _within(row.created, request, "CreationTime") and _within(
        row.modified, request, "LastModifiedTime"
    )


def _within(moment: datetime, request: dict[str, Any], member: str) -> bool:
    after, before = request.get(f"{member}After"), request.get(f"{member}Before")
    return (after is None or moment > after) and (before is None or moment < before)


def _encode(offset: int) -> str:
    return base64.urlsafe_b64encode(f"{_MARK}:{offset}".encode()).decode()


def _decode(token: str) -> int:
    try:
        word, _, digits = base64.urlsafe_b64decode(token.encode("ascii")).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        word, digits = "", ""
    if word != _MARK or not digits.isdecimal():
        raise AwsError("ValidationException", "The NextToken is not one that this operation gave out.")
    return int(digits)
