"""CloudFormation's lifecycle rules as S3's API has them (PutBucketLifecycleConfiguration).

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-rule.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """One rule. Its keys are valid by CloudFormation's schema already."""
    made: dict[str, Any] = {"ID": rule["Id"]} if "Id" in rule else {}
    made.update(Status=rule["Status"], Filter=_filter(rule))
    expiration = {
        member: rule[name]
        for name, member in (
            ("ExpirationInDays", "Days"),
            ("ExpirationDate", "Date"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if name in rule
    }
    if expiration:
        made["Expiration"] = expiration
    transitions = [*rule.get("Transitions", []), *_one(rule, "Transition")]
    if transitions:
        made["Transitions"] = [_transition(each, "Days") for each in transitions]
    older = [*rule.get("NoncurrentVersionTransitions", []), *_one(rule, "NoncurrentVersionTransition")]
    if older:
        made["NoncurrentVersionTransitions"] = [_transition(each, "NoncurrentDays") for each in older]
    if "NoncurrentVersionExpirationInDays" in rule:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if name in rule:
            made[name] = dict(rule[name])
    return made


def _one(rule: Mapping[str, Any], name: str) -> list[Any]:
    return [rule[name]] if name in rule else []


def _transition(value: Mapping[str, Any], days: str) -> dict[str, Any]:
    renamed = {"TransitionInDays": days, "TransitionDate": "Date"}
    return {renamed.get(name, name): each for name, each in value.items()}


def _filter(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The API wants `And` as soon as there is more than one condition."""
    prefix = {"Prefix": rule["Prefix"]} if "Prefix" in rule else {}
    tags = [{"Key": each["Key"], "Value": each["Value"]} for each in rule.get("TagFilters", [])]
    sizes = {
        name: int(rule[name]) for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan") if name in rule
    }
    if len(prefix) + len(tags) + len(sizes) > 1:
        return {"And": {**prefix, **({"Tags": tags} if tags else {}), **sizes}}
    if tags:
        return {"Tag": tags[0]}
    return {**prefix, **sizes} or {"Prefix": ""}
