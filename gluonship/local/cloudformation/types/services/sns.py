"""Amazon SNS. A topic delivers to queues, HTTP and the services of this cloud; mail and SMS are only kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN
from gluonship.local.cloudformation.types.declaration import (
    Call,
    Change,
    Flow,
    Name,
    Read,
    Refused,
    Request,
    ResourceType,
    Tagging,
)
from gluonship.local.cloudformation.types.services.delivery_policies import TOPIC_POLICY
from gluonship.local.cloudformation.types.steps import attribute, listed, there

_TOPIC = {"TopicArn": "{TopicArn}"}
_SUBSCRIPTION = {"SubscriptionArn": "{SubscriptionArn}"}


def _set(name: str, reset: str = "") -> Any:
    return attribute("SetTopicAttributes", _TOPIC, name, reset=reset)


def _of_subscription(name: str, reset: str = "") -> Any:
    return attribute("SetSubscriptionAttributes", _SUBSCRIPTION, name, reset=reset)


def _subscriptions(change: Change) -> Flow:
    """Subscriptions given inside the topic. Those taken away are ended, as the API lists them."""
    topic = {"TopicArn": change.known["TopicArn"]}
    new, old = listed(change.new), listed(change.old)
    if any(each not in new for each in old):
        answer = yield Request("ListSubscriptionsByTopic", topic)
        for found in answer.get("Subscriptions", []):
            here = {"Protocol": found.get("Protocol"), "Endpoint": found.get("Endpoint")}
            if UNKNOWN in here.values() or (here in old and here not in new):
                yield Request("Unsubscribe", {"SubscriptionArn": found["SubscriptionArn"]}, gone_is_fine=True)
    for each in new:
        if each not in old:
            members = each if isinstance(each, Mapping) else {"Protocol": UNKNOWN, "Endpoint": UNKNOWN}
            yield Request("Subscribe", {**topic, **members})


def _topic_attributes(properties: dict[str, Any]) -> dict[str, Any]:
    """A FIFO topic must be one from the start."""
    fifo = properties.pop("FifoTopic", None)
    if fifo:
        properties["Attributes"] = {"FifoTopic": "true"}
    return properties


TOPIC = ResourceType(
    "sns",
    create=Call("CreateTopic"),
    must_be_new=there(
        "GetTopicAttributes", {"TopicArn": "arn:{partition}:sns:{region}:{account}:{TopicName}"}, "Attributes"
    ),
    delete=Call("DeleteTopic", _TOPIC),
    read=Read("GetTopicAttributes", _TOPIC, "Attributes"),
    name=Name("TopicName", max_length=256),
    members={"TopicName": "Name"},
    takes=("FifoTopic",),
    prepare=_topic_attributes,
    parts={
        "DisplayName": _set("DisplayName"),
        "KmsMasterKeyId": _set("KmsMasterKeyId"),
        "TracingConfig": _set("TracingConfig", "PassThrough"),
        "SignatureVersion": _set("SignatureVersion", "1"),
        "ContentBasedDeduplication": _set("ContentBasedDeduplication", "false"),
        "Subscription": _subscriptions,
    },
    recorded={
        "KmsMasterKeyId": "kept and shown; messages are not encrypted on this machine",
        "TracingConfig": "kept and shown; nothing is traced",
        "DeliveryStatusLogging": "kept with the stack only; deliveries are not logged",
        "DataProtectionPolicy": "kept with the stack only; messages are not searched for sensitive data",
        "FifoThroughputScope": "kept with the stack only",
        "MaximumMessageSize": "kept with the stack only",
    },
    refused={"ArchivePolicy": "messages are not archived here"},
    tagging=Tagging("TagResource", "UntagResource", {"ResourceArn": "{TopicArn}"}),
    snapshot={"Tags": Read("ListTagsForResource", {"ResourceArn": "{TopicArn}"}, "Tags")},
    volatile=("SubscriptionsConfirmed", "SubscriptionsPending", "SubscriptionsDeleted"),
    note="delivers to queues and HTTP; mail and SMS are kept, not sent",
)


def _subscribed(change: Change) -> Flow:
    """Subscribing the same endpoint again would give the same subscription."""
    wanted = (change.new["Protocol"], change.new.get("Endpoint"))
    request = {"TopicArn": change.new["TopicArn"]}
    while True:
        answer = yield Request("ListSubscriptionsByTopic", request, gone_is_fine=True)
        for each in answer.get("Subscriptions", ()):
            if (each["Protocol"], each["Endpoint"]) == wanted:
                return each
        if not answer.get("NextToken"):
            return None
        request = {**request, "NextToken": answer["NextToken"]}


SUBSCRIPTION = ResourceType(
    "sns",
    create=Call("Subscribe", {"ReturnSubscriptionArn": True}),
    must_be_new=_subscribed,
    delete=Call("Unsubscribe", _SUBSCRIPTION),
    read=Read("GetSubscriptionAttributes", _SUBSCRIPTION, "Attributes"),
    attributes={"Arn": "{SubscriptionArn}"},
    parts={
        "FilterPolicy": _of_subscription("FilterPolicy", "{}"),
        "FilterPolicyScope": _of_subscription("FilterPolicyScope", "MessageAttributes"),
        "RawMessageDelivery": _of_subscription("RawMessageDelivery", "false"),
        "RedrivePolicy": _of_subscription("RedrivePolicy", "{}"),
        "DeliveryPolicy": _of_subscription("DeliveryPolicy", "{}"),
    },
    recorded={
        "DeliveryPolicy": "kept and shown; a delivery is tried once",
        "RedrivePolicy": "kept and shown; there is no dead-letter queue for a delivery that fails",
        "Region": "kept with the stack only; topics are reached in their own region",
        "SubscriptionRoleArn": "kept with the stack only; Firehose does not run here",
        "ReplayPolicy": "kept with the stack only; messages are not archived here",
    },
    refused={
        "Protocol": Refused(
            "Lambda code does not run here",
            ("http", "https", "email", "email-json", "sms", "sqs", "application", "firehose"),
        )
    },
    note="mail and SMS are kept, not sent",
)

TYPES: Mapping[str, ResourceType] = {
    "AWS::SNS::Topic": TOPIC,
    "AWS::SNS::TopicPolicy": TOPIC_POLICY,
    "AWS::SNS::Subscription": SUBSCRIPTION,
}
