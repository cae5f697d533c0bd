"""Every SageMaker request that a template will make: by a resource, or by a task of a state machine.

CloudFormation's properties carry the API's member names, and so do the parameters of a Step Functions task,
so a rule is written once for both (https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gluonship_infra.rules.rule import Finding
from gluonship_infra.rules.templates import Resource, Template, text

_RESOURCES = {
    "AWS::SageMaker::Model": "CreateModel",
    "AWS::SageMaker::EndpointConfig": "CreateEndpointConfig",
    "AWS::SageMaker::Endpoint": "CreateEndpoint",
    "AWS::SageMaker::ModelPackage": "CreateModelPackage",
    "AWS::SageMaker::ProcessingJob": "CreateProcessingJob",
}
_TASK = re.compile(r":states:::(?:aws-sdk:)?sagemaker:(\w+)")


class AtRunTime(str):
    """A value that an execution chooses: a JSONPath (`"Name.$": "$.name"`) or a JSONata expression."""

    __slots__ = ()


class UnreadableDefinition(ValueError):
    """A state machine's definition that is not in the template as JSON, so that no rule can see its tasks."""


@dataclass(frozen=True)
class Request:
    """One SageMaker operation with its members, and where in the template it stands."""

    operation: str
    members: Mapping[str, Any]
    resource: str
    location: str
    state: str = ""  # of a state machine, where it is a task's

    def get(self, path: str) -> Any:
        """The member at a dotted path ("ResourceConfig.VolumeKmsKeyId"), or None."""
        value: Any = self.members
        for name in path.split("."):
            if not isinstance(value, Mapping):
                return None
            value = value.get(name)
        return value

    def finding(self, path: str, message: str) -> Finding:
        """Something about the member at a dotted path."""
        location = f"{self.location}/{path.replace('.', '/')}"
        return Finding(self.resource, location, message, self.state)


def requests(template: Template) -> Iterator[Request]:
    """The SageMaker requests of a template. Definitions that cannot be read are left to `unreadable`."""
    for resource in template.resources:
        if operation := _RESOURCES.get(resource.type):
            yield Request(operation, resource.properties, resource.id, "Properties")
        elif resource.type == "AWS::StepFunctions::StateMachine":
            try:
                states = definition(resource)
            except UnreadableDefinition:
                continue
            yield from _tasks(states, resource.id)


def unreadable(template: Template) -> Iterator[tuple[Resource, str]]:
    """The state machines whose definition no rule can read, each with the reason."""
    for resource in template.of_type("AWS::StepFunctions::StateMachine"):
        try:
            definition(resource)
        except UnreadableDefinition as error:
            yield resource, str(error)


def definition(resource: Resource) -> Any:
    """The parsed Amazon States Language of a state machine.

    Raises UnreadableDefinition when it lies in S3, or is not JSON.
    """
    properties = resource.properties
    if isinstance(properties.get("Definition"), Mapping):
        return properties["Definition"]
    if "DefinitionString" not in properties:
        raise UnreadableDefinition("its definition is a file in S3 and not part of the template")
    try:
        return json.loads(text(properties["DefinitionString"]))
    except json.JSONDecodeError as error:
        raise UnreadableDefinition(f"its definition is not JSON: {error}") from error


def _tasks(value: Any, resource: str) -> Iterator[Request]:
    """The SageMaker tasks among a definition's states, also those inside Map and Parallel."""
    if isinstance(value, list):
        for item in value:
            yield from _tasks(item, resource)
        return
    if not isinstance(value, Mapping):
        return
    for name, state in value.get("States", {}).items():
        if found := _TASK.search(str(state.get("Resource", ""))):
            operation = found[1][0].upper() + found[1][1:]
            given = _members(state.get("Parameters", state.get("Arguments", {})))
            members = given if isinstance(given, Mapping) else {}
            yield Request(operation, members, resource, f"Properties/DefinitionString/States/{name}", name)
        for inner in ("Iterator", "ItemProcessor", "Branches"):
            yield from _tasks(state.get(inner), resource)


def _members(value: Any) -> Any:
    """Parameters without Step Functions' marks, with what is chosen at run time as AtRunTime."""
    if isinstance(value, list):
        return [_members(item) for item in value]
    if isinstance(value, Mapping):
        return {
            name.removesuffix(".$"): AtRunTime(item) if name.endswith(".$") else _members(item)
            for name, item in value.items()
        }
    if isinstance(value, str) and value.startswith("{%"):
        return AtRunTime(value)
    return value
