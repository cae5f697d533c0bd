"""AWS::SNS::TopicPolicy and AWS::SQS::QueuePolicy: one document put on several topics or queues."""

from __future__ import annotations

import json
from typing import Any

from gluonship.local.cloudformation.types.declaration import Change, Flow, Request, ResourceType
from gluonship.local.cloudformation.types.mapping import as_text
from gluonship.local.cloudformation.types.steps import all_or_none, listed

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


def _queue_request(queue: Any, policy: Any, gone_is_fine: bool = False) -> Request:
    members = {"QueueUrl": queue, "Attributes": {"Policy": policy}}
    return Request("SetQueueAttributes", members, gone_is_fine=gone_is_fine)


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
    put = [
        (
            _topic_request(topic, new["PolicyDocument"]),
            _topic_request(topic, _default(topic, change.known["account"])),
        )
        for topic in listed(new.get("Topics"))
    ]
    yield from all_or_none(put) if change.old is None else (request for request, _ in put)
    for topic in listed(old.get("Topics")):
        if topic not in listed(new.get("Topics")):
            yield _topic_request(topic, _default(topic, change.known["account"]), gone_is_fine=True)


def _queues(change: Change) -> Flow:
    new, old = change.new or {}, change.old or {}
    put = [
        (_queue_request(queue, as_text(new["PolicyDocument"])), _queue_request(queue, ""))
        for queue in listed(new.get("Queues"))
    ]
    yield from all_or_none(put) if change.old is None else (request for request, _ in put)
    for queue in listed(old.get("Queues")):
        if queue not in listed(new.get("Queues")):
            yield _queue_request(queue, "", gone_is_fine=True)


def _topics_with_policy(change: Change) -> Flow:
    """Those whose policy is no longer the one that AWS gave them."""
    found = []
    for topic in listed(change.new["Topics"]):
        answer = yield Request("GetTopicAttributes", {"TopicArn": topic}, gone_is_fine=True)
        policy: Any = json.loads(answer.get("Attributes", {}).get("Policy") or "null")
        if policy not in (None, _default(topic, change.known["account"])):
            found.append(topic)
    return found


def _queues_with_policy(change: Change) -> Flow:
    found = []
    for queue in listed(change.new["Queues"]):
        members = {"QueueUrl": queue, "AttributeNames": ["Policy"]}
        answer = yield Request("GetQueueAttributes", members, gone_is_fine=True)
        if answer.get("Attributes", {}).get("Policy"):
            found.append(queue)
    return found


TOPIC_POLICY = ResourceType(
    "sns",
    create=_topics,
    must_be_new=_topics_with_policy,
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
    must_be_new=_queues_with_policy,
    update=_queues,
    delete=_queues,
    takes=("Queues", "PolicyDocument"),
    ref="{generated_id}",
    attributes={"Id": "{generated_id}"},
    effect="recorded",
    note=_KEPT,
)
