"""Queues that tests let events into, and read."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from local_clouds import LocalCloud

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/events"


@dataclass
class Queue:
    client: Any
    url: str
    arn: str

    def messages(self, number: int, within: float = 10.0) -> list[dict[str, Any]]:
        """The next `number` messages, or those that came within so many seconds."""
        found: list[dict[str, Any]] = []
        end = time.monotonic() + within
        while len(found) < number and time.monotonic() < end:
            answer = self.client.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=1, MessageAttributeNames=["All"]
            )
            for message in answer.get("Messages", []):
                self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                found.append(message)
            if not answer.get("Messages"):
                time.sleep(0.02)
        return found

    def events(self, number: int) -> list[dict[str, Any]]:
        return [json.loads(message["Body"]) for message in self.messages(number)]

    def stays_empty(self, seconds: float = 0.4) -> bool:
        return self.messages(1, seconds) == []


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def queue(cloud: LocalCloud, region: str = "us-east-1") -> Queue:
    client, name = cloud.client("sqs", region), unique("queue")
    url = client.create_queue(QueueName=name)["QueueUrl"]
    return Queue(client, url, f"arn:aws:sqs:{region}:{ACCOUNT}:{name}")


def rule_to(cloud: LocalCloud, pattern: dict[str, Any], target: dict[str, Any] | Queue, **more: Any) -> str:
    """A rule of its own name for a pattern, with one target."""
    events, name = cloud.client("events"), unique("rule")
    events.put_rule(Name=name, EventPattern=json.dumps(pattern), **more)
    bus = {"EventBusName": more["EventBusName"]} if "EventBusName" in more else {}
    chosen = {"Arn": target.arn} if isinstance(target, Queue) else target
    assert events.put_targets(Rule=name, Targets=[{"Id": "1", **chosen}], **bus)["FailedEntryCount"] == 0
    return name


def put(cloud: LocalCloud, source: str, detail: dict[str, Any] | None = None, **more: Any) -> str:
    """One event of a user's, to the default bus unless told otherwise; its id."""
    entry = {"Source": source, "DetailType": "test", "Detail": json.dumps(detail or {}), **more}
    [answer] = cloud.client("events").put_events(Entries=[entry])["Entries"]
    return str(answer["EventId"])
