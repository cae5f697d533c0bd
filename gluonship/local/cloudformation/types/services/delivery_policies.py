"""AWS::SNS::TopicPolicy and AWS::SQS::QueuePolicy: one document put on several topics or queues."""

from __future__ import annotations

from typing import Any

from gluonship.local.cloudformation.types.declaration import Change, Flow, Request, ResourceType
from gluonship.local.cloudformation.types.mapping import as_text
from gluonship.local.cloudformation.types.steps import listed

_KEPT = "kept and shown; IAM is not enforced here"
_DEFAULT_ACTIONS = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)


def _topic_request(topic: Any, document: Any, gone_is_fine: bool = False) -> Request:
    members = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": as_text(document)}
    return Request("SetTopicAttributes", members, gone_is_fine=gone_is_fine)


def _default(topic: Any, account: Any) -> dict[str, Any]:
    """What a new topic has: AWS puts it back, for a topic is never without a policy."""
    statement = {
        "Effect": "Allow",
        "Sid": "__default_statement_ID",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in _DEFAULT_ACTIONS],
        "Resource": topic,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}


def _topics(change: Change) -> Flow:
    new, old = change.new or {}, change.old or {}
    for topic in listed(new.get("Topics")):
        yield _topic_request(topic, new["PolicyDocument"])
    for topic in listed(old.get("Topics")):
        if topic not in listed(new.get("Topics")):
            yield _topic_request(topic, _default(topic, change.known["account"]), gone_is_fine=True)


def _queues(change: Change) -> Flow:
    new, old = change.new or {}, change.old or {}
    for queue in listed(new.get("Queues")):
        policy = {"Policy": as_text(new["PolicyDocument"])}
        yield Request("SetQueueAttributes", {"QueueUrl": queue, "Attributes": policy})
    for queue in listed(old.get("Queues")):
        if queue not in listed(new.get("Queues")):
            members = {"QueueUrl": queue, "Attributes": {"Policy": ""}}
            yield Request("SetQueueAttributes", members, gone_is_fine=True)


TOPIC_POLICY = ResourceType(
    "sns",
    create=_topics,
    update=_topics,
    delete=_topics,
    takes=("Topics", "PolicyDocument"),
    ref="{generated_id}",
    attributes={"Id": "{generated_id}"},
    effect="recorded",
    note=_KEPT,
)
QUEUE_POLICY = ResourceType(
    "sqs",
    create=_queues,
    update=_queues,
    delete=_queues,
    takes=("Queues", "PolicyDocument"),
    ref="{generated_id}",
    attributes={"Id": "{generated_id}"},
    effect="recorded",
    note=_KEPT,
)
