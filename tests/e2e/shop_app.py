"""A small CDK app, in versions: Shop-Orders, with a nested stack, imports what Shop-Base exports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_stepfunctions as sfn

BASE, ORDERS = "Shop-Base", "Shop-Orders"
TAKEN = "/shop/taken"  # the name of a parameter that somebody else has


@dataclass(frozen=True)
class Version:
    """What differs: a value that changes resources in place, a name that replaces them, and what fails."""

    value: int
    name: str
    clash: bool = False  # the last resource's name is taken
    robot: bool = False  # a type that the local cloud does not know


VERSIONS = {
    "first": Version(0, "spring"),
    "second": Version(1, "summer"),
    "failing": Version(2, "autumn", clash=True),
    "stuck": Version(3, "summer", clash=True),
    "unsupported": Version(4, "winter", robot=True),
}
_ENVIRONMENT = cdk.Environment(account="123456789012", region="us-east-1")
_ROBOT = {"Architecture": "ARM64", "GreengrassGroupId": "group"}


def synthesise(folder: Path) -> None:
    """Writes the assembly of each version to `folder`/VERSION."""
    for title, version in VERSIONS.items():
        menu = folder / f"menu-{title}.txt"
        menu.write_text(f"the menu of {version.name}")
        app = cdk.App(
            outdir=str(folder / title),
            analytics_reporting=False,
            # What the CDK command asks for when it starts the app itself.
            context={"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True},
        )
        base = _Base(app)
        _Orders(app, version, base, menu)
        app.synth()


class _Base(cdk.Stack):
    """The same in every version."""

    def __init__(self, app: cdk.App) -> None:
        super().__init__(app, BASE, env=_ENVIRONMENT)
        self.bucket = s3.Bucket(self, "Bucket", removal_policy=cdk.RemovalPolicy.DESTROY)
        self.topic = sns.Topic(self, "Topic", display_name="Shop")


class _Orders(cdk.Stack):
    def __init__(self, app: cdk.App, version: Version, base: _Base, menu: Path) -> None:
        super().__init__(app, ORDERS, env=_ENVIRONMENT)
        asset = assets.Asset(self, "Menu", path=str(menu))
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        base.bucket.grant_read(role)
        asset.grant_read(role)
        hello = sfn.Pass(self, "Hello", result=sfn.Result.from_string(f"hello {version.value}"))
        machine = sfn.StateMachine(
            self, "Machine", definition_body=sfn.DefinitionBody.from_chainable(hello), role=role
        )
        # A parameter's name can only be changed by replacing it.
        renamed = ssm.StringParameter(
            self, "Renamed", parameter_name=f"/shop/menu-{version.name}", string_value=asset.s3_object_key
        )
        stays = ssm.StringParameter(
            self, "Stays", parameter_name="/shop/price", string_value=str(version.value)
        )
        cdk.CfnOutput(self, "Topic", value=base.topic.topic_arn)
        cdk.CfnOutput(self, "MenuParameter", value=renamed.parameter_name)
        _Kitchen(self, "Kitchen", version)
        if version.clash:
            clash = ssm.StringParameter(self, "Clash", parameter_name=TAKEN, string_value="mine")
            clash.node.add_dependency(machine, renamed, stays, self.node.find_child("Kitchen"))
        if version.robot:
            cdk.CfnResource(self, "Robot", type="AWS::RoboMaker::Robot", properties=_ROBOT)


class _Kitchen(cdk.NestedStack):
    def __init__(self, scope: _Orders, id: str, version: Version) -> None:
        super().__init__(scope, id)
        sqs.Queue(self, "Queue", visibility_timeout=cdk.Duration.seconds(30 + version.value))
        logs.LogGroup(
            self, "Log", log_group_name=f"/shop/{version.name}", removal_policy=cdk.RemovalPolicy.DESTROY
        )
