"""Scaling of an asynchronous endpoint by its queue, down to no instance at all.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from gluonship_infra.endpoint.refusals import number
from gluonship_infra.endpoint.scaling import capacity_bounds, cooldown, scalable_target

_NAMESPACE = "AWS/SageMaker"


@dataclass(frozen=True)
class BacklogScaling:
    """How many instances an asynchronous variant may have, and how many requests may wait for each.

    With `min_capacity` 0 nothing is paid while nobody asks; the first request then waits until an instance is
    up, some minutes.
    """

    max_capacity: int
    min_capacity: int = 0
    backlog_per_instance: float = 5.0
    scale_in_cooldown_seconds: int = 600
    scale_out_cooldown_seconds: int = 300

    def __post_init__(self) -> None:
        capacity_bounds("BacklogScaling", self.min_capacity, self.max_capacity, fewest=0)
        number("backlog_per_instance", self.backlog_per_instance, 0.01, 1e6, "waiting requests")
        cooldown("scale_in_cooldown_seconds", self.scale_in_cooldown_seconds)
        cooldown("scale_out_cooldown_seconds", self.scale_out_cooldown_seconds)


class AsyncVariantScaling(Construct):
    """The scaling target, the policy that follows the backlog, and the one that brings up the first instance.

    The second is needed because a backlog for each instance is not defined while there is none.
    """

    def __init__(
        self, scope: Construct, id: str, *, endpoint_name: str, variant_name: str, scaling: BacklogScaling
    ) -> None:
        super().__init__(scope, id)
        self.target = scalable_target(
            self, endpoint_name, variant_name, scaling.min_capacity, scaling.max_capacity
        )
        self.policy = autoscaling.CfnScalingPolicy(
            self,
            "Policy",
            policy_name=f"{variant_name}-backlog-per-instance",
            policy_type="TargetTrackingScaling",
            scaling_target_id=self.target.ref,
            target_tracking_scaling_policy_configuration=_backlog(endpoint_name, scaling),
        )
        if scaling.min_capacity == 0:
            self._wake(endpoint_name, variant_name, scaling)

    def _wake(self, endpoint_name: str, variant_name: str, scaling: BacklogScaling) -> None:
        first = autoscaling.CfnScalingPolicy(
            self,
            "FirstInstance",
            policy_name=f"{variant_name}-first-instance",
            policy_type="StepScaling",
            scaling_target_id=self.target.ref,
            step_scaling_policy_configuration=_one_more(scaling),
        )
        cloudwatch.CfnAlarm(
            self,
            "Waiting",
            alarm_description="Requests wait and there is no instance: this brings one up, it is no fault.",
            namespace=_NAMESPACE,
            metric_name="HasBacklogWithoutCapacity",
            dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name="EndpointName", value=endpoint_name)],
            statistic="Average",
            period=60,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=1,
            evaluation_periods=2,
            datapoints_to_alarm=2,
            treat_missing_data="missing",
            alarm_actions=[first.ref],
        )


def _backlog(
    endpoint_name: str, scaling: BacklogScaling
) -> autoscaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty:
    policy = autoscaling.CfnScalingPolicy
    return policy.TargetTrackingScalingPolicyConfigurationProperty(
        target_value=scaling.backlog_per_instance,
        customized_metric_specification=policy.CustomizedMetricSpecificationProperty(
            namespace=_NAMESPACE,
            metric_name="ApproximateBacklogSizePerInstance",
            dimensions=[policy.MetricDimensionProperty(name="EndpointName", value=endpoint_name)],
            statistic="Average",
        ),
        scale_in_cooldown=scaling.scale_in_cooldown_seconds,
        scale_out_cooldown=scaling.scale_out_cooldown_seconds,
    )


def _one_more(
    scaling: BacklogScaling,
) -> autoscaling.CfnScalingPolicy.StepScalingPolicyConfigurationProperty:
    policy = autoscaling.CfnScalingPolicy
    return policy.StepScalingPolicyConfigurationProperty(
        adjustment_type="ChangeInCapacity",
        metric_aggregation_type="Average",
        cooldown=scaling.scale_out_cooldown_seconds,
        step_adjustments=[policy.StepAdjustmentProperty(metric_interval_lower_bound=0, scaling_adjustment=1)],
    )
