"""A notebook instance: encrypted, without root, in the user's network, with the kit as a kernel."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from gluonship_infra.endpoint.network import ModelNetwork
from gluonship_infra.endpoint.refusals import InvalidProps, matches, whole
from gluonship_infra.notebook.lifecycle import install_script
from gluonship_infra.rules import acknowledge, acknowledge_wildcards

_STREAMS = "SageMaker names a log stream by the instance, below its one log group."


class NotebookInstance(Construct):
    """A SageMaker notebook instance that starts with a kernel called GluonShip.

    `kit` is what pip installs into that kernel: a pinned version, or a wheel by its https:// address, so that
    nobody else's package can take its place. It comes from `index_url` when given: inside a VPC without a way
    out, name a package index that can be reached there.

    With `vpc` the instance has no internet access but the VPC's; without one, `without_vpc_reason` says why
    SageMaker's own network will do. The role made may write logs and no more: grant `.role` what the work in
    the notebook needs.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        kit: str,
        index_url: str | None = None,
        instance_type: str = "ml.t3.medium",
        volume_gigabytes: int = 20,
        platform: str = "notebook-al2023-v1",
        key: kms.IKey | None = None,
        role: iam.IRole | None = None,
        vpc: ec2.IVpc | None = None,
        subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        without_vpc_reason: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        rule = "write a SageMaker instance type, as in ml.t3.medium"
        matches("instance_type", instance_type, r"ml\.[a-z0-9-]+\.[a-z0-9]+", rule)
        whole("volume_gigabytes", volume_gigabytes, 5, 16_384, "GB")
        if (vpc is None) == (without_vpc_reason is None):
            raise InvalidProps("Give vpc, or without_vpc_reason, and not both.")
        self.key: kms.IKey = key or kms.Key(self, "Key", enable_key_rotation=True)
        self.role: iam.IRole = role or iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            ),
        )
        self._allow_logs()
        self.network = ModelNetwork.choose(self, vpc, subnets, security_groups)
        self.lifecycle = sagemaker.CfnNotebookInstanceLifecycleConfig(
            self,
            "Lifecycle",
            on_start=[
                sagemaker.CfnNotebookInstanceLifecycleConfig.NotebookInstanceLifecycleHookProperty(
                    content=cdk.Fn.base64(install_script(kit, index_url))
                )
            ],
        )
        self.instance = sagemaker.CfnNotebookInstance(
            self,
            "Instance",
            instance_type=instance_type,
            volume_size_in_gb=volume_gigabytes,
            platform_identifier=platform,
            role_arn=self.role.role_arn,
            kms_key_id=self.key.key_arn,
            root_access="Disabled",
            direct_internet_access="Disabled" if self.network else "Enabled",
            subnet_id=self.network.subnet_ids[0] if self.network else None,
            security_group_ids=self.network.security_group_ids if self.network else None,
            lifecycle_config_name=self.lifecycle.attr_notebook_instance_lifecycle_config_name,
            instance_metadata_service_configuration={"minimumInstanceMetadataServiceVersion": "2"},
        )
        if without_vpc_reason is not None:
            acknowledge(
                self.instance,
                {"AwsSolutions-SM1": without_vpc_reason, "AwsSolutions-SM3": without_vpc_reason},
            )

    @property
    def notebook_name(self) -> str:
        return self.instance.attr_notebook_instance_name

    def _allow_logs(self) -> None:
        stack = cdk.Stack.of(self)
        streams = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name="/aws/sagemaker/NotebookInstances:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        statement = iam.PolicyStatement(sid="WriteLogs", actions=actions, resources=[streams])
        self.role.add_to_principal_policy(statement)
        acknowledge_wildcards(self.role, [(streams, _STREAMS)])
