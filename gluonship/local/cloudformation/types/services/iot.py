"""AWS IoT Core: things and policies are kept and shown; no device connects to this cloud."""

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
)
from gluonship.local.cloudformation.types.mapping import as_text

_THING = {"thingName": "{ThingName}"}
THING = ResourceType(
    "iot",
    create=Call("CreateThing"),
    must_be_new=True,
    update=(Call("UpdateThing"),),
    delete=Call("DeleteThing", _THING),
    read=Read("DescribeThing", _THING),
    name=Name("ThingName", max_length=128),
    ref="{ThingName}",
    attributes={"Arn": "{thingArn}", "Id": "{thingId}"},
    resets={"AttributePayload": {"attributes": {}, "merge": False}},
    volatile=("version",),
    effect="recorded",
    note="AWS::IoT::Thing is kept and shown; no device connects to this cloud",
)

_POLICY = {"policyName": "{PolicyName}"}


def _without_old_versions(change: Change) -> Flow:
    name = {"policyName": change.known["PolicyName"]}
    answer = yield Request("ListPolicyVersions", name)
    for version in answer["policyVersions"]:
        if version["isDefaultVersion"] is not True:
            gone = {**name, "policyVersionId": version["versionId"]}
            yield Request("DeletePolicyVersion", gone, gone_is_fine=True)


def _document(change: Change) -> Flow:
    yield from _without_old_versions(change)
    members = {"policyName": change.known["PolicyName"], "policyDocument": as_text(change.new)}
    yield Request("CreatePolicyVersion", {**members, "setAsDefault": True})


POLICY = ResourceType(
    "iot",
    create=Call("CreatePolicy"),
    delete=Call("DeletePolicy", _POLICY),
    read=Read("GetPolicy", _POLICY),
    name=Name("PolicyName", max_length=128),
    ref="{PolicyName}",
    attributes={"Arn": "{policyArn}", "Id": "{policyName}"},
    parts={"PolicyDocument": _document},
    before_delete=_without_old_versions,
    recorded={"Tags": "kept with the stack only; the local cloud tags no IoT policies"},
    volatile=("defaultVersionId", "generationId"),
    effect="recorded",
    note="AWS::IoT::Policy is kept and shown; no device connects to this cloud",
)

TYPES: Mapping[str, ResourceType] = {"AWS::IoT::Thing": THING, "AWS::IoT::Policy": POLICY}
