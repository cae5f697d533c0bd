"""What was put on a stack's resource by hand is not taken off it: the resource stays, as AWS has it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfn_wire import Stacks
from local_clouds import LocalCloud
from types_driver import TypesDriver

from gluonship.local.cloudformation.contract import Made, ProvisioningError

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
FULL_ACCESS = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
TRUST = {"Version": "2012-10-17", "Statement": []}
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
OWN = {"Policies": [{"PolicyName": "own", "PolicyDocument": DOCUMENT}], "ManagedPolicyArns": [READ_ONLY]}


@pytest.fixture
def driver(cloud: LocalCloud) -> TypesDriver:
    return TypesDriver(cloud)


def refuse(driver: TypesDriver, type_name: str, made: Made, properties: dict[str, Any], why: str) -> None:
    with pytest.raises(ProvisioningError, match=why):
        driver.delete(type_name, made, properties)


@pytest.mark.parametrize("one", ["Role", "User", "Group"])
def test_policies_put_by_hand_keep_their_holder(driver: TypesDriver, one: str) -> None:
    type_name, iam = f"AWS::IAM::{one}", driver.client("iam")
    properties = {**OWN, **({"AssumeRolePolicyDocument": TRUST} if one == "Role" else {})}
    made = driver.create(type_name, properties)
    named = {f"{one}Name": made.physical_id}
    inline = {**named, "PolicyName": "by-hand"}
    getattr(iam, f"put_{one.lower()}_policy")(**inline, PolicyDocument=json.dumps(DOCUMENT))
    getattr(iam, f"attach_{one.lower()}_policy")(**named, PolicyArn=FULL_ACCESS)

    refuse(driver, type_name, made, properties, "must detach all policies first")
    getattr(iam, f"detach_{one.lower()}_policy")(**named, PolicyArn=FULL_ACCESS)
    refuse(driver, type_name, made, properties, "must delete policies first")
    assert driver.snapshot(type_name, made)["Inline"] == ["by-hand"]
    getattr(iam, f"delete_{one.lower()}_policy")(**inline)
    driver.delete(type_name, made, properties)
    assert driver.gone(type_name, made)


def test_a_policy_stays_with_the_role_that_it_was_given_by_hand(driver: TypesDriver) -> None:
    role = driver.create("AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST})
    policy = driver.create("AWS::IAM::ManagedPolicy", {"PolicyDocument": DOCUMENT})
    attached = {"RoleName": role.physical_id, "PolicyArn": policy.physical_id}
    driver.client("iam").attach_role_policy(**attached)
    refuse(driver, "AWS::IAM::ManagedPolicy", policy, {}, "Cannot delete a policy attached to entities")
    driver.client("iam").detach_role_policy(**attached)
    driver.delete("AWS::IAM::ManagedPolicy", policy, {})
    assert driver.gone("AWS::IAM::ManagedPolicy", policy)


def test_users_put_by_hand_keep_their_group(driver: TypesDriver) -> None:
    iam = driver.client("iam")
    own = driver.create("AWS::IAM::Group", {})
    member = {"Groups": [own.physical_id]}
    user = driver.create("AWS::IAM::User", member)
    other = driver.create("AWS::IAM::Group", {})
    added = {"GroupName": other.physical_id, "UserName": user.physical_id}
    iam.add_user_to_group(**added)
    for type_name, made, properties in (("User", user, member), ("Group", other, {})):
        refuse(driver, f"AWS::IAM::{type_name}", made, properties, "must remove users from group first")
    iam.remove_user_from_group(**added)
    for type_name, made, properties in (("User", user, member), ("Group", other, {}), ("Group", own, {})):
        driver.delete(f"AWS::IAM::{type_name}", made, properties)


def test_targets_put_by_hand_keep_their_rule(driver: TypesDriver) -> None:
    arn = "arn:aws:sqs:us-east-1:123456789012:q"
    properties = {"EventPattern": {"source": ["demo"]}, "Targets": [{"Id": "own", "Arn": arn}]}
    rule = driver.create("AWS::Events::Rule", properties)
    assert rule.physical_id == rule.attributes["Name"]
    events = driver.client("events")
    events.put_targets(Rule=rule.physical_id, Targets=[{"Id": "hand", "Arn": arn}])
    refuse(driver, "AWS::Events::Rule", rule, properties, "since it has targets")
    targets = driver.snapshot("AWS::Events::Rule", rule)["Targets"]
    assert [each["Id"] for each in targets] == ["hand"]
    events.remove_targets(Rule=rule.physical_id, Ids=["hand"])
    driver.delete("AWS::Events::Rule", rule, properties)
    assert driver.gone("AWS::Events::Rule", rule)


def test_a_rule_deleted_by_hand_is_not_made_anew_by_an_update(driver: TypesDriver) -> None:
    """PutRule would make it: AWS says that it is not there."""
    old = {"EventPattern": {"source": ["demo"]}}
    rule = driver.create("AWS::Events::Rule", old)
    driver.client("events").delete_rule(Name=rule.physical_id)
    with pytest.raises(ProvisioningError, match="HandlerErrorCode: NotFound"):
        driver.types.update(
            driver.target("AWS::Events::Rule"), rule, old, {"EventPattern": {"source": ["other"]}}
        )
    assert driver.gone("AWS::Events::Rule", rule)


def test_a_stack_takes_its_own_policies_off_its_roles_and_no_others(cloud: LocalCloud) -> None:
    """AWS::IAM::Policy, ManagedPolicy and InstanceProfile go before the role that they refer to."""
    iam, stacks = cloud.client("iam"), Stacks(cloud)
    role = {"Ref": "Role"}
    resources = {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"RoleName": "handled", "AssumeRolePolicyDocument": TRUST, **OWN},
        },
        "Inline": {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyName": "more", "PolicyDocument": DOCUMENT, "Roles": [role]},
        },
        "Managed": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": DOCUMENT, "Roles": [role]},
        },
        "Profile": {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [role]}},
    }
    allowed = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
    assert stacks.create("hands", resources, **allowed) == "CREATE_COMPLETE"
    iam.put_role_policy(RoleName="handled", PolicyName="by-hand", PolicyDocument=json.dumps(DOCUMENT))
    assert stacks.delete("hands") == "DELETE_FAILED"
    assert list(stacks.ids("hands")) == ["Role"]
    assert iam.list_role_policies(RoleName="handled")["PolicyNames"] == ["by-hand"]
    iam.delete_role_policy(RoleName="handled", PolicyName="by-hand")
    assert stacks.delete("hands") == "DELETE_COMPLETE"
