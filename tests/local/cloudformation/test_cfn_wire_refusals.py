"""What is refused before anything is touched, in words, by every road. Over the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfn_account import account
from cfn_wire import QuietRegion, Stacks, parameter, resource
from local_clouds import LocalCloud

GOOD = {"Good": parameter("1"), "Bucket": resource("S3::Bucket")}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown type": (
        {"X": resource("S3::Buckett")},
        "X (AWS::S3::Buckett): Unrecognized resource type AWS::S3::Buckett: AWS has no such type "
        "(did you mean AWS::S3::Bucket?)",
    ),
    "a type that is not here": (
        {"X": resource("RDS::DBCluster")},
        "Resource type AWS::RDS::DBCluster is not supported in the local cloud: "
        "docs/coverage-cloudformation.md has those that are",
    ),
    "a type that is not here, and what takes something of it": (
        {
            "X": resource("Lambda::Function", ["Good"]),
            "Y": resource("SSM::Parameter", Type="String", Value={"Fn::GetAtt": ["X", "Arn"]}),
        },
        "X (AWS::Lambda::Function): Resource type AWS::Lambda::Function is not supported in the local cloud: "
        "Lambda code does not run here; Step Functions, SageMaker jobs and endpoints do",
    ),
    "a type of SAM's": (
        {"X": resource("Serverless::Function")},
        "X (AWS::Serverless::Function): Resource type AWS::Serverless::Function is not supported in the "
        "local cloud: the macro AWS::Serverless-2016-10-31 makes it, and no macros run here",
    ),
    "misspelt property": (
        {"X": resource("SQS::Queue", VisibilityTimeOut=3)},
        "X (AWS::SQS::Queue): Properties/VisibilityTimeOut: there is no such property "
        "(did you mean VisibilityTimeout?)",
    ),
    "wrong enum": (
        {"X": resource("ECR::Repository", ImageTagMutability="FROZEN")},
        "X (AWS::ECR::Repository): Properties/ImageTagMutability: 'FROZEN' is not one of",
    ),
    "cycle": (
        {"X": parameter("1", ["Y"]), "Y": parameter("2", ["Good", "X"])},
        "Circular dependency between resources: [X, Y]",
    ),
    "missing parameter": ({"X": resource("SSM::Parameter", Type="String", Value={"Ref": "P"})}, "[P]"),
    "missing property": ({"X": resource("IAM::Role")}, "AssumeRolePolicyDocument is required"),
    "property without effect, and nobody says so": (
        {"X": resource("S3::Bucket", ObjectLockEnabled=True)},
        "X (AWS::S3::Bucket): Properties/ObjectLockEnabled: objects cannot be locked here",
    ),
}


def body(resources: dict[str, Any], what: str) -> str:
    sections = {"Parameters": {"P": {"Type": "String"}}} if what == "missing parameter" else {}
    return json.dumps({"Resources": {**GOOD, **resources}, **sections})


@pytest.fixture(scope="module")
def cloud(cloud: LocalCloud) -> LocalCloud:
    return QuietRegion(cloud.info)


@pytest.fixture(scope="module")
def stacks(cloud: LocalCloud) -> Stacks:
    return Stacks(cloud)


def test_a_mistake_is_refused_before_anything_is_touched(cloud: LocalCloud, stacks: Stacks) -> None:
    """By a create and by an update: neither leaves a stack, a resource or an event."""
    stacks.create("good", GOOD)
    before, events = account(cloud), stacks.trail("good")
    for what, (resources, words) in WRONG.items():
        template = body(resources, what)
        for name, operation in (("bad", "create_stack"), ("good", "update_stack")):
            said = stacks.refused(
                operation, StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
            )
            assert said.startswith("ValidationError: "), what
            assert words in said, what
            assert said.count("\n") == 0, what
    assert account(cloud) == before
    assert stacks.trail("good") == events
    assert "does not exist" in stacks.refused("describe_stacks", StackName="bad")
    stacks.delete("good")


def test_a_change_set_names_everything_that_is_wrong(cloud: LocalCloud, stacks: Stacks) -> None:
    """It fails, with all reasons at once, and cannot be executed."""
    several = ("unknown type", "misspelt property", "wrong enum")
    resources = {f"X{at}": WRONG[what][0]["X"] for at, what in enumerate(several)}
    before = account(cloud)
    made = stacks.api.create_change_set(
        StackName="planned", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=body(resources, "")
    )
    shown = stacks.api.describe_change_set(ChangeSetName=made["Id"])
    assert shown["Status"] == "FAILED"
    for at, what in enumerate(several):
        assert WRONG[what][1].replace("X (", f"X{at} (", 1) in shown["StatusReason"]
    said = stacks.refused("execute_change_set", ChangeSetName=made["Id"])
    assert said.startswith("InvalidChangeSetStatus: ")
    assert account(cloud) == before
    stacks.api.delete_stack(StackName="planned")
