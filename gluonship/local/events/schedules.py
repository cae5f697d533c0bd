"""Schedules of EventBridge Scheduler: when they fall due, and what they then call.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule.html
"""

from __future__ import annotations

import json
import uuid
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gluonship.local.contracts import Clients, Scope
from gluonship.local.events import recurrence, targets, universal_targets
from gluonship.local.events.arns import Arn
from gluonship.local.events.buses import Buses, dead_letter_attributes, retry_policy, send_dead_letter
from gluonship.local.events.deliveries import Delivery
from gluonship.local.events.envelopes import envelope, instant, milliseconds
from gluonship.local.events.failures import Failure, Undeliverable


@dataclass(frozen=True)
class Schedule:
    """A schedule as it is when it falls due."""

    scope: Scope
    arn: str
    target: Mapping[str, Any]


class Invalid(ValueError):
    """AWS's ValidationException; the message is what it says."""


def recurrence_of(expression: str, zone: str | None, start: datetime) -> recurrence.Recurrence:
    """When it falls due. Raises Invalid."""
    try:
        found = zoneinfo.ZoneInfo(zone or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(f"Invalid Schedule Expression Timezone {zone}.") from error
    try:
        return recurrence.schedule(expression, found, start)
    except ValueError as error:
        raise Invalid(f"Invalid Schedule Expression {expression}.") from error


def check(target: Mapping[str, Any], window: Mapping[str, Any]) -> None:
    """Raises Invalid for what AWS refuses, NotImplementedError for a target that only AWS can call."""
    minutes = window.get("MaximumWindowInMinutes")
    if window.get("Mode") not in ("OFF", "FLEXIBLE"):
        raise Invalid("FlexibleTimeWindow.Mode must be OFF or FLEXIBLE.")
    if (window["Mode"] == "FLEXIBLE") != (minutes is not None):
        raise Invalid("MaximumWindowInMinutes must be provided for mode FLEXIBLE, and for no other.")
    if not target.get("RoleArn"):
        raise Invalid("Target.RoleArn must be provided.")
    try:
        arn = Arn.parse(target.get("Arn") or "")
        if arn.service == "scheduler":
            universal_targets.operation_of(arn)
            return
        if not arn.located:
            raise ValueError(f"{arn.text} names no account and region")
    except ValueError as error:
        raise Invalid(f"Provided Arn is not valid: {error}.") from error
    kind = targets.kind_of(arn)
    if kind is None or kind.service == "logs":
        can = ", ".join(each.title for each in targets.TARGETS if each.service != "logs")
        raise NotImplementedError(f"target {arn.text}: this cloud's schedules call: {can}, aws-sdk targets")
    if kind is targets.BUS and not target.get("EventBridgeParameters"):
        raise Invalid("EventBridgeParameters must be provided for an event bus.")


def delivery(clients: Clients, buses: Buses, schedule: Schedule, due: datetime, now: datetime) -> Delivery:
    """One invocation of a schedule's target."""
    arn = Arn.parse(schedule.target["Arn"])
    execution = str(uuid.uuid4())
    text = _input(schedule, execution, due)

    def send() -> None:
        if arn.service == "scheduler":
            universal_targets.call(clients, schedule.scope, arn, text)
        elif arn.service == targets.BUS.service:
            given = schedule.target["EventBridgeParameters"]
            detail = _detail(text)
            event = envelope(arn.scope, given["Source"], given["DetailType"], detail, due, [schedule.arn])
            buses.put(arn.scope, arn.name, event)
        else:
            kind = targets.kind_of(arn)
            assert kind is not None, arn.text  # checked when the schedule was made
            message = targets.Message(text, execution, schedule.arn, milliseconds(datetime.now(UTC)))
            kind.send(clients, arn, message, schedule.target)

    def bury(failure: Failure, retries: int, exhausted: str | None) -> None:
        queue = (schedule.target.get("DeadLetterConfig") or {}).get("Arn")
        if queue:
            attributes = {
                **dead_letter_attributes(arn, failure, retries, exhausted),
                "EXECUTION_ID": execution,
                "IS_PAYLOAD_TRUNCATED": "false",
                "SCHEDULE_ARN": schedule.arn,
                "SCHEDULED_TIME": instant(due),
            }
            send_dead_letter(clients, queue, text, attributes)

    return Delivery(
        lane=schedule.arn,
        what=f"invocation {execution} of {schedule.arn} to {arn.text}",
        send=send,
        settled=lambda success: None,
        bury=bury,
        retry=retry_policy(schedule.target),
        since=now,
    )


def _detail(text: str) -> dict[str, Any]:
    """An event's detail. Raises Undeliverable for a text that is none."""
    try:
        detail = json.loads(text)
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        raise Undeliverable("INVALID_JSON", f"the detail is no JSON object: {text[:200]}")
    return detail


def _input(schedule: Schedule, execution: str, due: datetime) -> str:
    """The target's Input with its context attributes; AWS's notification where it has none."""
    given = schedule.target.get("Input")
    if given is None:
        event = envelope(schedule.scope, "aws.scheduler", "Scheduled Event", {}, due, [schedule.arn])
        return json.dumps({**event, "id": execution, "detail": "{}"}, separators=(",", ":"))
    values = {
        "<aws.scheduler.schedule-arn>": schedule.arn,
        "<aws.scheduler.scheduled-time>": instant(due),
        "<aws.scheduler.execution-id>": execution,
        "<aws.scheduler.attempt-number>": "1",
    }
    text = str(given)
    for name, value in values.items():
        text = text.replace(name, value)
    return text
