"""What a DeploymentConfig asks for: the steps of an update, the alarms that take it back, its time limit.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html and the pages below it,
on all at once, canary and linear traffic shifting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gluonship.local.sagemaker.endpoint_deployments import Phase, Policy, Step, Variant
from gluonship.local.sagemaker.endpoint_resources import invalid, refused

FIRST = Policy((Step(Phase.PROVISION), Step(Phase.SHIFT)))
"""A creation's: a DeploymentConfig given with it is for the updates to come."""

_SIZES = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
_LARGEST = 0.5  # of the new fleet, for a canary and for a linear step
_SMALLEST_LINEAR = 0.1


def policy(config: dict[str, Any] | None, variants: Sequence[Variant]) -> Policy:
    """Of an update to `variants`; without a DeploymentConfig, all at once.

    Raises AwsError for what AWS refuses (a part of the fleet beyond its limits), and for what does not run
    here (rolling updates).
    """
    config = config or {}
    if "RollingUpdatePolicy" in config:
        raise refused("RollingUpdatePolicy", "Use BlueGreenUpdatePolicy.")
    blue_green = config.get("BlueGreenUpdatePolicy", {})
    routing = blue_green.get("TrafficRoutingConfiguration", {})
    steps = [Step(Phase.PROVISION), *_shifts(routing, variants)]
    if after := float(blue_green.get("TerminationWaitInSeconds", 0)):
        # AWS calls it baking too: the old fleet is there still, and an alarm takes the update back.
        steps.append(Step(Phase.BAKE, seconds=after, waits_for="TerminationWaitInSeconds"))
    return Policy(
        (*steps, Step(Phase.RETIRE)), _alarms(config), blue_green.get("MaximumExecutionTimeoutInSeconds")
    )


def same_names(old: Sequence[Variant], new: Sequence[Variant]) -> None:
    """Raises AwsError where an update with a DeploymentConfig renames, adds or drops variants.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
    """
    before, after = ({variant.name for variant in variants} for variants in (old, new))
    if before != after:
        raise invalid(
            f"With a DeploymentConfig the new endpoint configuration must have the variants of the old one "
            f"({', '.join(sorted(before))}), and has {', '.join(sorted(after))}."
        )


def _shifts(routing: dict[str, Any], variants: Sequence[Variant]) -> list[Step]:
    """Each shift with its baking."""
    kind = routing.get("Type", "ALL_AT_ONCE")
    for other in (member for which, member in _SIZES.items() if which != kind and member in routing):
        raise invalid(f"{other} does not go with traffic routing of Type {kind}.")
    seconds = float(routing.get("WaitIntervalInSeconds", 0))
    if kind == "ALL_AT_ONCE":
        shares = [1.0]
    elif _SIZES[kind] not in routing:
        raise invalid(f"Traffic routing of Type {kind} needs {_SIZES[kind]}.")
    else:
        size = _share(_SIZES[kind], routing[_SIZES[kind]], variants)
        shares = [size, 1.0] if kind == "CANARY" else _linear(size)
    steps = []
    for share in shares:
        capacity = "full" if share >= 1.0 else kind.lower()
        steps += [Step(Phase.SHIFT, share, capacity=capacity), Step(Phase.BAKE, share, seconds, capacity)]
    return steps


def _linear(size: float) -> list[float]:
    """The share after each step; the last one takes what is left: 0.4, 0.8, 1."""
    number = math.ceil(1.0 / size - 1e-9)
    return [*(size * each for each in range(1, number)), 1.0]


def _share(member: str, size: dict[str, Any], variants: Sequence[Variant]) -> float:
    """Of the requests. Raises AwsError outside AWS's limits."""
    if size["Type"] == "CAPACITY_PERCENT":
        share = size["Value"] / 100.0
    else:
        counts = {variant.instance_count for variant in variants}
        if len(counts) > 1:
            raise refused(
                f"{member} by INSTANCE_COUNT, for variants with different instance counts",
                "Use CAPACITY_PERCENT.",
            )
        share = size["Value"] / counts.pop()
    smallest = _SMALLEST_LINEAR if member == "LinearStepSize" else 0.0
    if not smallest <= share <= _LARGEST:
        limits = f"{smallest:.0%} to {_LARGEST:.0%}" if smallest else f"at most {_LARGEST:.0%}"
        raise invalid(
            f"{member} must be {limits} of each variant's instances, and {size['Value']} "
            f"({size['Type']}) is {share:.0%}."
        )
    return float(share)


def _alarms(config: dict[str, Any]) -> tuple[str, ...]:
    alarms = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    if any("AlarmName" not in alarm for alarm in alarms):
        raise invalid("Each of AutoRollbackConfiguration's Alarms needs an AlarmName.")
    return tuple(dict.fromkeys(alarm["AlarmName"] for alarm in alarms))
