"""Filters, orders and pages of List operations."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gluonship.local.contracts import AwsError
from gluonship.local.sagemaker.listing import Listed, page, slice_page

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return T0 + timedelta(minutes=minutes)


ROWS = [
    Listed("beta-cat", at(0), at(9), "Completed", {"name": "beta-cat"}),
    Listed("alpha-dog", at(1), at(3), "Failed", {"name": "alpha-dog"}),
    Listed("Gamma-Cat", at(2), at(6), "Completed", {"name": "Gamma-Cat"}),
    Listed("delta", at(2), at(2), "InProgress", {"name": "delta"}),
]


def names(request: dict[str, Any], **options: Any) -> list[str]:
    summaries, _ = page(ROWS, request, **options)
    return [summary["name"] for summary in summaries]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, ["beta-cat", "alpha-dog", "Gamma-Cat", "delta"]),
        ({"SortOrder": "Descending"}, ["delta", "Gamma-Cat", "alpha-dog", "beta-cat"]),
        ({"SortBy": "Name"}, ["Gamma-Cat", "alpha-dog", "beta-cat", "delta"]),
        ({"SortBy": "Status"}, ["Gamma-Cat", "beta-cat", "alpha-dog", "delta"]),
        ({"SortBy": "LastModifiedTime"}, ["delta", "alpha-dog", "Gamma-Cat", "beta-cat"]),
        ({"NameContains": "cat"}, ["beta-cat", "Gamma-Cat"]),
        ({"StatusEquals": "Completed"}, ["beta-cat", "Gamma-Cat"]),
        ({"StatusEquals": "Stopped"}, []),
        ({"CreationTimeAfter": at(1)}, ["Gamma-Cat", "delta"]),
        ({"CreationTimeBefore": at(1)}, ["beta-cat"]),
        ({"CreationTimeAfter": at(0), "CreationTimeBefore": at(2)}, ["alpha-dog"]),
        ({"LastModifiedTimeAfter": at(3)}, ["beta-cat", "Gamma-Cat"]),
        ({"LastModifiedTimeBefore": at(3)}, ["delta"]),
        ({"NameContains": "cat", "LastModifiedTimeBefore": at(9)}, ["Gamma-Cat"]),
    ],
)
def test_filters_and_orders(request_: dict[str, Any], expected: list[str]) -> None:
    assert names(request_) == expected


def test_an_operation_brings_its_own_default_order() -> None:
    assert names({}, default_sort_order="Descending")[0] == "delta"
    assert names({"SortOrder": "Ascending"}, default_sort_order="Descending")[0] == "beta-cat"
    assert names({}, default_sort_by="Name")[0] == "Gamma-Cat"


def test_ten_to_a_page_unless_told_otherwise() -> None:
    rows = [Listed(f"{n:03}", at(n), at(n), "Completed", {"n": n}) for n in range(25)]
    request: dict[str, Any] = {}
    pages = []
    while True:
        summaries, token = page(rows, request)
        pages.append([summary["n"] for summary in summaries])
        if token is None:
            break
        request = {"NextToken": token}
    assert [len(one) for one in pages] == [10, 10, 5]
    assert sum(pages, []) == list(range(25))  # noqa: RUF017 - three short lists


def test_a_full_last_page_has_no_next() -> None:
    assert slice_page([1, 2, 3], {"MaxResults": 3}) == ([1, 2, 3], None)


@pytest.mark.parametrize("size", [0, 101, -1])
def test_a_page_size_out_of_bounds_is_refused(size: int) -> None:
    with pytest.raises(AwsError, match="MaxResults must be from 1 to 100"):
        slice_page([1], {"MaxResults": size})


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "token",
    ["x", "not a token", "ünicode", "====", encoded("offset:-1"), encoded("offset:"), encoded("name:1")],
)
def test_a_token_that_no_listing_gave_out_is_refused(token: str) -> None:
    with pytest.raises(AwsError, match="not one that this operation gave out") as caught:
        slice_page([1], {"NextToken": token})
    assert caught.value.code == "ValidationException"


def test_a_token_beyond_the_end_gives_an_empty_page() -> None:
    _, token = slice_page([1, 2, 3], {"MaxResults": 2})
    assert slice_page([1], {"NextToken": token}) == ([], None)
