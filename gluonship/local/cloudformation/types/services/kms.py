"""AWS KMS. Keys encrypt and decrypt when asked to; what other services store here is not encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.types.declaration import (
    Call,
    Change,
    Flow,
    Read,
    Refused,
    Request,
    ResourceType,
    Tagging,
)
from gluonship.local.cloudformation.types.steps import put, put_text

_KEY = {"KeyId": "{KeyId}"}


def _rotation(change: Change) -> Flow:
    key = {"KeyId": change.known["KeyId"]}
    if change.new:
        days = change.known.get("RotationPeriodInDays")
        yield Request("EnableKeyRotation", {**key, **({"RotationPeriodInDays": days} if days else {})})
    else:
        yield Request("DisableKeyRotation", key)


def _rotation_period(change: Change) -> Flow:
    """Given with EnableKeyRotation; a change of the period alone is another such call."""
    if change.known.get("EnableKeyRotation"):
        yield from _rotation(Change(change.known, True))


def _enabled(change: Change) -> Flow:
    yield Request("DisableKey" if change.new is False else "EnableKey", {"KeyId": change.known["KeyId"]})


def _schedule_deletion(change: Change) -> Flow:
    """A key is never deleted at once: it is pending for the days that the template says (30)."""
    days = (change.old or {}).get("PendingWindowInDays", 30)
    key = {"KeyId": change.known["KeyId"]}
    answer = yield Request("DescribeKey", key, gone_is_fine=True)
    if answer.get("KeyMetadata", {}).get("KeyState") != "PendingDeletion":
        yield Request("ScheduleKeyDeletion", {**key, "PendingWindowInDays": days}, gone_is_fine=True)


def _symmetric(properties: Mapping[str, Any]) -> str | None:
    if properties.get("EnableKeyRotation") is True and properties.get("KeySpec", "SYMMETRIC_DEFAULT") not in (
        "SYMMETRIC_DEFAULT",
    ):
        return "Properties/EnableKeyRotation: only keys with KeySpec SYMMETRIC_DEFAULT rotate"
    return None


KEY = ResourceType(
    "kms",
    create=Call("CreateKey"),
    delete=_schedule_deletion,
    read=Read("DescribeKey", _KEY, "KeyMetadata"),
    members={"KeyPolicy": "Policy"},
    objection=_symmetric,
    parts={
        "KeyPolicy": put_text("PutKeyPolicy", "Policy", {**_KEY, "PolicyName": "default"}),
        "Description": put("UpdateKeyDescription", "Description", _KEY, reset=""),
        "EnableKeyRotation": _rotation,
        "RotationPeriodInDays": _rotation_period,
        "Enabled": _enabled,
    },
    recorded={
        "KeyPolicy": "kept and shown; who may use the key is not enforced",
        "PendingWindowInDays": "used when the key is deleted",
        "BypassPolicyLockoutSafetyCheck": "no policy is enforced that could lock anybody out",
    },
    refused={"Origin": Refused("key material cannot be imported here", ("AWS_KMS",))},
    tagging=Tagging("TagResource", "UntagResource", _KEY),
    snapshot={
        "Policy": Read("GetKeyPolicy", {**_KEY, "PolicyName": "default"}, "Policy"),
        "Rotation": Read("GetKeyRotationStatus", _KEY),
        "Tags": Read("ListResourceTags", _KEY, "Tags"),
    },
    note="encrypts and decrypts when asked; what buckets, topics and jobs store is not encrypted",
)

ALIAS = ResourceType(
    "kms",
    create=Call("CreateAlias"),
    update=(Call("UpdateAlias"),),
    delete=Call("DeleteAlias", {"AliasName": "{AliasName}"}),
    ref="{AliasName}",
    snapshot={"Aliases": Read("ListAliases", {"KeyId": "{TargetKeyId}"}, "Aliases")},
)

TYPES: Mapping[str, ResourceType] = {"AWS::KMS::Key": KEY, "AWS::KMS::Alias": ALIAS}
