"""CloudFormation of a running cloud, by boto3 over the wire, as a person uses it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_clouds import LocalCloud

Resources = Mapping[str, Mapping[str, Any]]


class QuietRegion(LocalCloud):
    """A region of a cloud where nobody else's jobs, logs and endpoints change what is compared."""

    NAME = "eu-west-1"

    def client(self, service: str, region: str = NAME, **options: Any) -> Any:
        return super().client(service, region, **options)


class Stacks:
    def __init__(self, cloud: LocalCloud) -> None:
        self.api = cloud.client("cloudformation")

    def create(self, name: str, resources: Resources, *, wait: bool = True, **more: Any) -> str:
        """The status that it comes to."""
        self.api.create_stack(StackName=name, **request(resources, more))
        return self.wait(name) if wait else ""

    def update(self, name: str, resources: Resources, *, wait: bool = True, **more: Any) -> str:
        self.api.update_stack(StackName=name, **request(resources, more))
        return self.wait(name) if wait else ""

    def delete(self, name: str, **more: Any) -> str:
        stack_id = self.describe(name)["StackId"]
        self.api.delete_stack(StackName=name, **more)
        return self.wait(stack_id)

    def wait(self, name: str, seconds: float = 60) -> str:
        deadline = time.monotonic() + seconds
        while (status := self.describe(name)["StackStatus"]).endswith("_IN_PROGRESS"):
            assert time.monotonic() < deadline, f"{name} is still {status}"
            time.sleep(0.02)
        return str(status)

    def describe(self, name: str) -> dict[str, Any]:
        stacks: list[dict[str, Any]] = self.api.describe_stacks(StackName=name)["Stacks"]
        return stacks[0]

    def outputs(self, name: str) -> dict[str, str]:
        return {each["OutputKey"]: each["OutputValue"] for each in self.describe(name)["Outputs"]}

    def ids(self, name: str) -> dict[str, str]:
        """The physical ids of what exists, by logical id."""
        pages = self.api.get_paginator("list_stack_resources").paginate(StackName=name)
        rows = [row for page in pages for row in page["StackResourceSummaries"]]
        return {
            row["LogicalResourceId"]: row["PhysicalResourceId"]
            for row in rows
            if row.get("PhysicalResourceId") and row["ResourceStatus"] != "DELETE_COMPLETE"
        }

    def trail(self, name: str) -> list[str]:
        """`logical id STATUS` of every event, oldest first; the stack itself is `-`."""
        return [f"{logical_id} {status}" for logical_id, status, _ in self._events(name)]

    def reasons(self, name: str) -> dict[str, str]:
        """By `logical id STATUS`, the last of each."""
        return {
            f"{logical_id} {status}": reason for logical_id, status, reason in self._events(name) if reason
        }

    def _events(self, name: str) -> list[tuple[str, str, str]]:
        pages = self.api.get_paginator("describe_stack_events").paginate(StackName=name)
        rows = [row for page in pages for row in page["StackEvents"]][::-1]
        return [
            (
                "-" if row["PhysicalResourceId"] == row["StackId"] else row["LogicalResourceId"],
                row["ResourceStatus"],
                row.get("ResourceStatusReason", ""),
            )
            for row in rows
        ]

    def refused(self, operation: str, **members: Any) -> str:
        """`Code: message` of the refusal of a call."""
        with pytest.raises(ClientError) as caught:
            getattr(self.api, operation)(**members)
        error = caught.value.response["Error"]
        return f"{error['Code']}: {error['Message']}"


def request(resources: Resources, more: Mapping[str, Any]) -> dict[str, Any]:
    """Members of a request: `Outputs`, `Parameters_` and other sections go into the template."""
    sections = {name.rstrip("_"): more[name] for name in ("Outputs", "Parameters_") if name in more}
    rest = {name: value for name, value in more.items() if name.rstrip("_") not in sections}
    body = json.dumps({"Resources": resources, **sections})
    return {"TemplateBody": body, "Capabilities": ["CAPABILITY_NAMED_IAM"], **rest}


def resource(type_name: str, depends: list[str] | None = None, /, **properties: Any) -> dict[str, Any]:
    """`resource("SQS::Queue", VisibilityTimeout=30)`."""
    declared: dict[str, Any] = {"Type": f"AWS::{type_name}", "Properties": properties}
    return {**declared, "DependsOn": depends} if depends else declared


def parameter(value: str, depends: list[str] | None = None) -> dict[str, Any]:
    """The cheapest of all resources."""
    return resource("SSM::Parameter", depends, Type="String", Value=value)
