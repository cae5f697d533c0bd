"""Deployment guardrails: how an update shifts traffic to the new fleet, and what takes it back.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker

from gluonship_infra.endpoint.refusals import InvalidProps, whole

_MOST_ALARMS = 10
_MOST_SECONDS = 28_800  # of BlueGreenUpdatePolicy and RollingUpdatePolicy alike
Strategy = Literal["ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING"]
# The size of a step, in percent of the fleet, least and most.
_PERCENT = {"CANARY": (1, 50), "LINEAR": (10, 50), "ROLLING": (5, 50)}


@dataclass(frozen=True)
class CapacitySize:
    """A part of a fleet: `CapacitySize.percent(10)`, `CapacitySize.instances(1)`."""

    type: Literal["CAPACITY_PERCENT", "INSTANCE_COUNT"]
    value: int

    @staticmethod
    def percent(value: int) -> CapacitySize:
        return CapacitySize("CAPACITY_PERCENT", value)

    @staticmethod
    def instances(value: int) -> CapacitySize:
        return CapacitySize("INSTANCE_COUNT", value)

    def percent_of(self, instances: int) -> float:
        return self.value if self.type == "CAPACITY_PERCENT" else 100 * self.value / instances


@dataclass(frozen=True)
class Deployment:
    """One way to update an endpoint; make it by `all_at_once`, `canary`, `linear` or `rolling`.

    After each shift of traffic SageMaker bakes for `wait_seconds`: it watches the alarms, and goes back to
    the old fleet when one is raised. Without an alarm nothing is ever taken back, so that wants a reason.
    """

    strategy: Strategy
    wait_seconds: int
    step: CapacitySize | None = None
    rollback_batch: CapacitySize | None = None
    termination_wait_seconds: int = 0
    max_execution_seconds: int | None = None
    rollback_alarms: Sequence[cloudwatch.IAlarm] = ()
    without_rollback_reason: str | None = None

    @staticmethod
    def all_at_once(
        *,
        bake_seconds: int = 300,
        termination_wait_seconds: int = 0,
        max_execution_seconds: int | None = None,
        rollback_alarms: Sequence[cloudwatch.IAlarm] = (),
        without_rollback_reason: str | None = None,
    ) -> Deployment:
        """Blue/green: a whole new fleet, all traffic to it at once, `bake_seconds` of watching, then the old
        fleet goes."""
        return Deployment(
            "ALL_AT_ONCE",
            bake_seconds,
            termination_wait_seconds=termination_wait_seconds,
            max_execution_seconds=max_execution_seconds,
            rollback_alarms=rollback_alarms,
            without_rollback_reason=without_rollback_reason,
        )

    @staticmethod
    def canary(
        size: CapacitySize,
        *,
        wait_seconds: int = 300,
        termination_wait_seconds: int = 0,
        max_execution_seconds: int | None = None,
        rollback_alarms: Sequence[cloudwatch.IAlarm] = (),
        without_rollback_reason: str | None = None,
    ) -> Deployment:
        """Blue/green: traffic to `size` of the new fleet (at most half), then to all of it."""
        return Deployment(
            "CANARY",
            wait_seconds,
            size,
            termination_wait_seconds=termination_wait_seconds,
            max_execution_seconds=max_execution_seconds,
            rollback_alarms=rollback_alarms,
            without_rollback_reason=without_rollback_reason,
        )

    @staticmethod
    def linear(
        step: CapacitySize,
        *,
        wait_seconds: int = 300,
        termination_wait_seconds: int = 0,
        max_execution_seconds: int | None = None,
        rollback_alarms: Sequence[cloudwatch.IAlarm] = (),
        without_rollback_reason: str | None = None,
    ) -> Deployment:
        """Blue/green: traffic to one `step` (10 to 50 %) of the new fleet after another."""
        return Deployment(
            "LINEAR",
            wait_seconds,
            step,
            termination_wait_seconds=termination_wait_seconds,
            max_execution_seconds=max_execution_seconds,
            rollback_alarms=rollback_alarms,
            without_rollback_reason=without_rollback_reason,
        )

    @staticmethod
    def rolling(
        batch: CapacitySize,
        *,
        wait_seconds: int = 300,
        rollback_batch: CapacitySize | None = None,
        max_execution_seconds: int | None = None,
        rollback_alarms: Sequence[cloudwatch.IAlarm] = (),
        without_rollback_reason: str | None = None,
    ) -> Deployment:
        """Batch by batch (5 to 50 %), an old one going once its new one serves: fewest instances at once."""
        return Deployment(
            "ROLLING",
            wait_seconds,
            batch,
            rollback_batch,
            max_execution_seconds=max_execution_seconds,
            rollback_alarms=rollback_alarms,
            without_rollback_reason=without_rollback_reason,
        )

    def __post_init__(self) -> None:
        whole("wait_seconds", self.wait_seconds, 0, 3600, "seconds")
        whole("termination_wait_seconds", self.termination_wait_seconds, 0, 3600, "seconds")
        if self.step is not None:
            self._check_step(self.step)
        if self.rollback_batch is not None and self.rollback_batch.type == "CAPACITY_PERCENT":
            whole("rollback_batch", self.rollback_batch.value, 1, 100, "percent")
        self._check_time()
        self._check_rollback()

    @property
    def shifts(self) -> int:
        """How often traffic shifts, as far as percentages tell."""
        if self.step is None:
            return 1
        if self.strategy == "CANARY":
            return 2
        return math.ceil(100 / self.step.value) if self.step.type == "CAPACITY_PERCENT" else 1

    def check_fleet(self, variant_name: str, instances: int) -> None:
        """Raises InvalidProps when a step counted in instances is no such part of the fleet as AWS takes."""
        if self.step is None or self.step.type == "CAPACITY_PERCENT":
            return
        least, most = _PERCENT[self.strategy]
        if not least <= self.step.percent_of(instances) <= most:
            share = self.step.percent_of(instances)
            raise InvalidProps(
                f"A {self.strategy} step of {self.step.value} instances is {share:.0f} % of variant "
                f"{variant_name!r} with {instances}; AWS takes {least} to {most} %."
            )

    def _check_step(self, step: CapacitySize) -> None:
        if step.type == "CAPACITY_PERCENT":
            least, most = _PERCENT[self.strategy]
            whole(
                f"The step of a {self.strategy} deployment", step.value, least, most, "percent of the fleet"
            )
        else:
            whole(f"The step of a {self.strategy} deployment", step.value, 1, 1000, "instances")

    def _check_time(self) -> None:
        waiting = self.shifts * self.wait_seconds + self.termination_wait_seconds
        parts = f"{self.shifts} x wait_seconds + termination_wait_seconds"
        if self.max_execution_seconds is None:
            if waiting >= _MOST_SECONDS:
                raise InvalidProps(
                    f"The deployment waits {waiting} s in all ({parts}); AWS gives one {_MOST_SECONDS} s."
                )
            return
        whole("max_execution_seconds", self.max_execution_seconds, 600, _MOST_SECONDS, "seconds")
        if self.max_execution_seconds <= waiting:
            raise InvalidProps(
                f"max_execution_seconds is {self.max_execution_seconds}, and the deployment waits {waiting} "
                f"s in all ({parts}): it cannot end."
            )

    def _check_rollback(self) -> None:
        if self.without_rollback_reason is not None:
            if not self.without_rollback_reason.strip():
                raise InvalidProps("without_rollback_reason is empty; say why nothing need be taken back.")
            if self.rollback_alarms:
                raise InvalidProps("Give rollback_alarms or without_rollback_reason, and not both.")


def deployment_config(
    deployment: Deployment, alarms: Sequence[cloudwatch.IAlarm]
) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
    """The deployment as CloudFormation has it, watched by `alarms`. Raises InvalidProps for too many, and for
    none unless the deployment says why."""
    endpoint = sagemaker.CfnEndpoint
    if not alarms and deployment.without_rollback_reason is None:
        raise InvalidProps(
            "No alarm watches the deployment, so SageMaker would never take a bad version back. Give "
            "rollback_alarms (1 to 10), keep the endpoint's own alarms on errors and latency, or say why "
            "by without_rollback_reason."
        )
    if len(alarms) > _MOST_ALARMS:
        raise InvalidProps(
            f"{len(alarms)} alarms would watch the deployment; AWS takes at most {_MOST_ALARMS}. Leave out "
            "some thresholds or rollback_alarms, or make one composite alarm of several."
        )
    watched = [endpoint.AlarmProperty(alarm_name=alarm.alarm_name) for alarm in alarms]
    rollback = endpoint.AutoRollbackConfigProperty(alarms=watched) if watched else None
    if deployment.strategy == "ROLLING" and deployment.step is not None:
        rolling = endpoint.RollingUpdatePolicyProperty(
            maximum_batch_size=_size(deployment.step),
            wait_interval_in_seconds=deployment.wait_seconds,
            rollback_maximum_batch_size=_size(deployment.rollback_batch)
            if deployment.rollback_batch
            else None,
            maximum_execution_timeout_in_seconds=deployment.max_execution_seconds,
        )
        return endpoint.DeploymentConfigProperty(
            rolling_update_policy=rolling, auto_rollback_configuration=rollback
        )
    blue_green = endpoint.BlueGreenUpdatePolicyProperty(
        traffic_routing_configuration=_routing(deployment),
        termination_wait_in_seconds=deployment.termination_wait_seconds,
        maximum_execution_timeout_in_seconds=deployment.max_execution_seconds,
    )
    return endpoint.DeploymentConfigProperty(
        blue_green_update_policy=blue_green, auto_rollback_configuration=rollback
    )


def _routing(deployment: Deployment) -> sagemaker.CfnEndpoint.TrafficRoutingConfigProperty:
    step = _size(deployment.step) if deployment.step else None
    return sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
        type=deployment.strategy,
        wait_interval_in_seconds=deployment.wait_seconds,
        canary_size=step if deployment.strategy == "CANARY" else None,
        linear_step_size=step if deployment.strategy == "LINEAR" else None,
    )


def _size(size: CapacitySize) -> sagemaker.CfnEndpoint.CapacitySizeProperty:
    return sagemaker.CfnEndpoint.CapacitySizeProperty(type=size.type, value=size.value)
