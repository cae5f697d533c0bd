"""What cannot be together in a configuration, though each table by itself is right: by key, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from gluonship_infra import instance_types
from gluonship_infra.endpoint import rollback_alarm_names

if TYPE_CHECKING:
    from gluonship_infra.configuration_models import Configuration

Contradiction = tuple[str, str]  # a dotted key, and a clause about it


class Contradictions(ValueError):
    """All that contradicts itself in one environment's configuration."""

    def __init__(self, problems: Iterable[Contradiction]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{key} {clause}" for key, clause in self.problems))


def contradictions(configuration: Configuration) -> Iterator[Contradiction]:
    """Each key that does not go with another one."""
    yield from _place(configuration)
    if "pipeline" not in configuration.stacks:
        return
    yield from _serving(configuration)
    if "endpoint" in configuration.stacks:
        yield from _scaling(configuration)
        yield from _watching(configuration)


def _place(configuration: Configuration) -> Iterator[Contradiction]:
    network, region = configuration.network, configuration.account.region
    if network is None or region is None:
        return
    if elsewhere := [zone for zone in network.availability_zones if not zone.startswith(region)]:
        names = ", ".join(elsewhere)
        yield "network.availability_zones", f"has {names}, which is not in account.region, {region}"


def _serving(configuration: Configuration) -> Iterator[Contradiction]:
    """What AWS's inference container asks for, where no image of one's own takes its place."""
    if configuration.images.inference is not None:
        return
    network, type_ = configuration.network, configuration.pipeline.serving_instance_type
    if network is not None and not network.reaches_pypi:
        yield (
            "network.reaches_pypi",
            "is false, and AWS's inference container installs OpenCV from PyPI when it starts: set "
            "images.inference to an image that has it, or this key to true where the VPC has a way out",
        )
    if instance_types.is_arm(type_):
        yield (
            "pipeline.serving_instance_type",
            f"is '{type_}', whose processor is ARM, and AWS's inference container is built for x86-64: set "
            "images.inference to an image for ARM, or take another type",
        )


def _scaling(configuration: Configuration) -> Iterator[Contradiction]:
    pipeline, scaling = configuration.pipeline, configuration.endpoint.scaling
    count, low, high = pipeline.serving_instance_count, scaling.min_capacity, scaling.max_capacity
    if not low <= count <= high:
        yield (
            "pipeline.serving_instance_count",
            f"is {count}, which scaling would change; allowed is {low} to {high}, by endpoint.scaling",
        )
    if pipeline.deployment == "all-at-once":
        return
    needs = f"which leaves one instance, and deployment '{pipeline.deployment}' needs 2 to shift a part of"
    if low < 2:
        yield "endpoint.scaling.min_capacity", f"is {low}, {needs}"
    for index, schedule in enumerate(scaling.schedules):
        for key in ("min_capacity", "max_capacity"):
            if getattr(schedule, key) == 1:
                yield f"endpoint.scaling.schedules.{index}.{key}", f"is 1, {needs}"


def _watching(configuration: Configuration) -> Iterator[Contradiction]:
    """An alarm that cannot be raised while an update is watched takes nothing back."""
    pipeline, endpoint = configuration.pipeline, configuration.endpoint
    if not endpoint.rolls_back or endpoint.short_watch:
        return
    if not rollback_alarm_names(configuration.prefix, endpoint.alarms):
        yield "endpoint.rolls_back", "is true, and [endpoint.alarms] has no alarm on errors or latency left"
    watched = pipeline.deployment_wait_seconds + pipeline.termination_wait_seconds
    needed = endpoint.alarms.seconds_to_alarm
    if watched < needed:
        yield (
            "pipeline.deployment_wait_seconds",
            f"is {pipeline.deployment_wait_seconds}: with termination_wait_seconds, an update is watched for "
            f"{watched} s, and an alarm takes {needed} s (datapoints_to_alarm x period_seconds). Wait more, "
            "or let endpoint.rolls_back be false, or endpoint.short_watch be true",
        )
