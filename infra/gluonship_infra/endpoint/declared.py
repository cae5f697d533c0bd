"""A whole endpoint as code: models, configuration, endpoint, and what watches it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct

from gluonship_infra.endpoint import execution_role as permissions
from gluonship_infra.endpoint.alarms import AlarmThresholds, VariantAlarms
from gluonship_infra.endpoint.asynchronous import AsyncInference, async_inference_config
from gluonship_infra.endpoint.backlog_scaling import AsyncVariantScaling, BacklogScaling
from gluonship_infra.endpoint.compatibility import check_together
from gluonship_infra.endpoint.dashboard import EndpointDashboard
from gluonship_infra.endpoint.data_capture import DataCapture, data_capture_config
from gluonship_infra.endpoint.deployment import Deployment, deployment_config
from gluonship_infra.endpoint.findings import (
    acknowledge_no_rollback,
    acknowledge_serverless,
    acknowledge_statements,
)
from gluonship_infra.endpoint.metrics import VariantMetrics
from gluonship_infra.endpoint.network import ModelNetwork
from gluonship_infra.endpoint.notices import alarm_topic, let_alarms_publish
from gluonship_infra.endpoint.refusals import InvalidProps, sagemaker_name
from gluonship_infra.endpoint.scaling import Scaling, VariantScaling
from gluonship_infra.endpoint.variants import Variant, production_variant


class DeclaredEndpoint(Construct):
    """An endpoint that its stack owns: for those who declare a version rather than train and promote it.

    A change of a model or a variant makes a new configuration, which has no fixed name, and updates the
    endpoint in place by `deployment`; the old configuration goes once the endpoint has left it. The endpoint
    has its name from synthesis on (`endpoint_name`, or one made of its path), because the alarms that can
    take an update back must be there before it, and they name it.

    `thresholds` are for alarms of its own on each variant (None: no alarms); those on errors and latency
    watch each deployment. `key` encrypts instance volumes, captured data, async answers and the alarms'
    topic; volumes of instances with disks of their own are encrypted by the hardware instead, as AWS takes no
    key for them. A `role` given is granted what the endpoint needs, unless it was imported as immutable.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        variants: Sequence[Variant],
        endpoint_name: str | None = None,
        deployment: Deployment | None = None,
        data_capture: DataCapture | None = None,
        asynchronous: AsyncInference | None = None,
        thresholds: AlarmThresholds | None = AlarmThresholds(),  # noqa: B008 - it is frozen
        topic: sns.ITopic | None = None,
        key: kms.IKey | None = None,
        role: iam.IRole | None = None,
        vpc: ec2.IVpc | None = None,
        subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
    ) -> None:
        super().__init__(scope, id)
        deployment = deployment or Deployment.all_at_once()
        check_together(
            variants,
            deployment,
            has_vpc=vpc is not None,
            has_data_capture=data_capture is not None,
            is_asynchronous=asynchronous is not None,
        )
        name = endpoint_name or cdk.Names.unique_resource_name(self, max_length=63, separator="-")
        sagemaker_name("endpoint_name", name)

        self.variants = {variant.name: variant for variant in variants}
        self.key: kms.IKey = key or kms.Key(self, "Key", enable_key_rotation=True)
        self.role: iam.IRole = role or permissions.execution_role(self, "Role")
        self.network = ModelNetwork.choose(self, vpc, subnets, security_groups)
        self.topic = topic
        self._metrics = [VariantMetrics(name, variant.name) for variant in variants]
        self._asynchronous = asynchronous
        self._alarms = self._watch(thresholds) if thresholds else []
        self.rollback_alarms = self._rollback_alarms(deployment)
        statements = list(self._statements(data_capture, asynchronous))
        for statement in statements:
            self.role.add_to_principal_policy(statement)
        acknowledge_statements(self.role, statements)
        self.models = {variant.name: self._model(variant) for variant in variants}
        self.config = self._configuration(data_capture, asynchronous)
        self.endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=name,
            endpoint_config_name=self.config.attr_endpoint_config_name,
            deployment_config=deployment_config(deployment, self.rollback_alarms),
        )
        if deployment.without_rollback_reason is not None:
            acknowledge_no_rollback(self.endpoint, deployment.without_rollback_reason)

    @property
    def endpoint_name(self) -> str:
        """Known once the endpoint is made: what uses it waits for that."""
        return self.endpoint.attr_endpoint_name

    @property
    def endpoint_arn(self) -> str:
        return self.endpoint.ref

    @property
    def alarms(self) -> Sequence[cloudwatch.Alarm]:
        return [alarm for alarms in self._alarms for alarm in alarms.all]

    @property
    def rollback_alarm_names(self) -> Sequence[str]:
        return [alarm.alarm_name for alarm in self.rollback_alarms]

    def scale(self, scaling: Scaling, variant_name: str = "AllTraffic") -> VariantScaling:
        """Scales a variant on instances. From then on an update keeps the number of instances there is."""
        if self._asynchronous:
            raise InvalidProps("An asynchronous endpoint scales by its backlog; use scale_by_backlog.")
        self._keep_instances(variant_name)
        return VariantScaling(
            self,
            f"Scaling{variant_name}",
            endpoint_name=self.endpoint_name,
            variant_name=variant_name,
            scaling=scaling,
        )

    def scale_by_backlog(
        self, scaling: BacklogScaling, variant_name: str = "AllTraffic"
    ) -> AsyncVariantScaling:
        """Scales the variant of an asynchronous endpoint, down to none when `min_capacity` is 0."""
        if not self._asynchronous:
            raise InvalidProps("Only an asynchronous endpoint has a backlog; use scale.")
        self._keep_instances(variant_name)
        return AsyncVariantScaling(
            self,
            f"Scaling{variant_name}",
            endpoint_name=self.endpoint_name,
            variant_name=variant_name,
            scaling=scaling,
        )

    def _keep_instances(self, variant_name: str) -> None:
        variant = self.variants.get(variant_name)
        if variant is None:
            names = ", ".join(self.variants)
            raise InvalidProps(f"There is no variant {variant_name!r}; choose one of {names}.")
        if variant.serverless:
            raise InvalidProps(f"Variant {variant_name!r} is serverless and scales by itself.")
        self.endpoint.retain_all_variant_properties = True
        self.endpoint.exclude_retained_variant_properties = [
            sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type=kind)
            for kind in ("DesiredWeight", "DataCaptureConfig")
        ]

    def add_dashboard(self, name: str | None = None) -> cloudwatch.Dashboard:
        """A page with its traffic, errors, latency, load and alarms."""
        page = EndpointDashboard(self, "Dashboard", variants=self._metrics, alarms=self.alarms, name=name)
        return page.dashboard

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Lets somebody ask this endpoint, and no other."""
        actions = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointAsync"]
        return iam.Grant.add_to_principal(grantee=grantee, actions=actions, resource_arns=[self.endpoint_arn])

    def _watch(self, thresholds: AlarmThresholds) -> list[VariantAlarms]:
        self.topic = self.topic or alarm_topic(self, "Topic", self.key)
        let_alarms_publish(self.topic)
        return [
            VariantAlarms(
                self, f"Alarms{each.variant_name}", metrics=each, thresholds=thresholds, topic=self.topic
            )
            for each in self._metrics
        ]

    def _rollback_alarms(self, deployment: Deployment) -> Sequence[cloudwatch.IAlarm]:
        if deployment.without_rollback_reason is not None:
            return []
        own = [alarm for alarms in self._alarms for alarm in alarms.for_rollback]
        return [*own, *deployment.rollback_alarms]

    def _statements(
        self, capture: DataCapture | None, asynchronous: AsyncInference | None
    ) -> Iterator[iam.PolicyStatement]:
        stack, variants = cdk.Stack.of(self), list(self.variants.values())
        yield from permissions.for_images(variants)
        yield from permissions.for_model_data([each.model.data for each in variants if each.model.data])
        yield from permissions.for_logs_and_metrics(stack)
        if self.rollback_alarms:
            yield from permissions.for_rollback(stack)
        if self._volume_key:
            yield from permissions.for_volumes(self._volume_key)
        if capture:
            yield from permissions.for_data_capture(capture, self.key)
        if asynchronous:
            yield from permissions.for_async_inference(asynchronous, self.key)
        if self.network:
            yield from permissions.for_vpc(stack, self.network.subnet_ids, self.network.security_groups)

    @property
    def _volume_key(self) -> kms.IKey | None:
        return None if any(variant.local_storage for variant in self.variants.values()) else self.key

    def _model(self, variant: Variant) -> sagemaker.CfnModel:
        served = variant.model
        model = sagemaker.CfnModel(
            self,
            f"Model{variant.name}",
            execution_role_arn=self.role.role_arn,
            enable_network_isolation=variant.network_isolation,
            vpc_config=self.network.for_model() if self.network else None,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=served.image.uri,
                model_data_url=served.data.url if served.data else None,
                environment=dict(served.environment) or None,
            ),
        )
        policies = [child for child in self.role.node.children if isinstance(child, iam.Policy)]
        model.node.add_dependency(*policies)  # CreateModel tries what the role may do
        if variant.serverless:
            acknowledge_serverless(model)
        return model

    def _configuration(
        self, capture: DataCapture | None, asynchronous: AsyncInference | None
    ) -> sagemaker.CfnEndpointConfig:
        return sagemaker.CfnEndpointConfig(
            self,
            "Config",  # never a name: a change of it must make a new one beside the old
            production_variants=[
                production_variant(variant, self.models[name].attr_model_name)
                for name, variant in self.variants.items()
            ],
            kms_key_id=self._volume_key.key_arn if self._volume_key else None,
            data_capture_config=data_capture_config(capture, self.key) if capture else None,
            async_inference_config=async_inference_config(asynchronous, self.key) if asynchronous else None,
        )
