"""EC2's security groups and their rules. Kept and shown; no traffic is filtered on this machine."""

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
    Step,
)
from gluonship.local.cloudformation.types.services.ec2_tags import tags_on
from gluonship.local.cloudformation.types.steps import listed

_EVERYTHING = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}


def permission(rule: Any) -> dict[str, Any]:
    """A rule of CloudFormation's as the API's IpPermission."""
    if not isinstance(rule, Mapping):
        return {}
    made: dict[str, Any] = {"IpProtocol": rule["IpProtocol"]}
    made.update({name: rule[name] for name in ("FromPort", "ToPort") if name in rule})
    said = {"Description": rule["Description"]} if "Description" in rule else {}
    if "CidrIp" in rule:
        made["IpRanges"] = [{"CidrIp": rule["CidrIp"], **said}]
    if "CidrIpv6" in rule:
        made["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **said}]
    for name in ("SourcePrefixListId", "DestinationPrefixListId"):
        if name in rule:
            made["PrefixListIds"] = [{"PrefixListId": rule[name], **said}]
    for name in ("SourceSecurityGroupId", "DestinationSecurityGroupId"):
        if name in rule:
            made["UserIdGroupPairs"] = [{"GroupId": rule[name], **said}]
    return made


def _inline(direction: str) -> Step:
    """The rules inside a group. Where egress is given, AWS's own rule that lets everything out goes."""

    def step(change: Change) -> Flow:
        group = {"GroupId": change.known["GroupId"]}
        given = [_EVERYTHING] if direction == "Egress" else []
        new = listed(change.new) if change.new is not None else given
        old = listed(change.old) if change.old is not None else given
        gone = [permission(each) for each in old if each not in new]
        added = [permission(each) for each in new if each not in old]
        if gone:
            members = {**group, "IpPermissions": gone}
            yield Request(f"RevokeSecurityGroup{direction}", members, gone_is_fine=True)
        if added:
            yield Request(f"AuthorizeSecurityGroup{direction}", {**group, "IpPermissions": added})

    return step


_GROUP = {"GroupId": "{GroupId}"}
_NOTE = "is kept and shown; no traffic is filtered on this machine"

SECURITY_GROUP = ResourceType(
    "ec2",
    create=Call("CreateSecurityGroup"),
    delete=Call("DeleteSecurityGroup", _GROUP),
    read=Read("DescribeSecurityGroups", {"GroupIds": ["{GroupId}"]}, "SecurityGroups.0"),
    name=Name("GroupName", max_length=255),
    members={"GroupDescription": "Description"},
    ref="{GroupId}",
    attributes={"Id": "{GroupId}"},
    parts={"SecurityGroupIngress": _inline("Ingress"), "SecurityGroupEgress": _inline("Egress")},
    tagging=tags_on("GroupId"),
    effect="recorded",
    note=f"AWS::EC2::SecurityGroup {_NOTE}",
)


def _rule(direction: str, *others: str) -> ResourceType:
    def authorise(change: Change) -> Flow:
        members = {"GroupId": change.new["GroupId"], "IpPermissions": [permission(change.new)]}
        answer = yield Request(f"AuthorizeSecurityGroup{direction}", members)
        return {"Id": answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]}

    def revoke(change: Change) -> Flow:
        members = {"GroupId": change.old["GroupId"], "IpPermissions": [permission(change.old)]}
        yield Request(f"RevokeSecurityGroup{direction}", members, gone_is_fine=True)

    def redescribe(change: Change) -> Flow:
        yield from revoke(change)
        yield from authorise(change)

    by_name = {
        "GroupName": "give GroupId",
        "SourceSecurityGroupName": "give SourceSecurityGroupId",
        "SourceSecurityGroupOwnerId": "there is one account",
    }
    return ResourceType(
        "ec2",
        create=authorise,
        update=redescribe,
        delete=revoke,
        takes=("GroupId", "IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6", "Description", *others),
        ref="{Id}",
        objection=lambda properties: (
            None if "GroupId" in properties else "Properties: GroupId is required here"
        ),
        refused=by_name if direction == "Ingress" else {},
        effect="recorded",
        note=f"AWS::EC2::SecurityGroup{direction} {_NOTE}",
    )


TYPES: Mapping[str, ResourceType] = {
    "AWS::EC2::SecurityGroup": SECURITY_GROUP,
    "AWS::EC2::SecurityGroupIngress": _rule("Ingress", "SourceSecurityGroupId", "SourcePrefixListId"),
    "AWS::EC2::SecurityGroupEgress": _rule("Egress", "DestinationSecurityGroupId", "DestinationPrefixListId"),
}
