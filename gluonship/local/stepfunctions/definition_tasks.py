"""A Task's Resource and parameters: known to AWS, and run by this cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gluonship.local.contracts import Clients, Scope
from gluonship.local.stepfunctions import resources
from gluonship.local.stepfunctions.diagnostics import REFUSED, SCHEMA, Diagnostic, counted, required, typed
from gluonship.local.stepfunctions.integrations import refusal, supported_parameters, unknown
from gluonship.local.stepfunctions.jsonata_queries import is_expression
from gluonship.local.stepfunctions.parameters import unsupported
from gluonship.local.stepfunctions.service_calls import ServiceCall
from gluonship.local.stepfunctions.visits import JSONATA


def check_task(
    name: str, state: Mapping[str, Any], where: str, language: str, kind: str, clients: Clients, scope: Scope
) -> Iterator[Diagnostic]:
    yield from required(state, ["Resource"], where)
    yield from _times(state, where)
    arn = state.get("Resource")
    if not isinstance(arn, str):
        yield from typed(state, "Resource", str, where)
        return
    place = f"{where}/Resource"
    resource = resources.parse(arn)
    if resource is None:
        yield Diagnostic(SCHEMA, _unrecognized(arn), place)
        return
    if why := refusal(resource):
        yield Diagnostic(
            REFUSED, f"State '{name}' needs {arn}, which does not run in the local cloud: {why}", place
        )
        return
    if why := unknown(resource):
        yield Diagnostic(SCHEMA, f"{_unrecognized(arn)} ({why})", place)
        return
    if kind == "EXPRESS" and (resource.pattern or resource.is_activity):
        shown = "activities" if resource.is_activity else f"'.{resource.pattern}' service integration"
        yield Diagnostic(SCHEMA, f"Express state machine does not support {shown}", place)
    if not resource.is_activity:
        yield from _parameters(resource, state, where, language, clients, scope)


def _parameters(
    resource: resources.Resource,
    state: Mapping[str, Any],
    where: str,
    language: str,
    clients: Clients,
    scope: Scope,
) -> Iterator[Diagnostic]:
    if resource.is_sdk and resource.pattern not in ("", "waitForTaskToken"):
        yield Diagnostic(
            SCHEMA, f"An AWS SDK integration cannot be used as .{resource.pattern}", f"{where}/Resource"
        )
        return
    model = ServiceCall(resource, clients, scope).model
    if model is None or not resource.action[:1].islower():
        why = f"(the API has no {resource.action}; actions begin with a small letter)"
        yield Diagnostic(SCHEMA, f"{_unrecognized(resource.arn)} {why}", f"{where}/Resource")
        return
    field = "Arguments" if language == JSONATA else "Parameters"
    template = state.get(field)
    if isinstance(template, dict) and model.input_shape is not None:
        only = supported_parameters(resource)
        for message, place in unsupported(template, model.input_shape, f"{where}/{field}", only):
            yield Diagnostic(SCHEMA, message, place)
    elif template is not None and not isinstance(template, dict) and not is_expression(template):
        yield Diagnostic(SCHEMA, "Expected value of type Object", f"{where}/{field}")


def _times(state: Mapping[str, Any], where: str) -> Iterator[Diagnostic]:
    for field in ("TimeoutSeconds", "HeartbeatSeconds"):
        if not is_expression(state.get(field)):
            yield from counted(state, field, 1, where)
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        yield Diagnostic(
            SCHEMA, "HeartbeatSeconds must be smaller than TimeoutSeconds", f"{where}/HeartbeatSeconds"
        )


def _unrecognized(arn: str) -> str:
    return (
        f"The resource provided {arn} is not recognized. The value is not a valid resource ARN, or the "
        "resource is not available in this region."
    )
