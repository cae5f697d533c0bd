"""AWS IAM. Roles and policies are kept and shown; the local cloud enforces none (AWS's own errors for missing
rights are not seen here)."""

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
    Request,
    ResourceType,
    Step,
    Tagging,
)
from gluonship.local.cloudformation.types.mapping import as_text
from gluonship.local.cloudformation.types.steps import all_or_none, attached, listed, put, put_text

_NOT_KNOWN_YET = {"PolicyName": UNKNOWN, "PolicyDocument": UNKNOWN}
_ROLE = {"RoleName": "{RoleName}"}


def _documents(policies: Any) -> dict[Any, Any]:
    """The documents of a Policies property by their names."""
    given = [each if isinstance(each, Mapping) else _NOT_KNOWN_YET for each in listed(policies)]
    return {each["PolicyName"]: each["PolicyDocument"] for each in given}


def inline(one: str) -> Step:
    """The Policies property of a role, user or group."""
    named = f"{one}Name"

    def step(change: Change) -> Flow:
        owner = {named: change.known[named]}
        new, old = _documents(change.new), _documents(change.old)
        for name in old:
            if name not in new:
                yield Request(f"Delete{one}Policy", {**owner, "PolicyName": name}, gone_is_fine=True)
        for name, document in new.items():
            if old.get(name) != document:
                yield Request(
                    f"Put{one}Policy", {**owner, "PolicyName": name, "PolicyDocument": as_text(document)}
                )

    return step


def taken_off(one: str) -> Step:
    """Before a role, user or group goes: what its properties put on it. AWS::IAM::Policy and ManagedPolicy
    take theirs off themselves; what else is there was put by hand, and keeps it from going."""
    policies = attached(
        f"Attach{one}Policy", f"Detach{one}Policy", "PolicyArn", {f"{one}Name": f"{{{one}Name}}"}
    )

    def step(change: Change) -> Flow:
        given = change.old or {}
        yield from policies(Change(change.known, None, given.get("ManagedPolicyArns")))
        yield from inline(one)(Change(change.known, None, given.get("Policies")))

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
    before_delete=taken_off("Role"),
    tagging=Tagging("TagRole", "UntagRole", _ROLE),
    snapshot={
        "Attached": Read("ListAttachedRolePolicies", _ROLE, "AttachedPolicies"),
        "Inline": Read("ListRolePolicies", _ROLE, "PolicyNames"),
        "Tags": Read("ListRoleTags", _ROLE, "Tags"),
    },
    volatile=("RoleLastUsed",),
    note="can be assumed and passed; its policies are kept and shown, not enforced",
)


# --- policies --------------------------------------------------------------------------------------------

_HOLDERS = (("Roles", "Role"), ("Users", "User"), ("Groups", "Group"))


def _inline_policy(change: Change) -> Flow:
    """AWS::IAM::Policy: one document put on roles, users and groups."""
    new, old = change.new or {}, change.old or {}
    put = []
    for many, one in _HOLDERS:
        for holder in listed(new.get(many)):
            named = {f"{one}Name": holder, "PolicyName": new["PolicyName"]}
            document = {"PolicyDocument": as_text(new["PolicyDocument"])}
            put.append(
                (Request(f"Put{one}Policy", {**named, **document}), Request(f"Delete{one}Policy", named))
            )
    yield from all_or_none(put) if change.old is None else (request for request, _ in put)
    for many, one in _HOLDERS:
        for holder in listed(old.get(many)):
            if holder not in listed(new.get(many)) or old["PolicyName"] != new["PolicyName"]:
                members = {f"{one}Name": holder, "PolicyName": old["PolicyName"]}
                yield Request(f"Delete{one}Policy", members, gone_is_fine=True)


def _same_inline_policy(change: Change) -> Flow:
    """Putting a policy of a name that a holder has already would replace its document."""
    found = []
    for many, one in _HOLDERS:
        for holder in listed(change.new.get(many)):
            members = {f"{one}Name": holder, "PolicyName": change.new["PolicyName"]}
            if (yield Request(f"Get{one}Policy", members, gone_is_fine=True)):
                found.append(holder)
    return found


POLICY = ResourceType(
    "iam",
    create=_inline_policy,
    must_be_new=_same_inline_policy,
    update=_inline_policy,
    delete=_inline_policy,
    takes=("PolicyName", "PolicyDocument", "Roles", "Users", "Groups"),
    ref="{generated_id}",
    attributes={"Id": "{generated_id}"},
    note="kept and shown; the local cloud enforces no policy",
    effect="recorded",
)


def _holders(one: str) -> Step:
    """Roles, users or groups that a managed policy is attached to."""

    def step(change: Change) -> Flow:
        policy = {"PolicyArn": change.known["PolicyArn"]}
        new, old = listed(change.new), listed(change.old)
        for holder in old:
            if holder not in new:
                yield Request(f"Detach{one}Policy", {f"{one}Name": holder, **policy}, gone_is_fine=True)
        for holder in new:
            if holder not in old:
                yield Request(f"Attach{one}Policy", {f"{one}Name": holder, **policy})

    return step


def _without_old_versions(change: Change) -> Flow:
    """A policy has five versions at most, and none but the default one when it goes."""
    policy = {"PolicyArn": change.known["PolicyArn"]}
    answer = yield Request("ListPolicyVersions", policy)
    for version in answer["Versions"]:
        if version["IsDefaultVersion"] is not True:
            yield Request(
                "DeletePolicyVersion", {**policy, "VersionId": version["VersionId"]}, gone_is_fine=True
            )


def _document(change: Change) -> Flow:
    yield from _without_old_versions(change)
    document = {"PolicyDocument": as_text(change.new), "SetAsDefault": True}
    yield Request("CreatePolicyVersion", {"PolicyArn": change.known["PolicyArn"], **document})


