"""On AWS a rule with a ScheduleExpression fires when it says, and PutRule refuses an expression that says
nothing. moto records the expression, and looks only at how it begins.

Here a rule's schedule runs on the cloud's clock from PutRule or EnableRule until it is changed, disabled or
deleted.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend

from gluonship.local.contracts import Clock, Scope
from gluonship.local.events import recurrence
from gluonship.local.events.buses import Buses
from gluonship.local.events.envelopes import envelope
from gluonship.local.events.rules import MotoRules
from gluonship.local.events.timetable import Timetable

_log = logging.getLogger(__name__)

_PUT_RULE = EventsBackend.put_rule
_DELETE_RULE = EventsBackend.delete_rule
_ENABLE_RULE = EventsBackend.enable_rule
_DISABLE_RULE = EventsBackend.disable_rule


def apply(buses: Buses, rules: MotoRules, timetable: Timetable, clock: Clock) -> None:
    def follow(backend: EventsBackend, name: str) -> None:
        """The timetable after a change of the rule, whatever the change."""
        scope = Scope(backend.account_id, backend.region_name)
        key = ("rule", scope, name)
        rule = backend.event_buses["default"].rules.get(name)
        if rule is None or not rule.scheduled_expression or rule.state == "DISABLED":
            timetable.remove(key)
            return

        def fall_due(due: datetime) -> None:
            current = rules.find(scope, name)
            if current is not None and current.enabled:
                event = envelope(scope, "aws.events", "Scheduled Event", {}, due, [current.arn])
                buses.fire(current, event)

        timetable.set(key, recurrence.rule(rule.scheduled_expression, clock.now()), fall_due)

    EventsBackend.put_rule = _checked(_PUT_RULE, clock, follow)
    EventsBackend.delete_rule = _followed(_DELETE_RULE, follow)
    EventsBackend.enable_rule = _followed(_ENABLE_RULE, follow)
    EventsBackend.disable_rule = _followed(_DISABLE_RULE, follow)


def _checked(put_rule: Any, clock: Clock, follow: Callable[[EventsBackend, str], None]) -> Any:
    @functools.wraps(put_rule)
    def put_and_follow(self: EventsBackend, name: str, *args: Any, **members: Any) -> Any:
        expression = members.get("scheduled_expression")
        if expression:
            try:
                recurrence.rule(expression, clock.now())
            except ValueError as error:
                # AWS's answer does not say what is wrong: the log does.
                _log.info("rule %s: %s", name, error)
                raise ValidationException("Parameter ScheduleExpression is not valid.") from error
        rule = put_rule(self, name, *args, **members)
        follow(self, name)
        return rule

    return put_and_follow


def _followed(change: Any, follow: Callable[[EventsBackend, str], None]) -> Any:
    @functools.wraps(change)
    def change_and_follow(self: EventsBackend, name: str, *args: Any, **members: Any) -> Any:
        answer = change(self, name, *args, **members)
        follow(self, name)
        return answer

    return change_and_follow
