"""Everything that can be read of an account, by the services' own calls: what a roll back must restore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from local_clouds import LocalCloud

# What changes by itself, or counts changes.
_VOLATILE = frozenset(
    {"LastModifiedTimestamp", "CreatedTimestamp", "Version", "revisionId", "ResponseMetadata"}
)


@dataclass(frozen=True)
class Kind:
    """Resources of one kind: the call that lists them, and those that read one of them."""

    service: str
    listing: str
    items: str
    # operation, then its members and the members of the listed item that go there ("": the item itself)
    reads: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def _buckets(*subresources: str) -> dict[str, dict[str, str]]:
    reads = {f"get_bucket_{each}": {"Bucket": "Name"} for each in subresources}
    return {**reads, "get_public_access_block": {"Bucket": "Name"}, "list_objects_v2": {"Bucket": "Name"}}


KINDS = (
    Kind(
        "s3",
        "list_buckets",
        "Buckets",
        _buckets("versioning", "encryption", "lifecycle_configuration", "tagging", "policy", "acl", "cors"),
    ),
    Kind("ssm", "describe_parameters", "Parameters", {"get_parameter": {"Name": "Name"}}),
    Kind(
        "sqs",
        "list_queues",
        "QueueUrls",
        {"get_queue_attributes": {"QueueUrl": ""}, "list_queue_tags": {"QueueUrl": ""}},
    ),
    Kind(
        "sns",
        "list_topics",
        "Topics",
        {
            "get_topic_attributes": {"TopicArn": "TopicArn"},
            "list_subscriptions_by_topic": {"TopicArn": "TopicArn"},
            "list_tags_for_resource": {"ResourceArn": "TopicArn"},
        },
    ),
    Kind(
        "logs",
        "describe_log_groups",
        "logGroups",
        {"list_tags_log_group": {"logGroupName": "logGroupName"}},
    ),
    Kind(
        "iam",
        "list_roles",
        "Roles",
        {
            "get_role": {"RoleName": "RoleName"},
            "list_role_policies": {"RoleName": "RoleName"},
            "list_attached_role_policies": {"RoleName": "RoleName"},
        },
    ),
    Kind(
        "stepfunctions",
        "list_state_machines",
        "stateMachines",
        {
            "describe_state_machine": {"stateMachineArn": "stateMachineArn"},
            "list_tags_for_resource": {"resourceArn": "stateMachineArn"},
        },
    ),
    Kind(
        "events",
        "list_rules",
        "Rules",
        {
            "describe_rule": {"Name": "Name"},
            "list_targets_by_rule": {"Rule": "Name"},
            "list_tags_for_resource": {"ResourceARN": "Arn"},
        },
    ),
    Kind(
        "cloudwatch",
        "describe_alarms",
        "MetricAlarms",
        {"list_tags_for_resource": {"ResourceARN": "AlarmArn"}},
    ),
    Kind(
        "ecr",
        "describe_repositories",
        "repositories",
        {
            "list_tags_for_resource": {"resourceArn": "repositoryArn"},
            "get_lifecycle_policy": {"repositoryName": "repositoryName"},
        },
    ),
    Kind(
        "sagemaker",
        "list_models",
        "Models",
        {"describe_model": {"ModelName": "ModelName"}, "list_tags": {"ResourceArn": "ModelArn"}},
    ),
    Kind(
        "sagemaker",
        "list_endpoint_configs",
        "EndpointConfigs",
        {
            "describe_endpoint_config": {"EndpointConfigName": "EndpointConfigName"},
            "list_tags": {"ResourceArn": "EndpointConfigArn"},
        },
    ),
    Kind("sagemaker", "list_endpoints", "Endpoints", {"describe_endpoint": {"EndpointName": "EndpointName"}}),
)


def account(cloud: LocalCloud, kinds: Sequence[Kind] = KINDS) -> dict[str, Any]:
    """By listing call, every resource with every read of it, without times and counters."""
    with ThreadPoolExecutor(4) as pool:
        states = pool.map(lambda kind: _state(cloud.client(kind.service), kind), kinds)
        return {kind.listing: state for kind, state in zip(kinds, states, strict=True)}


def _state(client: Any, kind: Kind) -> list[Any]:
    listed = _all(client, kind)
    states = []
    for item in listed:
        read = {
            operation: _read(client, operation, {m: item[of] if of else item for m, of in members.items()})
            for operation, members in kind.reads.items()
        }
        states.append({"listed": _stable(item), **read})
    return sorted(states, key=repr)


def _all(client: Any, kind: Kind) -> list[Any]:
    if not client.can_paginate(kind.listing):
        return list(getattr(client, kind.listing)().get(kind.items, []))
    pages = client.get_paginator(kind.listing).paginate()
    return [item for page in pages for item in page.get(kind.items, [])]


def _read(client: Any, operation: str, members: dict[str, Any]) -> Any:
    if operation == "get_queue_attributes":
        members["AttributeNames"] = ["All"]
    try:
        return _stable(getattr(client, operation)(**members))
    except ClientError as error:  # there is none of it: NoSuchTagSet
        return error.response["Error"]["Code"]


def _stable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _stable(each)
            for name, each in value.items()
            if name not in _VOLATILE and not isinstance(each, datetime)
        }
    if isinstance(value, list):
        return [_stable(each) for each in value]
    return value
