"""Amazon SQS. Queues really hold messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.types.declaration import (
    Call,
    Change,
    Flow,
    Name,
    Read,
    Request,
    ResourceType,
    Tagging,
)
from gluonship.local.cloudformation.types.mapping import as_text
from gluonship.local.cloudformation.types.services.delivery_policies import QUEUE_POLICY
from gluonship.local.cloudformation.types.steps import there

_QUEUE = {"QueueUrl": "{QueueUrl}"}
_DEFAULTS: dict[str, Any] = {
    "ContentBasedDeduplication": "false",
    "DelaySeconds": "0",
    "KmsDataKeyReusePeriodSeconds": "300",
    "KmsMasterKeyId": "",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedriveAllowPolicy": "",
    "RedrivePolicy": "",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}


def _attributes(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: as_text(properties[name]) for name in (*_DEFAULTS, "FifoQueue") if name in properties}


def _create(change: Change) -> Flow:
    members = {"QueueName": change.new["QueueName"], "Attributes": _attributes(change.new)}
    if change.new.get("FifoQueue") is False:
        del members["Attributes"]["FifoQueue"]  # AWS knows only true
    return (yield Request("CreateQueue", members))


def _update(change: Change) -> Flow:
    wanted = {
        **{name: _DEFAULTS[name] for name in change.old if name in _DEFAULTS},
        **_attributes(change.new),
    }
    wanted.pop("FifoQueue", None)
    yield Request("SetQueueAttributes", {"QueueUrl": change.known["QueueUrl"], "Attributes": wanted})


QUEUE = ResourceType(
    "sqs",
    create=_create,
    must_be_new=there("GetQueueUrl", {"QueueName": "{QueueName}"}),
    update=_update,
    delete=Call("DeleteQueue", _QUEUE),
    read=Read("GetQueueAttributes", {**_QUEUE, "AttributeNames": ["All"]}, "Attributes"),
    takes=("QueueName", "FifoQueue", *_DEFAULTS),
    name=Name("QueueName", max_length=80),
    ref="{QueueUrl}",
    attributes={"Arn": "{QueueArn}"},
    recorded={
        "KmsMasterKeyId": "kept and shown; messages are not encrypted on this machine",
        "KmsDataKeyReusePeriodSeconds": "kept and shown; messages are not encrypted on this machine",
        "SqsManagedSseEnabled": "kept and shown; messages are not encrypted on this machine",
        "DeduplicationScope": "kept and shown",
        "FifoThroughputLimit": "kept and shown",
    },
    tagging=Tagging("TagQueue", "UntagQueue", _QUEUE),
    snapshot={"Tags": Read("ListQueueTags", _QUEUE, "Tags")},
    volatile=(
        "LastModifiedTimestamp",
        "CreatedTimestamp",
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
    ),
)

TYPES: Mapping[str, ResourceType] = {"AWS::SQS::Queue": QUEUE, "AWS::SQS::QueuePolicy": QUEUE_POLICY}
