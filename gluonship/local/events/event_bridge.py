"""The whole of EventBridge, put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluonship.local.contracts import Clients, Clock, Events, Scope
from gluonship.local.events.buses import Buses
from gluonship.local.events.deliveries import CLOSE_SECONDS
from gluonship.local.events.deviations import (
    event_patterns,
    notification_configurations,
    object_notifications,
    put_events,
    rule_schedules,
    rule_targets,
    s3_requests,
    schedules,
    topic_deliveries,
)
from gluonship.local.events.deviations.bucket_notifications import Notifier
from gluonship.local.events.envelopes import Envelope
from gluonship.local.events.rules import MotoRules, backend_of
from gluonship.local.events.state_changes import event_of
from gluonship.local.events.timetable import Timetable


class EventBridge:
    """Rules, schedules and the events of this cloud's own services, from `install` until `close`."""

    def __init__(self, clients: Clients, clock: Clock, stream: Events) -> None:
        self._rules = MotoRules()
        self.buses = Buses(clients, clock, self._rules, _archive)
        self._timetable = Timetable(clock)
        event_patterns.apply()
        rule_targets.apply()
        put_events.apply(self.buses, clock)
        rule_schedules.apply(self.buses, self._rules, self._timetable, clock)
        schedules.apply(clients, self.buses, self._timetable, clock)
        s3_requests.apply()
        notification_configurations.apply()
        notifier = Notifier(clients, self.buses, clock)
        notifier.apply()
        object_notifications.apply(notifier.tell, clock)
        topic_deliveries.apply(clients, self.buses.deliveries, clock)
        self._unsubscribe = stream.subscribe(self._hear)

    def settle(self, timeout: float) -> bool:
        """Waits until all deliveries that are due have been made; False after `timeout` seconds."""
        return self.buses.deliveries.settle(timeout)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Nothing falls due and nothing is delivered any more; what is being sent has so many seconds."""
        self._unsubscribe()
        self._timetable.close()
        self.buses.close(seconds)

    def _hear(self, change: Any) -> None:
        event = event_of(change)
        if event is not None:
            self.buses.put(change.scope, "default", event)


def _archive(target: Mapping[str, Any], event: Envelope, scope: Scope) -> None:
    """Keeps an event for the archive that the rule of `target` belongs to, as moto does."""
    backend = backend_of(scope)
    for archive in list(backend.archives.values()) if backend else []:
        if archive.rule is not None and any(each is target for each in archive.rule.targets):
            archive.events.append(dict(event))
