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


def _same_filter(change: Change) -> Flow:
    """The API finds filters by how their names begin."""
    new = change.new
    members = {"logGroupName": new["LogGroupName"], "filterNamePrefix": new["FilterName"]}
    answer = yield Request("DescribeMetricFilters", members, gone_is_fine=True)
    found = answer.get("metricFilters", ())
    return [each for each in found if each["filterName"] == new["FilterName"]]


_FILTER = {"logGroupName": "{LogGroupName}", "filterName": "{FilterName}"}
METRIC_FILTER = ResourceType(
    "logs",
    create=Call("PutMetricFilter"),
    must_be_new=_same_filter,
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


def _same_policy(change: Change) -> Flow:
    answer = yield Request("DescribeResourcePolicies")
    return [each for each in answer["resourcePolicies"] if each["policyName"] == change.new["PolicyName"]]


RESOURCE_POLICY = ResourceType(
    "logs",
    create=Call("PutResourcePolicy"),
    must_be_new=_same_policy,
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
