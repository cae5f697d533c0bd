"""AWS IAM. Roles and policies are kept and shown; the local cloud enforces none (AWS's own errors for missing
rights are not seen here)."""

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
    Step,
    Tagging,
)
from gluonship.local.cloudformation.types.mapping import as_text
from gluonship.local.cloudformation.types.steps import attached, listed, put, put_text

_ROLE = {"RoleName": "{RoleName}"}


def inline(one: str) -> Step:
    """The Policies property of a role, user or group."""
    named = f"{one}Name"

    def step(change: Change) -> Flow:
        owner = {named: change.known[named]}
        new = {each["PolicyName"]: each["PolicyDocument"] for each in listed(change.new)}
        old = {each["PolicyName"]: each["PolicyDocument"] for each in listed(change.old)}
        for name in old:
            if name not in new:
                yield Request(f"Delete{one}Policy", {**owner, "PolicyName": name}, gone_is_fine=True)
        for name, document in new.items():
            if old.get(name) != document:
                yield Request(
                    f"Put{one}Policy", {**owner, "PolicyName": name, "PolicyDocument": as_text(document)}
                )

    return step


def emptied(one: str) -> Step:
    """Before a role, user or group goes: what the stack, and AWS::IAM::Policy, put on it."""
    named = f"{one}Name"

    def step(change: Change) -> Flow:
        owner = {named: change.known[named]}
        answer = yield Request(f"ListAttached{one}Policies", owner)
        for each in answer["AttachedPolicies"]:
            yield Request(f"Detach{one}Policy", {**owner, "PolicyArn": each["PolicyArn"]}, gone_is_fine=True)
        answer = yield Request(f"List{one}Policies", owner)
        for name in answer["PolicyNames"]:
            yield Request(f"Delete{one}Policy", {**owner, "PolicyName": name}, gone_is_fine=True)

    return step


ROLE = ResourceType(
    "iam",
    create=Call("CreateRole"),
    update=(Call("UpdateRole", _ROLE),),
    delete=Call("DeleteRole", _ROLE),
    read=Read("GetRole", _ROLE, "Role"),
    name=Name("RoleName", max_length=64),
    resets={"Description": "", "MaxSessionDuration": 3600},
    parts={
        "AssumeRolePolicyDocument": put_text("UpdateAssumeRolePolicy", "PolicyDocument", _ROLE),
        "ManagedPolicyArns": attached("AttachRolePolicy", "DetachRolePolicy", "PolicyArn", _ROLE),
        "Policies": inline("Role"),
        "PermissionsBoundary": put(
            "PutRolePermissionsBoundary",
            "PermissionsBoundary",
            _ROLE,
            remove="DeleteRolePermissionsBoundary",
        ),
    },
    before_delete=emptied("Role"),
    tagging=Tagging("TagRole", "UntagRole", _ROLE),
    snapshot={
        "Attached": Read("ListAttachedRolePolicies", _ROLE, "AttachedPolicies"),
        "Inline": Read("ListRolePolicies", _ROLE, "PolicyNames"),
        "Tags": Read("ListRoleTags", _ROLE, "Tags"),
    },
    volatile=("RoleLastUsed",),
    note="can be assumed and passed; its policies are kept and shown, not enforced",
)

TYPES: Mapping[str, ResourceType] = {"AWS::IAM::Role": ROLE}
