"""The rules, which moto keeps, as the buses read them."""

from __future__ import annotations

from typing import Any

from moto.events.models import EventsBackend, events_backends

from gluonship.local.contracts import Scope
from gluonship.local.events.buses import Rule


class MotoRules:
    """buses.Rules over moto's EventBridge."""

    def of_bus(self, scope: Scope, bus: str) -> list[Rule] | None:
        backend = backend_of(scope)
        found = backend.event_buses.get(bus) if backend else None
        if found is None:
            return None
        return [view(scope, bus, rule) for rule in list(found.rules.values())]

    def find(self, scope: Scope, name: str) -> Rule | None:
        """The rule of that name on the default bus, the only one whose rules have schedules."""
        backend = backend_of(scope)
        rule = backend.event_buses["default"].rules.get(name) if backend else None
        return view(scope, "default", rule) if rule else None


def view(scope: Scope, bus: str, rule: Any) -> Rule:
    """moto's rule, as it is now."""
    return Rule(
        scope=scope,
        bus=bus,
        name=rule.name,
        arn=rule.arn,
        enabled=rule.state != "DISABLED",
        pattern=rule.event_pattern.matches_event if rule.event_pattern.get_pattern() else None,
        targets=tuple(rule.targets),
    )


def backend_of(scope: Scope) -> EventsBackend | None:
    """None for a region that is none of EventBridge's."""
    try:
        return events_backends[scope.account_id][scope.region]
    except KeyError:
        return None
