"""The targets that this cloud delivers to, by their ARNs: state machines, topics, queues, log groups, buses.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from gluonship.local.contracts import Clients, Scope
from gluonship.local.events.arns import Arn
from gluonship.local.events.failures import Undeliverable


@dataclass(frozen=True)
class Message:
    """What goes to a target."""

    text: str
    event_id: str
    source_arn: str  # the rule's or the schedule's
    milliseconds: int  # when it goes out


@dataclass(frozen=True)
class TargetKind:
    """One kind of target: which ARNs, and how it is called."""

    title: str
    service: str
    kind: str  # of the ARN's resource
    send: Callable[[Clients, Arn, Message, Mapping[str, Any]], None]
    needs_role: bool = False  # also for a target in the rule's own account and region
    note: str = ""


def kind_of(arn: Arn) -> TargetKind | None:
    """None for a target that this cloud cannot call."""
    for each in TARGETS:
        if (each.service, each.kind) == (arn.service, arn.kind):
            return each
    return None


def _start_execution(clients: Clients, arn: Arn, message: Message, _: Mapping[str, Any]) -> None:
    try:
        json.loads(message.text)
    except ValueError as error:
        raise Undeliverable("INVALID_JSON", f"the input is no JSON: {message.text[:200]}") from error
    # One name for every attempt: a machine that did start is not started again.
    name = f"{message.event_id}_{uuid.uuid5(uuid.NAMESPACE_URL, message.source_arn + arn.text)}"
    clients(arn.scope, "stepfunctions").start_execution(
        stateMachineArn=arn.text, name=name, input=message.text
    )


def _publish(clients: Clients, arn: Arn, message: Message, _: Mapping[str, Any]) -> None:
    clients(arn.scope, "sns").publish(TopicArn=arn.text, Message=message.text)


def _send_message(clients: Clients, arn: Arn, message: Message, target: Mapping[str, Any]) -> None:
    queues = clients(arn.scope, "sqs")
    url = queues.get_queue_url(QueueName=arn.resource)["QueueUrl"]
    group = target.get("SqsParameters", {}).get("MessageGroupId")
    queues.send_message(
        QueueUrl=url, MessageBody=message.text, **({"MessageGroupId": group} if group else {})
    )


def _put_log_event(clients: Clients, arn: Arn, message: Message, _: Mapping[str, Any]) -> None:
    logs = clients(arn.scope, "logs")
    names = {
        "logGroupName": arn.name.removesuffix(":*"),
        "logStreamName": str(uuid.uuid5(uuid.NAMESPACE_URL, message.source_arn)),
    }
    try:
        logs.create_log_stream(**names)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
    answer = logs.put_log_events(
        **names, logEvents=[{"timestamp": message.milliseconds, "message": message.text}]
    )
    if answer.get("rejectedLogEventsInfo"):
        raise Undeliverable("INVALID_PARAMETER", f"rejected: {answer['rejectedLogEventsInfo']}")


def _to_bus(*_: Any) -> None:
    raise AssertionError("a bus is handed the event itself: buses.Buses")


BUS = TargetKind(
    "EventBridge event bus", "events", "event-bus", _to_bus, note="Bus policies are not asked; five hops."
)
TARGETS = (
    TargetKind(
        "Step Functions state machine",
        "states",
        "stateMachine",
        _start_execution,
        needs_role=True,
        note="StartExecution; the role is recorded, not assumed.",
    ),
    TargetKind("SNS topic", "sns", "", _publish, note="Topic policies are not asked."),
    TargetKind("SQS queue", "sqs", "", _send_message, note="Queue policies are not asked."),
    TargetKind(
        "CloudWatch log group", "logs", "log-group", _put_log_event, note="One log stream for each rule."
    ),
    BUS,
)


def bury(clients: Clients, queue_arn: str, text: str, attributes: Mapping[str, str]) -> None:
    """Puts a dead letter into its queue, in the queue's own scope. Raises what the call raises."""
    arn = Arn.parse(queue_arn)
    queues = clients(Scope(arn.scope.account_id, arn.scope.region), "sqs")
    queues.send_message(
        QueueUrl=queues.get_queue_url(QueueName=arn.resource)["QueueUrl"],
        MessageBody=text,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value or " "} for name, value in attributes.items()
        },
    )
