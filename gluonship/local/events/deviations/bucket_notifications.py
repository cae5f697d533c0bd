"""S3 sends the messages of QueueConfiguration and TopicConfiguration in the background. moto sends them
within the request, and loses them without a word where the queue or topic is not there.

Here they go out as every delivery does, and the log says what was not delivered. A Lambda function, which
nothing runs here, is named in the log at each event.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from moto.s3 import notifications

from gluonship.local.contracts import Clients, Clock, Scope
from gluonship.local.events.deliveries import Deliveries, Delivery, RetryPolicy

_log = logging.getLogger(__name__)


def apply(clients: Clients, deliveries: Deliveries, clock: Clock) -> None:
    def submit(what: str, send: Callable[[], None]) -> None:
        deliveries.submit(
            Delivery(
                lane=what,
                what=what,
                send=send,
                settled=lambda success: None,
                bury=lambda failure, retries, exhausted: None,  # S3 has no dead letters; the log has said it
                retry=RetryPolicy(),
                since=clock.now(),
            )
        )

    def to_queue(account_id: str, event_body: Any, queue_name: str, region_name: str) -> None:
        def send() -> None:
            queues = clients(Scope(account_id, region_name), "sqs")
            url = queues.get_queue_url(QueueName=queue_name)["QueueUrl"]
            queues.send_message(QueueUrl=url, MessageBody=json.dumps(event_body))

        submit(f"S3's notifications to queue {queue_name} in {region_name}", send)

    def to_topic(account_id: str, event_body: Any, topic_arn: str, region_name: str) -> None:
        def send() -> None:
            topics = clients(Scope(account_id, region_name), "sns")
            topics.publish(
                TopicArn=topic_arn, Subject="Amazon S3 Notification", Message=json.dumps(event_body)
            )

        submit(f"S3's notifications to {topic_arn}", send)

    notifications._send_sqs_message = to_queue
    notifications._send_sns_message = to_topic
    notifications._invoke_awslambda = _no_function


def _no_function(account_id: str, event_body: Any, fn_arn: str, region_name: str) -> None:
    _log.warning("not invoked by S3, since no function runs here: %s", fn_arn)
