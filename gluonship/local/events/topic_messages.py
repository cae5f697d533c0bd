"""A message of a topic, as queues and HTTP endpoints get it.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import urllib3

from gluonship.local.contracts import Clients
from gluonship.local.events.arns import Arn
from gluonship.local.events.deliveries import RetryPolicy
from gluonship.local.events.failures import Undeliverable

# https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
QUEUE_RETRY = RetryPolicy(attempts=100_015, age=timedelta(days=23))
HTTP_RETRY = RetryPolicy(attempts=50, age=timedelta(hours=1))
_TIMEOUT_SECONDS = 15.0


class NotTaken(Exception):
    """An endpoint did not answer with success; it is asked again."""


@dataclass(frozen=True)
class Publication:
    topic_arn: str
    subscription_arn: str
    message_id: str
    text: str  # the message itself where `raw`, else SNS's JSON around it
    raw: bool
    attributes: Mapping[str, Mapping[str, Any]]  # moto's: name to Type and Value
    group_id: str | None = None
    deduplication_id: str | None = None


def to_queue(clients: Clients, queue: Arn, publication: Publication) -> None:
    """Into a queue of any account; raw messages with their attributes."""
    queues = clients(queue.scope, "sqs")
    more: dict[str, Any] = {}
    if publication.raw and publication.attributes:
        more["MessageAttributes"] = {name: _attribute(each) for name, each in publication.attributes.items()}
    if publication.group_id:
        more["MessageGroupId"] = publication.group_id
        more["MessageDeduplicationId"] = publication.deduplication_id or publication.message_id
    url = queues.get_queue_url(QueueName=queue.resource)["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody=publication.text, **more)


def post(pool: urllib3.PoolManager, url: str, publication: Publication) -> None:
    """To an HTTP endpoint. Raises Undeliverable where it refuses for good, else NotTaken."""
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-id": publication.message_id,
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-subscription-arn": publication.subscription_arn,
        "x-amz-sns-topic-arn": publication.topic_arn,
        **({"x-amz-sns-rawdelivery": "true"} if publication.raw else {}),
    }
    try:
        answer = pool.request(
            "POST",
            url,
            body=publication.text.encode(),
            headers=headers,
            timeout=_TIMEOUT_SECONDS,
            retries=False,
            redirect=False,
        )
    except urllib3.exceptions.HTTPError as error:
        raise NotTaken(str(error)) from error
    if 400 <= answer.status < 500 and answer.status != 429:
        raise Undeliverable("ERROR_FROM_TARGET", f"{url} answered {answer.status}")
    if answer.status >= 300:
        raise NotTaken(f"{url} answered {answer.status}")


def _attribute(given: Mapping[str, Any]) -> dict[str, Any]:
    kind = given["Type"]
    member = "BinaryValue" if kind.startswith("Binary") else "StringValue"
    value = given["Value"]
    return {"DataType": kind, member: value if member == "BinaryValue" else str(value)}
