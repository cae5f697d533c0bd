"""What watches and scales an endpoint that somebody else owns."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from gluonship_infra.endpoint.alarms import AlarmThresholds, VariantAlarms
from gluonship_infra.endpoint.dashboard import EndpointDashboard
from gluonship_infra.endpoint.metrics import VariantMetrics
from gluonship_infra.endpoint.notices import alarm_topic, let_alarms_publish
from gluonship_infra.endpoint.refusals import sagemaker_name
from gluonship_infra.endpoint.scaling import Scaling, ScheduledCapacity, VariantScaling


class EndpointOperations(Construct):
    """Scaling, alarms and a dashboard for one variant of an endpoint that exists, known by its name.

    The endpoint itself, its configuration and its model belong to the training pipeline: nothing here changes
    them but for the number of instances. Deploy it once the endpoint is in service: Application Auto Scaling
    refuses a variant that is not there.

    `invocations_per_instance` is the load to keep each instance at, in invocations a minute; measure it, then
    take `target_invocations_per_instance(max_requests_per_second)`: AWS's MAX_RPS * SAFETY_FACTOR * 60.
    `key` encrypts the topic of the alarms, which is made unless `topic` is given. With `name`, alarms and
    dashboard are called NAME-..., so that a deployment made earlier can name the alarms for its rollback.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        endpoint_name: str,
        variant_name: str = "AllTraffic",
        key: kms.IKey | None = None,
        min_capacity: int = 1,
        max_capacity: int = 4,
        invocations_per_instance: float,
        scale_in_cooldown_seconds: int = 300,
        scale_out_cooldown_seconds: int = 300,
        scale_in: bool = True,
        schedules: Sequence[ScheduledCapacity] = (),
        thresholds: AlarmThresholds | None = None,
        topic: sns.ITopic | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        sagemaker_name("endpoint_name", endpoint_name)
        sagemaker_name("variant_name", variant_name)
        if name is not None:
            sagemaker_name("name", name)
        scaling = Scaling(
            min_capacity=min_capacity,
            max_capacity=max_capacity,
            invocations_per_instance=invocations_per_instance,
            scale_in_cooldown_seconds=scale_in_cooldown_seconds,
            scale_out_cooldown_seconds=scale_out_cooldown_seconds,
            scale_in=scale_in,
            schedules=schedules,
        )
        metrics = VariantMetrics(endpoint_name, variant_name)
        self.topic: sns.ITopic = topic or self._new_topic(key)
        let_alarms_publish(self.topic)
        self.scaling = VariantScaling(
            self, "Scaling", endpoint_name=endpoint_name, variant_name=variant_name, scaling=scaling
        )
        self._alarms = VariantAlarms(
            self,
            "Alarms",
            metrics=metrics,
            thresholds=thresholds or AlarmThresholds(),
            topic=self.topic,
            name=name,
        )
        self.dashboard = EndpointDashboard(
            self, "Dashboard", variants=[metrics], alarms=self._alarms.all, name=name
        ).dashboard

    @property
    def alarms(self) -> Sequence[cloudwatch.Alarm]:
        return self._alarms.all

    @property
    def rollback_alarms(self) -> Sequence[cloudwatch.Alarm]:
        """Those that speak of a bad version: errors and latency."""
        return self._alarms.for_rollback

    @property
    def rollback_alarm_names(self) -> Sequence[str]:
        """For AutoRollbackConfiguration of an UpdateEndpoint."""
        return [alarm.alarm_name for alarm in self.rollback_alarms]

    def _new_topic(self, key: kms.IKey | None) -> sns.Topic:
        return alarm_topic(self, "Topic", key or kms.Key(self, "Key", enable_key_rotation=True))
