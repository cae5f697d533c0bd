"""CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Mapping

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
from gluonship.local.cloudformation.types.steps import put

_GROUP = {"logGroupName": "{LogGroupName}"}


def _key(change: Change) -> Flow:
    group = {"logGroupName": change.known["LogGroupName"]}
    if change.new is None:
        yield Request("DisassociateKmsKey", group)
    else:
        yield Request("AssociateKmsKey", {**group, "kmsKeyId": change.new})


LOG_GROUP = ResourceType(
    "logs",
    create=Call("CreateLogGroup"),
    delete=Call("DeleteLogGroup", _GROUP),
    read=Read("DescribeLogGroups", {"logGroupNamePrefix": "{LogGroupName}", "limit": 1}, "logGroups.0"),
    name=Name("LogGroupName", max_length=512),
    ref="{LogGroupName}",
    attributes={"Arn": "arn:{partition}:logs:{region}:{account}:log-group:{LogGroupName}:*"},
    parts={
        "RetentionInDays": put(
            "PutRetentionPolicy", "retentionInDays", _GROUP, remove="DeleteRetentionPolicy"
        ),
        "KmsKeyId": _key,
    },
    recorded={
        "RetentionInDays": "kept and shown; log lines stay until the cloud ends",
        "KmsKeyId": "kept and shown; log lines are not encrypted on this machine",
        "LogGroupClass": "kept with the stack only; there is one class",
        "FieldIndexPolicies": "kept with the stack only; fields are not indexed",
        "DataProtectionPolicy": "kept with the stack only; lines are not searched for sensitive data",
        "ResourcePolicyDocument": "kept with the stack only; IAM is not enforced here",
    },
    refused={
        "DeletionProtectionEnabled": "log groups are not protected from deletion here",
        "BearerTokenAuthenticationEnabled": "there is no bearer authentication here",
    },
    tagging=Tagging("TagLogGroup", "UntagLogGroup", _GROUP),
    snapshot={"Tags": Read("ListTagsLogGroup", _GROUP, "tags")},
    volatile=("storedBytes", "metricFilterCount", "creationTime"),
)

_FILTER = {"logGroupName": "{LogGroupName}", "filterName": "{FilterName}"}
METRIC_FILTER = ResourceType(
    "logs",
    create=Call("PutMetricFilter"),
    update=(Call("PutMetricFilter"),),
    delete=Call("DeleteMetricFilter", _FILTER),
    read=Read(
        "DescribeMetricFilters",
        {"logGroupName": "{LogGroupName}", "filterNamePrefix": "{FilterName}"},
        "metricFilters.0",
    ),
    name=Name("FilterName", max_length=512),
    ref="{FilterName}",
    shaped={
        "MetricTransformations": lambda value: [
            {
                name: {each["Key"]: each["Value"] for each in given} if name == "Dimensions" else given
                for name, given in transformation.items()
            }
            for transformation in value
        ]
    },
    volatile=("creationTime",),
    note="kept and shown; log lines are not turned into metrics",
    effect="recorded",
)

RESOURCE_POLICY = ResourceType(
    "logs",
    create=Call("PutResourcePolicy"),
    update=(Call("PutResourcePolicy"),),
    delete=Call("DeleteResourcePolicy", {"policyName": "{PolicyName}"}),
    ref="{PolicyName}",
    snapshot={"Policies": Read("DescribeResourcePolicies", {}, "resourcePolicies")},
    volatile=("lastUpdatedTime",),
    note="kept and shown; IAM is not enforced here",
    effect="recorded",
)

TYPES: Mapping[str, ResourceType] = {
    "AWS::Logs::LogGroup": LOG_GROUP,
    "AWS::Logs::MetricFilter": METRIC_FILTER,
    "AWS::Logs::ResourcePolicy": RESOURCE_POLICY,
}
