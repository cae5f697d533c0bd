"""The stack of the training pipeline, which alone owns model, endpoint configuration and endpoint."""

from __future__ import annotations

import dataclasses
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_sns_subscriptions as subscriptions

from gluonship_infra.configuration import Configuration
from gluonship_infra.configuration_models import Network
from gluonship_infra.endpoint import rollback_alarm_names
from gluonship_infra.pipeline import PipelineSettings, TrainingPipeline
from gluonship_infra.stacks.environment_stack import REMOVAL, EnvironmentStack
from gluonship_infra.storage import Storage


class PipelineStack(EnvironmentStack):
    """The state machine that trains, evaluates, gates, registers and deploys."""

    def __init__(self, app: cdk.App, configuration: Configuration, storage: Storage) -> None:
        super().__init__(app, configuration, "Pipeline", "Training, evaluation, quality gate and deployment")
        network, images = configuration.network, configuration.images
        pipeline = TrainingPipeline(
            self,
            "Training",
            name=configuration.prefix,
            data=storage.data,
            models=storage.models,
            key=storage.key,
            training_image=self._image(configuration.prefix, "training", images.training),
            inference_image=self._image(configuration.prefix, "inference", images.inference),
            endpoint_name=configuration.endpoint_name,
            settings=_settings(configuration),
            vpc=self._vpc(network) if network else None,
            security_groups=self._security_groups(network) if network else (),
            removal_policy=REMOVAL[configuration.storage.removal],
        )
        if configuration.notices.email:
            pipeline.topic.add_subscription(subscriptions.EmailSubscription(configuration.notices.email))
        self.output("StateMachineArn", pipeline.state_machine.state_machine_arn, "Start a run of it by hand")
        self.output("NoticesTopicArn", pipeline.topic.topic_arn, "Where runs say that they began and ended")
        self.output("ModelPackageGroup", pipeline.model_package_group_name, "The models that passed the gate")
        self.output("EndpointName", configuration.endpoint_name, "The endpoint that a run creates or updates")

    def _image(self, prefix: str, purpose: Literal["training", "inference"], given: str | None) -> str | None:
        """The whole URI of an image that the configuration gives as one, or as a tag of our own repository.

        By the repository's name and not its resource, so that roles can be narrowed to the name.
        """
        if given is None or "/" in given:
            return given
        return f"{self.account}.dkr.ecr.{self.region}.{self.url_suffix}/{prefix}-{purpose}:{given}"

    def _vpc(self, network: Network) -> ec2.IVpc:
        return ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=network.vpc_id,
            availability_zones=list(network.availability_zones),
            private_subnet_ids=list(network.subnet_ids),
        )

    def _security_groups(self, network: Network) -> list[ec2.ISecurityGroup]:
        """As they are: nothing here adds rules to groups that are somebody else's."""
        return [
            ec2.SecurityGroup.from_security_group_id(self, id, id, mutable=False)
            for id in network.security_group_ids
        ]


def _settings(configuration: Configuration) -> PipelineSettings:
    """The pipeline's settings, with the endpoint's alarms to roll an update back."""
    settings = configuration.pipeline
    if "endpoint" not in configuration.stacks or not configuration.endpoint.rolls_back:
        return settings
    ours = rollback_alarm_names(configuration.prefix, configuration.endpoint.alarms)
    return dataclasses.replace(settings, rollback_alarms=(*settings.rollback_alarms, *ours))