def _detached(change: Change) -> Flow:
    """From those that the properties name; others keep it from going."""
    for many, one in _HOLDERS:
        yield from _holders(one)(Change(change.known, None, (change.old or {}).get(many)))
    yield from _without_old_versions(change)


def _shown_document(change: Change) -> Flow:
    """Of the version in force, whatever its number is by now."""
    policy = {"PolicyArn": change.known["PolicyArn"]}
    answer = yield Request("GetPolicy", policy, gone_is_fine=True)
    version = answer.get("Policy", {}).get("DefaultVersionId")
    if version is None:
        return None
    answer = yield Request("GetPolicyVersion", {**policy, "VersionId": version})
    return answer["PolicyVersion"]["Document"]


_POLICY = {"PolicyArn": "{PolicyArn}"}
MANAGED_POLICY = ResourceType(
    "iam",
    create=Call("CreatePolicy"),
    delete=Call("DeletePolicy", _POLICY),
    read=Read("GetPolicy", {"PolicyArn": "{Arn}"}, "Policy"),
    name=Name("ManagedPolicyName", max_length=128),
    members={"ManagedPolicyName": "PolicyName"},
    attributes={"PolicyArn": "{Arn}"},
    parts={"PolicyDocument": _document, **{many: _holders(one) for many, one in _HOLDERS}},
    before_delete=_detached,
    snapshot={
        "Document": _shown_document,
        "Holders": Read("ListEntitiesForPolicy", {"PolicyArn": "{Arn}"}),
    },
    volatile=("DefaultVersionId",),
    note="kept and shown; the local cloud enforces no policy",
    effect="recorded",
)

_PROFILE = {"InstanceProfileName": "{InstanceProfileName}"}
_profile_roles = attached("AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile", "RoleName", _PROFILE)


def _profile_emptied(change: Change) -> Flow:
    yield from _profile_roles(Change(change.known, None, (change.old or {}).get("Roles")))


INSTANCE_PROFILE = ResourceType(
    "iam",
    create=Call("CreateInstanceProfile"),
    delete=Call("DeleteInstanceProfile", _PROFILE),
    read=Read("GetInstanceProfile", _PROFILE, "InstanceProfile"),
    name=Name("InstanceProfileName", max_length=128),
    parts={"Roles": _profile_roles},
    before_delete=_profile_emptied,
    note="kept and shown; no EC2 instance runs here",
    effect="recorded",
)

_USER = {"UserName": "{UserName}"}
_GROUP = {"GroupName": "{GroupName}"}
_user_groups = attached("AddUserToGroup", "RemoveUserFromGroup", "GroupName", _USER)


def _user_taken_off(change: Change) -> Flow:
    yield from taken_off("User")(change)
    yield from _user_groups(Change(change.known, None, (change.old or {}).get("Groups")))


USER = ResourceType(
    "iam",
    create=Call("CreateUser"),
    delete=Call("DeleteUser", _USER),
    read=Read("GetUser", _USER, "User"),
    name=Name("UserName", max_length=64),
    parts={
        "Groups": _user_groups,
        "ManagedPolicyArns": attached("AttachUserPolicy", "DetachUserPolicy", "PolicyArn", _USER),
        "Policies": inline("User"),
    },
    refused={
        "LoginProfile": "there is no console to log in to",
        "PermissionsBoundary": "the local cloud keeps no boundary of a user",
    },
    before_delete=_user_taken_off,
    tagging=Tagging("TagUser", "UntagUser", _USER),
    snapshot={
        "Attached": Read("ListAttachedUserPolicies", _USER, "AttachedPolicies"),
        "Inline": Read("ListUserPolicies", _USER, "PolicyNames"),
        "Groups": Read("ListGroupsForUser", _USER, "Groups"),
    },
    note="kept and shown; the local cloud asks for no credentials",
    effect="recorded",
)

GROUP = ResourceType(
    "iam",
    create=Call("CreateGroup"),
    delete=Call("DeleteGroup", _GROUP),
    read=Read("GetGroup", _GROUP, "Group"),
    name=Name("GroupName", max_length=128),
    parts={
        "ManagedPolicyArns": attached("AttachGroupPolicy", "DetachGroupPolicy", "PolicyArn", _GROUP),
        "Policies": inline("Group"),
    },
    before_delete=taken_off("Group"),
    snapshot={
        "Attached": Read("ListAttachedGroupPolicies", _GROUP, "AttachedPolicies"),
        "Inline": Read("ListGroupPolicies", _GROUP, "PolicyNames"),
    },
    note="kept and shown; the local cloud asks for no credentials",
    effect="recorded",
)

SERVICE_LINKED_ROLE = ResourceType(
    "iam",
    create=Call("CreateServiceLinkedRole"),
    update=(Call("UpdateRole", _ROLE),),
    delete=Call("DeleteServiceLinkedRole", _ROLE),
    read=Read("GetRole", _ROLE, "Role"),
    ref="{RoleName}",
    resets={"Description": ""},
    volatile=("RoleLastUsed",),
    note="kept and shown; the services of the local cloud need no role of their own",
    effect="recorded",
)

TYPES: Mapping[str, ResourceType] = {
    "AWS::IAM::Role": ROLE,
    "AWS::IAM::Policy": POLICY,
    "AWS::IAM::ManagedPolicy": MANAGED_POLICY,
    "AWS::IAM::InstanceProfile": INSTANCE_PROFILE,
    "AWS::IAM::User": USER,
    "AWS::IAM::Group": GROUP,
    "AWS::IAM::ServiceLinkedRole": SERVICE_LINKED_ROLE,
}
