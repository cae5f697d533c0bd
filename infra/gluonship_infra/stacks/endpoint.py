"""The second phase: scaling, alarms and a dashboard on the endpoint that the pipeline made."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sns_subscriptions as subscriptions

from gluonship_infra.configuration import Configuration
from gluonship_infra.endpoint import EndpointOperations
from gluonship_infra.stacks.environment_stack import EnvironmentStack
from gluonship_infra.storage import Storage


class EndpointStack(EnvironmentStack):
    """What watches and scales the endpoint; the endpoint itself is the pipeline's."""

    def __init__(self, app: cdk.App, configuration: Configuration, storage: Storage) -> None:
        name = configuration.endpoint_name
        super().__init__(
            app, configuration, "Endpoint", f"Scaling, alarms and a dashboard on the endpoint {name}"
        )
        scaling = configuration.endpoint.scaling
        operations = EndpointOperations(
            self,
            "Endpoint",
            endpoint_name=name,
            key=storage.key,
            min_capacity=scaling.min_capacity,
            max_capacity=scaling.max_capacity,
            invocations_per_instance=scaling.invocations_per_instance,
            scale_in_cooldown_seconds=scaling.scale_in_cooldown_seconds,
            scale_out_cooldown_seconds=scaling.scale_out_cooldown_seconds,
            scale_in=scaling.scale_in,
            schedules=scaling.schedules,
            thresholds=configuration.endpoint.alarms,
            name=configuration.prefix,  # the pipeline names the alarms for its rollbacks before they exist
        )
        if configuration.notices.email:
            operations.topic.add_subscription(subscriptions.EmailSubscription(configuration.notices.email))
        self.output("EndpointName", name, "The endpoint that is scaled and watched")
        self.output("AlarmTopicArn", operations.topic.topic_arn, "Where the alarms report to")
        self.output("DashboardName", operations.dashboard.dashboard_name, "The dashboard in CloudWatch")
