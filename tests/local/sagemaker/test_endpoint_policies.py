"""What a DeploymentConfig asks for, as pure data: steps, alarms, limits, refusals."""

from __future__ import annotations

from typing import Any, cast

import pytest

from gluonship.local.contracts import AwsError
from gluonship.local.sagemaker.endpoint_deployments import Phase, Policy, Variant
from gluonship.local.sagemaker.endpoint_policies import policy, same_names


def fleet(count: int, name: str = "AllTraffic") -> Variant:
    return Variant({"VariantName": name}, cast("Any", None), 1.0, count)


def blue_green(kind: str, wait: int = 300, after: int = 0, **routing: Any) -> dict[str, Any]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": wait, **routing},
            "TerminationWaitInSeconds": after,
        }
    }


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def instances(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


def walked(asked: Policy) -> list[tuple[str, float, float]]:
    """Phase, share of the requests and seconds of each step between the first and the last."""
    first, *middle, last = asked.steps
    assert (first.phase, last.phase) == (Phase.PROVISION, Phase.RETIRE)
    return [(step.phase.value, round(step.share, 3), step.seconds) for step in middle]


def test_without_a_config_requests_shift_all_at_once_and_nothing_waits() -> None:
    assert walked(policy(None, [fleet(1)])) == [("ActivatingTraffic", 1.0, 0.0), ("Baking", 1.0, 0.0)]
    assert policy(None, [fleet(1)]).alarms == ()
    assert policy(None, [fleet(1)]).limit_seconds is None


def test_all_at_once_bakes_after_the_shift_and_again_before_the_old_fleet_goes() -> None:
    asked = policy(
        {
            **blue_green("ALL_AT_ONCE", 300, 60),
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}, {"AlarmName": "b"}]},
        },
        [fleet(1)],
    )
    assert walked(asked) == [
        ("ActivatingTraffic", 1.0, 0.0),
        ("Baking", 1.0, 300.0),
        ("Baking", 1.0, 60.0),
    ]
    assert asked.alarms == ("a", "b")


@pytest.mark.parametrize(
    ("kind", "size", "count", "shares"),
    [
        ("CANARY", percent(30), 3, [0.3, 1.0]),
        ("CANARY", percent(50), 1, [0.5, 1.0]),
        ("CANARY", instances(1), 4, [0.25, 1.0]),
        ("LINEAR", percent(20), 5, [0.2, 0.4, 0.6, 0.8, 1.0]),
        ("LINEAR", percent(33), 3, [0.33, 0.66, 0.99, 1.0]),
        ("LINEAR", percent(40), 5, [0.4, 0.8, 1.0]),
        ("LINEAR", instances(1), 3, [0.333, 0.667, 1.0]),
        ("LINEAR", instances(1), 10, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
    ],
)
def test_canary_and_linear_shift_in_parts_and_bake_after_each(
    kind: str, size: dict[str, Any], count: int, shares: list[float]
) -> None:
    member = "CanarySize" if kind == "CANARY" else "LinearStepSize"
    asked = walked(policy(blue_green(kind, 60, **{member: size}), [fleet(count)]))
    assert [share for phase, share, _ in asked if phase == "ActivatingTraffic"] == shares
    assert asked[1::2] == [("Baking", share, 60.0) for share in shares]


@pytest.mark.parametrize(
    ("config", "counts", "words"),
    [
        ({"RollingUpdatePolicy": {"WaitIntervalInSeconds": 1}}, [2], "RollingUpdatePolicy is not supported"),
        (blue_green("CANARY"), [2], "CANARY needs CanarySize"),
        (blue_green("LINEAR"), [2], "LINEAR needs LinearStepSize"),
        (blue_green("ALL_AT_ONCE", CanarySize=percent(10)), [2], "CanarySize does not go with .*ALL_AT_ONCE"),
        (
            blue_green("CANARY", CanarySize=percent(10), LinearStepSize=percent(10)),
            [2],
            "LinearStepSize does not go with .*CANARY",
        ),
        (blue_green("CANARY", CanarySize=percent(51)), [2], "at most 50% .* is 51%"),
        (blue_green("CANARY", CanarySize=instances(1)), [1], "at most 50% .* is 100%"),
        (blue_green("LINEAR", LinearStepSize=percent(9)), [2], "10% to 50% .* is 9%"),
        (blue_green("LINEAR", LinearStepSize=instances(2)), [3], "10% to 50% .* is 67%"),
        (blue_green("CANARY", CanarySize=instances(1)), [2, 4], "different instance counts"),
        ({"AutoRollbackConfiguration": {"Alarms": [{}]}}, [1], "needs an AlarmName"),
    ],
)
def test_what_cannot_be_is_refused_in_words(config: dict[str, Any], counts: list[int], words: str) -> None:
    variants = [fleet(count, f"v{index}") for index, count in enumerate(counts)]
    with pytest.raises(AwsError, match=words) as refusal:
        policy(config, variants)
    here = "local cloud" in refusal.value.message  # else AWS refuses it too
    assert refusal.value.code == ("UnsupportedOperation" if here else "ValidationException")


def test_variants_keep_their_names() -> None:
    same_names([fleet(1, "a"), fleet(1, "b")], [fleet(2, "b"), fleet(1, "a")])
    with pytest.raises(AwsError, match=r"variants of the old one \(a\), and has b"):
        same_names([fleet(1, "a")], [fleet(1, "b")])
