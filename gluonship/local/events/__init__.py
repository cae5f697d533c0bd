"""EventBridge: what happens in this cloud, to the targets of the rules that match; and schedules."""

from __future__ import annotations

from gluonship.local.contracts import Clients, Clock, Events
from gluonship.local.events.event_bridge import EventBridge

__all__ = ["EventBridge", "install"]


def install(clients: Clients, clock: Clock, stream: Events) -> EventBridge:
    """Makes moto's EventBridge, Scheduler and S3 notifications act: rules fire, schedules fall due.

    To be called before moto's first request, and again for an account that has been emptied. `clients` are
    asked only when something is delivered. What comes back is to be closed with the account or the cloud.
    """
    return EventBridge(clients, clock, stream)
