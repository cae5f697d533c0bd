"""The events of SageMaker and Step Functions, from the cloud's stream of state changes.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html and
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html: the detail is what the
Describe operation answers, with times as milliseconds since 1970; a model package's are texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gluonship.local.contracts import StateChange
from gluonship.local.events.envelopes import Envelope, envelope, instant, milliseconds


@dataclass(frozen=True)
class _Source:
    source: str
    detail_type: str
    detail: Callable[[StateChange], dict[str, Any]]


def event_of(change: StateChange) -> Envelope | None:
    """None for a kind of resource of which AWS sends no events."""
    found = SOURCES.get(change.kind)
    if found is None:
        return None
    detail = found.detail(change)
    return envelope(change.scope, found.source, found.detail_type, detail, change.time, [change.arn])


def _described(change: StateChange) -> dict[str, Any]:
    detail: dict[str, Any] = plain(dict(change.detail))
    detail.pop("ResponseMetadata", None)
    detail.setdefault("Tags", {})
    return detail


def _job(change: StateChange) -> dict[str, Any]:
    """A job's: its status may be newer than the description."""
    detail = {**_described(change), f"{change.kind}Name": change.name, f"{change.kind}Arn": change.arn}
    detail[f"{change.kind}Status"] = change.status
    if change.secondary_status is not None and "SecondaryStatus" in detail:
        detail["SecondaryStatus"] = change.secondary_status
    return detail


def _endpoint(change: StateChange) -> dict[str, Any]:
    """An endpoint's: its status is in capitals here, and only here: IN_SERVICE, not InService."""
    status = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", change.status).upper()
    return {
        **_described(change),
        "EndpointName": change.name,
        "EndpointArn": change.arn,
        "EndpointStatus": status,
    }


def _model_package(change: StateChange) -> dict[str, Any]:
    detail = plain({**change.detail, "ModelPackageArn": change.arn}, instant)
    return {name: value for name, value in detail.items() if name != "ResponseMetadata"}


_NOT_ENDED = dict.fromkeys(("input", "stopDate", "output", "error", "cause"))
_MOST_CHARACTERS = 248 * 1024  # of input and output together, in an event


def _execution(change: StateChange) -> dict[str, Any]:
    """An execution's: what it does not have (yet) is null."""
    detail = {**_NOT_ENDED, **plain(dict(change.detail)), "executionArn": change.arn, "name": change.name}
    detail["status"] = change.status
    given, produced = len(json.dumps(detail["input"])), len(json.dumps(detail["output"]))
    for name, length in (("input", given + produced), ("output", produced)):
        included = length <= _MOST_CHARACTERS
        detail[f"{name}Details"] = {"included": included} if detail[name] is not None else None
        detail[name] = detail[name] if included else None
    return {name: value for name, value in detail.items() if name in _EXECUTION_MEMBERS}


_EXECUTION_MEMBERS = frozenset(
    {
        "cause",
        "error",
        "executionArn",
        "input",
        "inputDetails",
        "name",
        "output",
        "outputDetails",
        "startDate",
        "stateMachineAliasArn",
        "stateMachineArn",
        "stateMachineVersionArn",
        "status",
        "stopDate",
    }
)

SOURCES: Mapping[str, _Source] = {
    "TrainingJob": _Source("aws.sagemaker", "SageMaker Training Job State Change", _job),
    "ProcessingJob": _Source("aws.sagemaker", "SageMaker Processing Job State Change", _job),
    "Endpoint": _Source("aws.sagemaker", "SageMaker Endpoint State Change", _endpoint),
    "ModelPackage": _Source("aws.sagemaker", "SageMaker Model Package State Change", _model_package),
    "StateMachineExecution": _Source("aws.states", "Step Functions Execution Status Change", _execution),
}
"""By the kind of the state change."""


def plain(value: Any, time: Callable[[datetime], int | str] = milliseconds) -> Any:
    """JSON, with times as `time` writes them."""
    if isinstance(value, datetime):
        return time(value)
    if isinstance(value, Mapping):
        return {str(name): plain(each, time) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each, time) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return json.loads(json.dumps(value, default=str))
