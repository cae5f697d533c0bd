"""Application Auto Scaling of a variant's instances.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from gluonship_infra.endpoint.refusals import InvalidProps, matches, number, whole

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_MOST_INSTANCES = 1000  # far above any account's quota: catches a slip of the keyboard, not a plan
_DAY_SECONDS = 86_400


def target_invocations_per_instance(max_requests_per_second: float, safety_factor: float = 0.5) -> float:
    """The target for `Scaling.invocations_per_instance`, in invocations a minute.

    AWS's formula: MAX_RPS * SAFETY_FACTOR * 60. MAX_RPS is what one instance bears in a load test before its
    latency rises or requests fail; the safety factor leaves the time that a new instance takes to come up
    (AWS starts with 0.5).
    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html
    """
    number("max_requests_per_second", max_requests_per_second, 0.001, 1e6, "requests a second")
    number("safety_factor", safety_factor, 0.01, 1, "(a share)")
    return max_requests_per_second * safety_factor * 60


@dataclass(frozen=True)
class ScheduledCapacity:
    """Other bounds from a time on: fewer instances at night, more before a sale.

    `schedule` is at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(six fields), in `timezone`.
    """

    name: str
    schedule: str
    min_capacity: int | None = None
    max_capacity: int | None = None
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        where = f"ScheduledCapacity {self.name!r}"
        matches(
            f"{where}: schedule",
            self.schedule,
            r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)|rate\(\d+ (minute|hour|day)s?\)|cron\(\S+( \S+){5}\)",
            "write at(yyyy-mm-ddThh:mm:ss), rate(1 hour) or cron(minute hour day month weekday year)",
        )
        if self.min_capacity is None and self.max_capacity is None:
            raise InvalidProps(f"{where} changes nothing; give min_capacity, max_capacity or both.")
        capacity_bounds(where, self.min_capacity, self.max_capacity, fewest=1)


@dataclass(frozen=True)
class Scaling:
    """How many instances a variant may have, and the load that adds or removes one.

    `invocations_per_instance` is the load to keep each instance at, in invocations a minute: see
    `target_invocations_per_instance`. A cooldown is how long a change of that direction holds off the next.
    """

    min_capacity: int
    max_capacity: int
    invocations_per_instance: float
    scale_in_cooldown_seconds: int = 300
    scale_out_cooldown_seconds: int = 300
    scale_in: bool = True  # False: instances are only ever added
    schedules: Sequence[ScheduledCapacity] = ()

    def __post_init__(self) -> None:
        capacity_bounds("Scaling", self.min_capacity, self.max_capacity, fewest=1)
        number("invocations_per_instance", self.invocations_per_instance, 0.01, 1e7, "invocations a minute")
        cooldown("scale_in_cooldown_seconds", self.scale_in_cooldown_seconds)
        cooldown("scale_out_cooldown_seconds", self.scale_out_cooldown_seconds)
        names = [schedule.name for schedule in self.schedules]
        if len(set(names)) < len(names):
            raise InvalidProps(f"schedules have a name twice: {', '.join(names)}; give each its own.")


def capacity_bounds(where: str, minimum: int | None, maximum: int | None, fewest: int) -> None:
    """Raises InvalidProps unless `fewest` <= minimum <= maximum, as far as they are given."""
    for prop, value in (("min_capacity", minimum), ("max_capacity", maximum)):
        if value is not None:
            whole(f"{where}: {prop}", value, fewest, _MOST_INSTANCES, "instances")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise InvalidProps(f"{where}: min_capacity {minimum} is more than max_capacity {maximum}.")


def cooldown(prop: str, seconds: int) -> None:
    """Raises InvalidProps unless it is within a day."""
    whole(prop, seconds, 0, _DAY_SECONDS, "seconds")


def scalable_target(
    scope: Construct,
    endpoint_name: str,
    variant_name: str,
    min_capacity: int,
    max_capacity: int,
    actions: Sequence[autoscaling.CfnScalableTarget.ScheduledActionProperty] = (),
) -> autoscaling.CfnScalableTarget:
    """A variant's number of instances, between two bounds."""
    return autoscaling.CfnScalableTarget(
        scope,
        "Target",
        service_namespace="sagemaker",
        scalable_dimension=DIMENSION,
        resource_id=f"endpoint/{endpoint_name}/variant/{variant_name}",
        min_capacity=min_capacity,
        max_capacity=max_capacity,
        scheduled_actions=list(actions) or None,
    )


class VariantScaling(Construct):
    """The scaling target and its target tracking policy. Application Auto Scaling acts by its own
    service-linked role, so none is made."""

    def __init__(
        self, scope: Construct, id: str, *, endpoint_name: str, variant_name: str, scaling: Scaling
    ) -> None:
        super().__init__(scope, id)
        actions = [_action(schedule) for schedule in scaling.schedules]
        self.target = scalable_target(
            self, endpoint_name, variant_name, scaling.min_capacity, scaling.max_capacity, actions
        )
        self.policy = autoscaling.CfnScalingPolicy(
            self,
            "Policy",
            policy_name=f"{variant_name}-invocations-per-instance",
            policy_type="TargetTrackingScaling",
            scaling_target_id=self.target.ref,
            target_tracking_scaling_policy_configuration=_tracking(scaling),
        )


def _tracking(
    scaling: Scaling,
) -> autoscaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty:
    policy = autoscaling.CfnScalingPolicy
    return policy.TargetTrackingScalingPolicyConfigurationProperty(
        target_value=scaling.invocations_per_instance,
        predefined_metric_specification=policy.PredefinedMetricSpecificationProperty(
            predefined_metric_type="SageMakerVariantInvocationsPerInstance"
        ),
        scale_in_cooldown=scaling.scale_in_cooldown_seconds,
        scale_out_cooldown=scaling.scale_out_cooldown_seconds,
        disable_scale_in=not scaling.scale_in,
    )


def _action(schedule: ScheduledCapacity) -> autoscaling.CfnScalableTarget.ScheduledActionProperty:
    target = autoscaling.CfnScalableTarget
    return target.ScheduledActionProperty(
        scheduled_action_name=schedule.name,
        schedule=schedule.schedule,
        timezone=schedule.timezone,
        scalable_target_action=target.ScalableTargetActionProperty(
            min_capacity=schedule.min_capacity, max_capacity=schedule.max_capacity
        ),
    )
