"""AWS matches events by the rules of its own matcher, refuses patterns that it cannot read, and answers
TestEventPattern. moto lacks arrays of objects, the limits of numeric and anything-but, takes any match type,
and does not answer TestEventPattern.

Here gluonship.local.events.patterns reads and matches them all.
"""

from __future__ import annotations

import json
from typing import Any

from moto.events.exceptions import InvalidEventPatternException, ValidationException
from moto.events.models import EventPattern
from moto.events.responses import EventsHandler

from gluonship.local.events import patterns

_MEMBERS = ("id", "detail-type", "source", "account", "time", "region", "resources")


def apply() -> None:
    EventPattern.load = classmethod(_load)
    EventPattern.matches_event = _matches
    EventsHandler.test_event_pattern = _test_event_pattern


def _load(cls: Any, raw_pattern: str | None) -> EventPattern:
    matcher = _parsed(raw_pattern) if raw_pattern else None
    loaded = cls(raw_pattern, json.loads(raw_pattern) if raw_pattern else {})
    loaded.matcher = matcher
    return loaded


def _parsed(text: str) -> patterns.Pattern:
    try:
        return patterns.parse(text)
    except patterns.InvalidPattern as error:
        raise InvalidEventPatternException(str(error)) from error


def _matches(self: Any, event: Any) -> bool:
    return self.matcher is None or bool(self.matcher(event))


def _test_event_pattern(self: Any) -> Any:
    matches = _parsed(self._get_param("EventPattern") or "")
    try:
        event = json.loads(self._get_param("Event") or "")
    except ValueError as error:
        raise ValidationException("Parameter Event is not valid. Reason: it is not JSON") from error
    missing = [name for name in _MEMBERS if not isinstance(event, dict) or name not in event]
    if missing:
        raise ValidationException(f"Parameter Event is not valid. Reason: it has no {', '.join(missing)}")
    return json.dumps({"Result": matches(event)}), self.response_headers
