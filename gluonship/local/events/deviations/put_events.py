"""PutEvents answers as soon as it has the events; what becomes of them it does not say. AWS refuses sources
of its own (aws.*), details that are no JSON object, and takes events for a bus that does not exist. moto
delivers within the request, knows few targets, and fails the request where a target does.

Here events are checked as AWS does and go to gluonship.local.events.buses, which deliver in the background.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend
from moto.events.models import Rule as MotoRule

from gluonship.local.contracts import Clock, Scope
from gluonship.local.events.arns import Arn
from gluonship.local.events.buses import Buses
from gluonship.local.events.envelopes import Envelope, envelope
from gluonship.local.events.rules import view

_MAX_ENTRIES = 10


def apply(buses: Buses, clock: Clock) -> None:
    def put_events(self: EventsBackend, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not 0 < len(events or []) <= _MAX_ENTRIES:
            raise ValidationException(
                f"1 validation error detected: Value at 'entries' failed to satisfy constraint: "
                f"Member must have length between 1 and {_MAX_ENTRIES}"
            )
        scope = Scope(self.account_id, self.region_name)
        return [_put(entry, scope, clock.now(), buses.put) for entry in events]

    def send_to_targets(self: MotoRule, original_event: Any, transform_input: bool = True) -> None:
        """What is left of moto's own senders: replays."""
        if self.event_pattern.matches_event(original_event):
            rule = view(Scope(self.account_id, self.region_name), self.event_bus_name, self)
            buses.fire(rule, original_event)

    EventsBackend.put_events = put_events
    MotoRule.send_to_targets = send_to_targets


def _put(
    entry: dict[str, Any], scope: Scope, now: datetime, put: Callable[[Scope, str, Envelope], None]
) -> dict[str, Any]:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            message = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
    if entry["Source"].startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSource", "ErrorMessage": "Not authorized for the source."}
    try:
        detail = json.loads(entry["Detail"], parse_constant=_no_number)
    except (ValueError, RecursionError):
        detail = None
    if not isinstance(detail, dict):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    time = _time(entry["Time"]) if "Time" in entry else now
    event = envelope(scope, entry["Source"], entry["DetailType"], detail, time, entry.get("Resources") or ())
    target_scope, bus = _bus(entry.get("EventBusName") or "default", scope)
    put(target_scope, bus, event)
    return {"EventId": event["id"]}


def _no_number(name: str) -> None:
    """Python's reader takes NaN and Infinity, which are no JSON."""
    raise ValueError(f"{name} is no JSON")


def _bus(name: str, scope: Scope) -> tuple[Scope, str]:
    """A bus by its name or its ARN, which may be another account's."""
    if not name.startswith("arn:"):
        return scope, name
    try:
        arn = Arn.parse(name)
    except ValueError as error:
        raise ValidationException(f"Parameter EventBusName is not valid: {name}") from error
    return arn.scope, arn.name


def _time(value: Any) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ValidationException(f"Parameter Time is not valid: {value}") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
