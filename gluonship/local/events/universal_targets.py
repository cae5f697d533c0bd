"""EventBridge Scheduler's universal targets: any operation of any service of this cloud.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html:
arn:aws:scheduler:::aws-sdk:SERVICE:ACTION, with the request's members as input, whatever their capitals.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from gluonship.local.contracts import Clients, Scope
from gluonship.local.events.arns import Arn
from gluonship.local.events.failures import Undeliverable

# Names of the SDK for Java that are not botocore's without its hyphens.
_OTHER_NAMES = {"sfn": "stepfunctions", "cloudwatchlogs": "logs", "eventbridge": "events"}
_READING = ("get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read")


def operation_of(arn: Arn) -> OperationModel:
    """Raises ValueError, saying why, for what is no operation that a schedule may call."""
    parts = arn.resource.split(":")
    if arn.service != "scheduler" or len(parts) != 3 or parts[0] != "aws-sdk":
        raise ValueError(f"{arn.text} is not arn:aws:scheduler:::aws-sdk:SERVICE:ACTION")
    service, action = parts[1], parts[2]
    if action.lower().startswith(_READING):
        raise ValueError(f"{arn.text}: schedules do not call operations that only read")
    name = _service_names().get(_OTHER_NAMES.get(service, service).lower())
    if name is None:
        raise ValueError(f"{arn.text}: there is no service {service}")
    model = _service_model(name)
    for operation in model.operation_names:
        if operation.lower() == action.lower():
            return model.operation_model(operation)
    raise ValueError(f"{arn.text}: {service} has no operation {action}")


def call(clients: Clients, scope: Scope, arn: Arn, text: str) -> None:
    """Calls the operation with the members in `text`. Raises Undeliverable, and what boto3 raises."""
    operation = operation_of(arn)
    try:
        given = json.loads(text or "{}")
    except ValueError as error:
        raise Undeliverable("INVALID_JSON", f"the input of {arn.text} is not JSON") from error
    members = fitted(operation.input_shape, given) if operation.input_shape else {}
    client = clients(scope, operation.service_model.service_name)
    getattr(client, xform_name(operation.name))(**members)


def fitted(shape: Shape, value: Any) -> Any:
    """`value` with the members' names as the API spells them. Raises Undeliverable for one it lacks."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        names = {name.lower(): name for name in shape.members}
        unknown = sorted(name for name in value if name.lower() not in names)
        if unknown:
            raise Undeliverable("INVALID_PARAMETER", f"{shape.name} has no member {', '.join(unknown)}")
        return {
            names[name.lower()]: fitted(shape.members[names[name.lower()]], each)
            for name, each in value.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [fitted(shape.member, each) for each in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {name: fitted(shape.value, each) for name, each in value.items()}
    return value


@functools.cache
def _service_names() -> dict[str, str]:
    names = botocore.session.Session().get_available_services()
    return {name.replace("-", ""): name for name in names}


@functools.cache
def _service_model(name: str) -> ServiceModel:
    return botocore.session.Session().get_service_model(name)
