"""S3 tells the queues and topics that a bucket's notification configuration names, and EventBridge, in the
background. moto does so within the request, loses what it tells queues and topics without a word where they
are not there, looks for them in the bucket's account only, and leaves out most members of a record.

Here all goes out as every delivery does, and the log says what was not delivered. A Lambda function, which
nothing runs here, is named in the log at each event.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from moto.s3 import notifications
from moto.s3.models import FakeBucket

from gluonship.local.contracts import Clients, Clock
from gluonship.local.events.arns import Arn
from gluonship.local.events.buses import Buses
from gluonship.local.events.deliveries import Deliveries, Delivery, RetryPolicy
from gluonship.local.events.deviations import s3_requests
from gluonship.local.events.object_changes import ObjectChange
from gluonship.local.events.object_events import event_of
from gluonship.local.events.object_records import record_of, test_message

_log = logging.getLogger(__name__)


class Notifier:
    """Tells whom a bucket's configuration names. Returns at once: moto holds the lock of S3 meanwhile."""

    def __init__(self, clients: Clients, buses: Buses, clock: Clock) -> None:
        self._clients = clients
        self._buses = buses
        self._deliveries: Deliveries = buses.deliveries
        self._clock = clock

    def apply(self) -> None:
        notifications.send_test_event = self._test

    def tell(self, bucket: FakeBucket, change: ObjectChange) -> None:
        configuration = bucket.notification_configuration
        if configuration is None:
            return
        for wanted in (*configuration.cloud_function, *configuration.queue, *configuration.topic):
            if wanted.matches(change.name, change.stored.key):
                self._send(wanted.arn, {"Records": [record_of(change, wanted.id)]})
        if configuration.event_bridge is not None:
            event = event_of(change)
            if event is not None:
                self._buses.put(change.scope, "default", event)

    def _test(self, account_id: str, bucket: FakeBucket) -> None:
        configuration, request = bucket.notification_configuration, s3_requests.current()
        message = test_message(bucket.name, request.id, request.host_id, self._clock.now())
        for arn in dict.fromkeys(each.arn for each in (*configuration.queue, *configuration.topic)):
            self._send(arn, message)

    def _send(self, destination: str, message: Any) -> None:
        arn, text = Arn.parse(destination), json.dumps(message)
        if arn.service == "lambda":
            _log.warning("not invoked by S3, since no function runs here: %s", destination)
            return

        def send() -> None:
            if arn.service == "sqs":
                queues = self._clients(arn.scope, "sqs")
                url = queues.get_queue_url(QueueName=arn.resource)["QueueUrl"]
                queues.send_message(QueueUrl=url, MessageBody=text)
            else:
                topics = self._clients(arn.scope, "sns")
                topics.publish(TopicArn=destination, Subject="Amazon S3 Notification", Message=text)

        self._submit(f"S3's notifications to {destination}", send)

    def _submit(self, what: str, send: Callable[[], None]) -> None:
        self._deliveries.submit(
            Delivery(
                lane=what,
                what=what,
                send=send,
                settled=lambda success: None,
                bury=lambda failure, retries, exhausted: None,  # S3 has no dead letters; the log has said it
                retry=RetryPolicy(),
                since=self._clock.now(),
            )
        )
