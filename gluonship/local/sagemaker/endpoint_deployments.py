"""A deployment as data: its phases, and who gets which share of the requests in each.

An update goes through phases: provision the new fleet, shift requests to it, bake (watch it), retire the
old one. All-at-once shifts once, a canary twice, a linear deployment in equal parts.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gluonship.local.contracts import Fleet, Route
from gluonship.local.sagemaker.endpoint_resources import invalid, refused
from gluonship.local.sagemaker.models import Model


class Phase(enum.Enum):
    """The value is AWS's VariantStatus during the phase."""

    PROVISION = "Creating"
    SHIFT = "ActivatingTraffic"
    BAKE = "Baking"
    RETIRE = "Deleting"


@dataclass(frozen=True)
class Step:
    phase: Phase
    share: float = 1.0  # SHIFT, BAKE: of the requests, to the new fleet
    seconds: float = 0.0  # BAKE: how long
    capacity: str = "full"  # SHIFT, BAKE: what AWS's messages call that part of the new fleet
    waits_for: str = "WaitIntervalInSeconds"  # BAKE: which setting says how long


@dataclass(frozen=True)
class Policy:
    """How a deployment goes on, and when it goes back."""

    steps: tuple[Step, ...]
    alarms: tuple[str, ...] = ()  # names; one in ALARM takes the update back
    limit_seconds: float | None = None  # for the whole update


@dataclass(frozen=True)
class Variant:
    """A production variant as it is to run; with its fleet once it does."""

    settings: dict[str, Any]  # of the endpoint configuration
    model: Model
    weight: float
    instance_count: int
    fleet: Fleet | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        return str(self.settings["VariantName"])


@dataclass(frozen=True)
class Deployment:
    config_name: str
    variants: tuple[Variant, ...]
    policy: Policy


def retained(
    variants: Sequence[Variant], current: Sequence[Variant], excluded: Sequence[str]
) -> tuple[Variant, ...]:
    """RetainAllVariantProperties: variants of a known name keep their weight and their instance count, but
    for the `excluded` ones (botocore: VariantPropertyType)."""
    by_name = {variant.name: variant for variant in current}

    def keep(variant: Variant) -> Variant:
        known = by_name.get(variant.name)
        if known is None:
            return variant
        count = variant if "DesiredInstanceCount" in excluded else known
        weight = variant if "DesiredWeight" in excluded else known
        return Variant(variant.settings, variant.model, weight.weight, count.instance_count)

    return tuple(map(keep, variants))


def without_its_instances(current: Sequence[Variant], wanted: Sequence[Variant]) -> list[str]:
    """The names of the current variants that the wanted ones leave out, or put on another type of instance:
    neither is allowed of a variant that is scaled.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
    """
    types = {variant.name: variant.settings["InstanceType"] for variant in wanted}
    return [each.name for each in current if types.get(each.name) != each.settings["InstanceType"]]


def resized(current: Sequence[Variant], desired: Sequence[dict[str, Any]]) -> tuple[Variant, ...]:
    """DesiredWeightsAndCapacities applied. A variant with a new instance count gets a new fleet (here; AWS
    adds to or takes from the old one). Raises AwsError for an unknown variant."""
    by_name = {variant.name: variant for variant in current}
    for change in desired:
        variant = by_name.get(change["VariantName"])
        if variant is None:
            raise invalid(f"The requested variant {change['VariantName']} is not one of the endpoint's.")
        if "ServerlessUpdateConfig" in change:
            raise refused("ServerlessUpdateConfig", "Give DesiredInstanceCount.")
        count = change.get("DesiredInstanceCount", variant.instance_count)
        if count < 1:
            raise invalid(f"DesiredInstanceCount of variant {variant.name} must be at least 1.")
        fleet = variant.fleet if count == variant.instance_count else None
        weight = float(change.get("DesiredWeight", variant.weight))
        by_name[variant.name] = Variant(variant.settings, variant.model, weight, count, fleet)
    return tuple(by_name.values())


def routes(old: Sequence[Variant], new: Sequence[Variant], share: float) -> list[Route]:
    """`share` of the requests (0 to 1) to the new variants, the rest to the old ones, each by its weight."""
    if share >= 1.0 or not old:
        return _weighted(new, None)
    if share <= 0.0:
        return _weighted(old, None)
    return _weighted(old, 1.0 - share) + _weighted(new, share)


def _weighted(variants: Sequence[Variant], total: float | None) -> list[Route]:
    """Their own weights, or scaled so that they add up to `total`."""
    sum_ = sum(variant.weight for variant in variants)
    scale = 1.0 if total is None else total / sum_ if sum_ else 0.0
    return [
        Route(variant.name, variant.weight * scale, variant.fleet) for variant in variants if variant.fleet
    ]
