"""Shares of requests between an old and a new fleet, as pure data."""

from __future__ import annotations

from typing import Any, cast

import pytest

from gluonship.local.contracts import Fleet
from gluonship.local.sagemaker.endpoint_deployments import Variant, routes


def running(name: str, weight: float) -> Variant:
    return Variant({"VariantName": name}, cast("Any", None), weight, 1, cast("Fleet", object()))


OLD = (running("a", 2.0), running("b", 2.0))
NEW = (running("a", 5.0),)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, [("a", 2.0), ("b", 2.0)]),
        (0.25, [("a", 0.375), ("b", 0.375), ("a", 0.25)]),
        (1.0, [("a", 5.0)]),
    ],
)
def test_a_share_of_the_requests_goes_to_the_new_fleet(
    share: float, expected: list[tuple[str, float]]
) -> None:
    assert [(route.variant_name, route.weight) for route in routes(OLD, NEW, share)] == expected


def test_the_first_deployment_has_all_requests_whatever_the_share() -> None:
    assert [route.weight for route in routes((), NEW, 0.1)] == [5.0]
