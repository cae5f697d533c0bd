"""What all stacks of an environment have in common: name, place, tags and outputs."""

from __future__ import annotations

import aws_cdk as cdk

from gluonship_infra.configuration import Configuration
from gluonship_infra.naming import stack_id

REMOVAL = {"retain": cdk.RemovalPolicy.RETAIN, "destroy": cdk.RemovalPolicy.DESTROY}


class EnvironmentStack(cdk.Stack):
    """A stack of one environment, named `PROJECT-ENVIRONMENT-PART`.

    Without account and region in the configuration, the stack goes where the caller's credentials lead.
    """

    def __init__(self, app: cdk.App, configuration: Configuration, part: str, description: str) -> None:
        account = configuration.account
        tags = {
            "project": configuration.project,
            "environment": configuration.environment,
            **configuration.tags,
        }
        super().__init__(
            app,
            stack_id(configuration.project, configuration.environment, part),
            description=description,
            env=cdk.Environment(account=account.id, region=account.region),
            permissions_boundary=(
                cdk.PermissionsBoundary.from_name(account.permissions_boundary)
                if account.permissions_boundary
                else None
            ),
            synthesizer=cdk.DefaultStackSynthesizer(qualifier=account.bootstrap_qualifier),
            tags=tags,
        )
        for name, value in tags.items():
            cdk.Tags.of(self).add(name, value)

    def output(self, name: str, value: str, description: str) -> None:
        """Says a value that a person or a script will look for after a deployment."""
        cdk.CfnOutput(self, name, value=value, description=description)
