"""Event buses at work: events, to the targets of the rules that match."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from gluonship.local.contracts import Clients, Clock, Scope
from gluonship.local.events import targets
from gluonship.local.events.arns import Arn
from gluonship.local.events.deliveries import CLOSE_SECONDS, Deliveries, Delivery, RetryPolicy
from gluonship.local.events.envelopes import Envelope, milliseconds
from gluonship.local.events.failures import Failure, Undeliverable
from gluonship.local.events.invocation_metrics import InvocationMetrics
from gluonship.local.events.patterns import Pattern
from gluonship.local.events.target_input import text_for

_log = logging.getLogger(__name__)

_MAX_HOPS = 5  # from bus to bus: rules that forward to each other would never end


@dataclass(frozen=True)
class Rule:
    """A rule as it is when an event comes in."""

    scope: Scope
    bus: str
    name: str
    arn: str
    enabled: bool
    pattern: Pattern | None  # None: scheduled only
    targets: tuple[Mapping[str, Any], ...]


class Rules(Protocol):
    """Where the rules are kept."""

    def of_bus(self, scope: Scope, bus: str) -> list[Rule] | None:
        """None where there is no such bus."""
        ...


class Buses:
    """The buses of all accounts. Every method returns at once, whatever the caller has locked."""

    def __init__(self, clients: Clients, clock: Clock, rules: Rules, archive: Callable[..., None]) -> None:
        """`archive(target, event, scope)` keeps an event for the target of an archive's own rule."""
        self._clients = clients
        self._clock = clock
        self._rules = rules
        self._archive = archive
        self._deliveries = Deliveries(clock)
        self._metrics = InvocationMetrics(clients)

    @property
    def deliveries(self) -> Deliveries:
        return self._deliveries

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        self._deliveries.close(seconds)
        self._metrics.close()

    def put(self, scope: Scope, bus: str, event: Envelope, hops: int = 0) -> None:
        """An event comes to a bus."""
        rules = self._rules.of_bus(scope, bus)
        if rules is None:
            # AWS too takes such an event, and nobody ever sees it.
            _log.warning("an event of %s is for a bus that does not exist: %s", event["source"], bus)
            return
        for rule in rules:
            if rule.enabled and rule.pattern is not None and rule.pattern(event):
                self.fire(rule, event, hops)

    def fire(self, rule: Rule, event: Envelope, hops: int = 0) -> None:
        """Sends an event to a rule's targets, whether it matches or not."""
        now = self._clock.now()
        self._metrics.triggered(rule.scope, rule.bus, rule.name, now)
        for target in rule.targets:
            arn = Arn.parse(target["Arn"])
            if arn.service == "events" and arn.resource == ":":  # moto's, of an archive's own rule
                self._archive(target, event, rule.scope)
            else:
                self._deliveries.submit(self._delivery(rule, arn, target, event, now, hops))

    def _delivery(
        self, rule: Rule, arn: Arn, target: Mapping[str, Any], event: Envelope, now: datetime, hops: int
    ) -> Delivery:
        def send() -> None:
            if arn.service == targets.BUS.service and arn.kind == targets.BUS.kind:
                self._forward(arn, rule, event, hops)
                return
            kind = targets.kind_of(arn)
            if kind is None:
                raise Undeliverable("INVALID_PARAMETER", f"{arn.text} cannot be called here")
            message = targets.Message(
                text_for(target, event, rule.arn, now),
                event["id"],
                rule.arn,
                milliseconds(datetime.now(now.tzinfo)),  # CloudWatch Logs refuses what an advanced clock says
            )
            kind.send(self._clients, arn, message, target)

        def settled(success: bool) -> None:
            self._metrics.invoked(rule.scope, rule.bus, rule.name, self._clock.now(), success)

        def bury(failure: Failure, retries: int, exhausted: str | None) -> None:
            queue = target.get("DeadLetterConfig", {}).get("Arn")
            if queue:
                attributes = {
                    "RULE_ARN": rule.arn,
                    **dead_letter_attributes(arn, failure, retries, exhausted),
                }
                send_dead_letter(self._clients, queue, json.dumps(event), attributes)

        return Delivery(
            lane=(rule.scope, rule.bus, rule.name),
            what=f"event {event['id']} ({event['detail-type']}) of {rule.arn} to {arn.text}",
            send=send,
            settled=settled,
            bury=bury,
            retry=retry_policy(target),
            since=now,
        )

    def _forward(self, arn: Arn, rule: Rule, event: Envelope, hops: int) -> None:
        if hops >= _MAX_HOPS:
            message = f"the event came over {hops} buses already: do rules forward to each other?"
            raise Undeliverable("THIRD_ACCOUNT_HOP_DETECTED", message)
        if self._rules.of_bus(arn.scope, arn.name) is None:
            raise Undeliverable("NO_RESOURCE", f"there is no event bus {arn.text}")
        self.put(arn.scope, arn.name, event, hops + 1)


def retry_policy(target: Mapping[str, Any]) -> RetryPolicy:
    """A target's RetryPolicy, of a rule or a schedule."""
    given = target.get("RetryPolicy") or {}
    return RetryPolicy(
        attempts=int(given.get("MaximumRetryAttempts", 185)),
        age=timedelta(seconds=int(given.get("MaximumEventAgeInSeconds", 86_400))),
    )


def dead_letter_attributes(arn: Arn, failure: Failure, retries: int, exhausted: str | None) -> dict[str, str]:
    """What dead letters of rules and of schedules both say."""
    attributes = {
        "TARGET_ARN": arn.text,
        "ERROR_CODE": failure.code,
        "ERROR_MESSAGE": failure.message,
        "RETRY_ATTEMPTS": str(retries),
    }
    return attributes if exhausted is None else {**attributes, "EXHAUSTED_RETRY_CONDITION": exhausted}


def send_dead_letter(clients: Clients, queue: str, text: str, attributes: Mapping[str, str]) -> None:
    """Buries, or says in the log that it could not."""
    try:
        targets.bury(clients, queue, text, attributes)
    except (BotoCoreError, ClientError, ValueError) as error:
        _log.error("a dead letter did not reach %s: %s: %s", queue, error, text)
