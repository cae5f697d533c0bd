"""The stacks of an environment as they are deployed: which there are, and their outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from gluonship_infra.configuration import Configuration
from gluonship_infra.naming import stack_id


class Stacks:
    """The names by part (Storage, Pipeline, Endpoint), and what CloudFormation says of them."""

    def __init__(self, cloudformation: Any, configuration: Configuration) -> None:
        self._cloudformation = cloudformation
        self.storage, self.pipeline, self.endpoint = (
            stack_id(configuration.project, configuration.environment, part)
            for part in ("Storage", "Pipeline", "Endpoint")
        )

    def exists(self, name: str) -> bool:
        try:
            self._cloudformation.describe_stacks(StackName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return False
            raise
        return True

    def outputs(self, name: str) -> Mapping[str, str]:
        """None where there is no such stack, or where it was never completed."""
        stack = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
