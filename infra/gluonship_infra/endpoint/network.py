"""Where containers and notebooks stand: in a VPC's subnets, behind security groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from gluonship_infra.endpoint.refusals import InvalidProps


@dataclass(frozen=True)
class ModelNetwork:
    """Subnets and security groups of models in a VPC. S3, ECR and CloudWatch Logs must be reachable from
    there: by a NAT gateway, or by VPC endpoints.
    https://docs.aws.amazon.com/sagemaker/latest/dg/host-vpc.html
    """

    subnet_ids: Sequence[str]
    security_groups: Sequence[ec2.ISecurityGroup]

    @staticmethod
    def choose(
        scope: Construct,
        vpc: ec2.IVpc | None,
        subnets: ec2.SubnetSelection | None,
        security_groups: Sequence[ec2.ISecurityGroup] | None,
    ) -> ModelNetwork | None:
        """None without a VPC. Without groups one is made that lets HTTPS out and nothing in."""
        if vpc is None:
            if subnets is not None or security_groups:
                raise InvalidProps("subnets and security_groups need vpc; give it, or leave them out.")
            return None
        where = subnets or ec2.SubnetSelection()
        chosen = vpc.select_subnets(
            availability_zones=where.availability_zones,
            one_per_az=where.one_per_az,
            subnet_filters=where.subnet_filters,
            subnet_group_name=where.subnet_group_name,
            subnets=where.subnets,
            subnet_type=where.subnet_type,
        )
        if not 1 <= len(chosen.subnet_ids) <= 16:
            raise InvalidProps(f"subnets chooses {len(chosen.subnet_ids)} subnets; AWS takes 1 to 16.")
        if security_groups is not None and not 1 <= len(security_groups) <= 5:
            raise InvalidProps(f"There are {len(security_groups)} security_groups; AWS takes 1 to 5.")
        return ModelNetwork(chosen.subnet_ids, list(security_groups or [_https_out(scope, vpc)]))

    @property
    def security_group_ids(self) -> list[str]:
        return [group.security_group_id for group in self.security_groups]

    def for_model(self) -> sagemaker.CfnModel.VpcConfigProperty:
        return sagemaker.CfnModel.VpcConfigProperty(
            subnets=list(self.subnet_ids),
            security_group_ids=self.security_group_ids,
        )


def _https_out(scope: Construct, vpc: ec2.IVpc) -> ec2.SecurityGroup:
    group = ec2.SecurityGroup(
        scope, "SecurityGroup", vpc=vpc, allow_all_outbound=False, description="Lets HTTPS out and nothing in"
    )
    group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "S3, ECR and CloudWatch Logs")
    return group
