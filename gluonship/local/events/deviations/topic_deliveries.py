"""SNS answers Publish once it has the message; subscriptions get it afterwards, tried again, then the
subscription's dead-letter queue does. moto delivers within Publish, and Publish fails where one subscription
does; it takes RawMessageDelivery "false" for true, looks for a queue in the topic's account only, waits for
an HTTP endpoint without end, and leaves its headers out.

Here each subscription's messages follow each other in the background. Queues and HTTP endpoints get them; a
Lambda function cannot be subscribed; e-mail and the like are recorded, and the log says what was not sent.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from typing import Any

import urllib3
from moto.sns.models import SNSBackend, Subscription

from gluonship.local.contracts import Clients, Clock
from gluonship.local.events.arns import Arn
from gluonship.local.events.buses import send_dead_letter
from gluonship.local.events.deliveries import Deliveries, Delivery
from gluonship.local.events.failures import Failure
from gluonship.local.events.topic_messages import HTTP_RETRY, QUEUE_RETRY, Publication, post, to_queue

_log = logging.getLogger(__name__)

_SUBSCRIBE = SNSBackend.subscribe


def apply(clients: Clients, deliveries: Deliveries, clock: Clock) -> None:
    pool = urllib3.PoolManager()

    def publish(
        self: Subscription,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        message_structure: str | None = None,
    ) -> None:
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(message_attributes, message):
            return
        if message_structure == "json":
            message = self._parse_message_structure(message, self.protocol)
        raw = str(self.attributes.get("RawMessageDelivery", "")).lower() == "true"

        @functools.cache
        def publication() -> Publication:
            """Made when it is sent: moto signs it, which takes its time."""
            if raw:
                text = message
            else:
                made = self.get_post_data(message, message_id, subject, message_attributes=message_attributes)
                text = json.dumps(made, indent=2, sort_keys=True)
            return Publication(
                topic_arn=self.topic.arn,
                subscription_arn=self.arn,
                message_id=message_id,
                text=text,
                raw=raw,
                attributes=message_attributes or {},
                group_id=group_id,
                deduplication_id=deduplication_id,
            )

        deliver(self, publication, f"message {message_id} of {self.topic.arn} to {self.endpoint}")

    def deliver(subscription: Subscription, publication: Callable[[], Publication], what: str) -> None:
        endpoint, protocol = subscription.endpoint, subscription.protocol
        if protocol not in ("sqs", "http", "https"):
            _log.info("not sent, since %s is only recorded: %s", protocol, what)
            return

        def send() -> None:
            if protocol == "sqs":
                to_queue(clients, Arn.parse(endpoint), publication())
            else:
                post(pool, endpoint, publication())

        def bury(failure: Failure, retries: int, exhausted: str | None) -> None:
            policy = subscription.attributes.get("RedrivePolicy")
            if policy:
                document = json.loads(policy) if isinstance(policy, str) else policy
                attributes = {"ERROR_CODE": failure.code, "ERROR_MESSAGE": failure.message}
                send_dead_letter(clients, document["deadLetterTargetArn"], publication().text, attributes)

        deliveries.submit(
            Delivery(
                lane=subscription.arn,
                what=what,
                send=send,
                settled=lambda success: None,
                bury=bury,
                retry=QUEUE_RETRY if protocol == "sqs" else HTTP_RETRY,
                since=clock.now(),
            )
        )

    Subscription.publish = publish
    SNSBackend.subscribe = _subscribe


@functools.wraps(_SUBSCRIBE)
def _subscribe(self: SNSBackend, topic_arn: str, endpoint: str, protocol: str) -> Any:
    if protocol == "lambda":
        raise NotImplementedError(f"protocol lambda ({endpoint}): no function runs here; sqs, http, https do")
    return _SUBSCRIBE(self, topic_arn, endpoint, protocol)
