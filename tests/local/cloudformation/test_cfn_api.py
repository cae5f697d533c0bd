"""Requests and answers: templates, sources, capabilities, policies, pages, notices."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cfn_fakes import SCOPE, Cfn, body, thing

from gluonship.local.cloudformation.surroundings import s3_object
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.contracts import AwsError

ROLE = {"R": {"Type": "AWS::IAM::Role", "Properties": {}}}
NAMED = {"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r"}}}


@pytest.fixture
def cfn() -> Cfn:
    return Cfn()


@pytest.mark.parametrize(
    "url",
    [
        "https://bucket.s3.amazonaws.com/a/b.json",
        "https://bucket.s3.eu-west-1.amazonaws.com/a/b.json",
        "https://bucket.s3-eu-west-1.amazonaws.com/a/b.json",
        "https://s3.amazonaws.com/bucket/a/b.json",
        "https://s3.us-east-1.amazonaws.com/bucket/a/b.json",
        "https://s3-us-west-2.amazonaws.com/bucket/a/b.json",
        "http://127.0.0.1:5111/bucket/a/b.json",
        "http://localhost:5111/bucket/a/b.json",
        "http://bucket.s3.localhost:5111/a/b.json",
        "s3://bucket/a/b.json",
        "https://bucket.s3.amazonaws.com/a%2Fb.json",
    ],
)
def test_a_templates_url_in_every_form(url: str) -> None:
    assert s3_object(url) == ("bucket", "a/b.json", None)


@pytest.mark.parametrize(
    "url", ["https://example.com/a", "file:///etc/passwd", "bucket/key", "https://s3.amazonaws.com/b"]
)
def test_what_is_no_template_url(url: str) -> None:
    with pytest.raises(TemplateError, match="must be a supported URL"):
        s3_object(url)


@pytest.mark.parametrize("bucket", ["s3-templates", "s3.templates", "s3"])
def test_a_bucket_that_is_called_like_the_service(bucket: str) -> None:
    for host in ("s3.amazonaws.com", "s3.eu-west-1.amazonaws.com", "s3-us-west-2.amazonaws.com"):
        assert s3_object(f"https://{bucket}.{host}/a/b.json") == (bucket, "a/b.json", None)
        assert s3_object(f"https://{host}/{bucket}/a/b.json") == (bucket, "a/b.json", None)


def test_a_templates_url_may_name_a_version() -> None:
    assert s3_object("https://bucket.s3.amazonaws.com/a?versionId=v%2B1") == ("bucket", "a", "v+1")
    cfn = Cfn()
    cfn.answers.objects["b", "t"] = json.dumps({"Resources": {"A": thing(X="new")}})
    cfn.answers.objects["b", "t@1"] = json.dumps({"Resources": {"A": thing(X="old")}})
    cfn("CreateStack", StackName="s", TemplateURL="https://b.s3.amazonaws.com/t?versionId=1")
    cfn.wait("s")
    assert cfn.world.objects[cfn.resources("s")["A"]]["properties"] == {"X": "old"}


def test_a_bucket_with_dots_is_its_own() -> None:
    assert s3_object("https://my.own.bucket.s3.us-east-1.amazonaws.com/k") == ("my.own.bucket", "k", None)


def test_where_templates_come_from(cfn: Cfn) -> None:
    assert "Either Template URL or Template Body" in cfn.refused("CreateStack", StackName="s")
    both = cfn.refused("CreateStack", StackName="s", TemplateBody="{}", TemplateURL="s3://b/k")
    assert "but not both" in both
    large = {f"R{n}": thing(X="x" * 600) for n in range(100)}
    request = body(large, {})
    assert "less than or equal to 51200" in cfn.refused("CreateStack", StackName="s", **request)
    cfn.answers.objects["b", "k"] = request["TemplateBody"]
    cfn("CreateStack", StackName="s", TemplateURL="http://127.0.0.1:1/b/k")
    assert cfn.wait("s") == "CREATE_COMPLETE"
    cfn.answers.objects["b", "huge"] = "x" * 1_100_000
    assert "may not exceed" in cfn.refused("ValidateTemplate", TemplateURL="s3://b/huge")
    assert "S3 error: The specified key does not exist." in cfn.refused(
        "ValidateTemplate", TemplateURL="s3://b/no"
    )


@pytest.mark.parametrize("name", ["1a", "a_b", "a" * 129, ""])
def test_names_that_no_stack_can_have(cfn: Cfn, name: str) -> None:
    assert "at 'stackName' failed to satisfy constraint" in cfn.refused(
        "CreateStack", StackName=name, **body({"A": thing()}, {})
    )


def test_capabilities(cfn: Cfn) -> None:
    for resources, acknowledged, message in (
        (ROLE, [], "Requires capabilities : [CAPABILITY_IAM]"),
        (NAMED, ["CAPABILITY_IAM"], "Requires capabilities : [CAPABILITY_NAMED_IAM]"),
    ):
        with pytest.raises(AwsError) as caught:
            cfn("CreateStack", StackName="s", Capabilities=acknowledged, **body(resources, {}))
        assert (caught.value.code, caught.value.message) == ("InsufficientCapabilitiesException", message)
    assert cfn.create("s", NAMED, Capabilities=["CAPABILITY_NAMED_IAM"]) == "CREATE_COMPLETE"
    assert cfn.stack("s")["Capabilities"] == ["CAPABILITY_NAMED_IAM"]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"RollbackConfiguration": {"RollbackTriggers": [{"Arn": "a", "Type": "t"}]}}, "watches no alarms"),
        ({"DeploymentConfig": {"Mode": "EXPRESS"}}, "no EXPRESS mode"),
        ({"Tags": [{"Key": "aws:x", "Value": "y"}]}, "aws: prefixed tag key names"),
        ({"NotificationARNs": ["topic"]}, "not an SNS topic's ARN: topic"),
        ({"ResourceTypes": ["AWS::*"]}, "Resource type Test::Thing::One is not allowed"),
        ({"Capabilities": ["CAPABILITY_MAGIC"]}, "Unknown capabilities: CAPABILITY_MAGIC"),
        ({"DisableRollback": True, "OnFailure": "DELETE"}, "either DisableRollback or OnFailure"),
        ({"StackPolicyURL": "https://x"}, "StackPolicyURL is not read"),
        (
            {"Parameters": [{"ParameterKey": "X", "ParameterValue": "1"}]},
            "Parameters: [X] do not exist in the template",
        ),
    ],
)
def test_what_would_be_ignored_is_refused(cfn: Cfn, request_: dict[str, Any], words: str) -> None:
    assert words in cfn.refused("CreateStack", StackName="s", **body({"A": thing()}, {}), **request_)


def test_templates_are_read_without_a_stack(cfn: Cfn) -> None:
    sections = {
        "TParameters": {
            "P": {"Type": "String", "Default": "d", "AllowedValues": ["d", "e"], "Description": "a word"},
            "S": {"Type": "String", "NoEcho": "true"},
        },
        "TMetadata": {"m": 1},
    }
    request = body({**NAMED, "A": thing()}, sections)
    valid = cfn("ValidateTemplate", **request)
    assert valid["Parameters"] == [
        {"ParameterKey": "P", "DefaultValue": "d", "NoEcho": False, "Description": "a word"},
        {"ParameterKey": "S", "NoEcho": True},
    ]
    assert valid["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    summary = cfn("GetTemplateSummary", **request)
    assert summary["ResourceTypes"] == ["AWS::IAM::Role", "Test::Thing::One"]
    assert summary["Parameters"][0]["ParameterConstraints"] == {"AllowedValues": ["d", "e"]}
    assert summary["CapabilitiesReason"].endswith("[AWS::IAM::Role]")
    assert "Unresolved resource dependencies [X]" in cfn.refused(
        "ValidateTemplate", **body({"A": thing(R={"Ref": "X"})}, {})
    )
    cfn.create("s", {"A": thing()})
    assert cfn("GetTemplateSummary", StackName="s")["ResourceTypes"] == ["Test::Thing::One"]
    got = cfn("GetTemplate", StackName="s", TemplateStage="Processed")
    assert json.loads(got["TemplateBody"])["Resources"] == {"A": thing()}
    assert got["StagesAvailable"] == ["Original", "Processed"]


def test_resources_one_by_one(cfn: Cfn) -> None:
    cfn.create("s", {"A": {**thing(), "Metadata": {"aws:cdk:path": "s/A"}}, "B": thing()})
    detail = cfn("DescribeStackResource", StackName="s", LogicalResourceId="A")["StackResourceDetail"]
    assert detail["ResourceStatus"] == "CREATE_COMPLETE"
    assert json.loads(detail["Metadata"]) == {"aws:cdk:path": "s/A"}
    assert (
        cfn.refused("DescribeStackResource", StackName="s", LogicalResourceId="X")
        == "Resource X does not exist for stack s"
    )
    rows = cfn("DescribeStackResources", PhysicalResourceId=detail["PhysicalResourceId"])["StackResources"]
    assert {row["LogicalResourceId"] for row in rows} == {"A", "B"}
    assert "does not exist" in cfn.refused("DescribeStackResources", PhysicalResourceId="nobody")
    assert len(cfn("DescribeStackResources", StackName="s", LogicalResourceId="B")["StackResources"]) == 1


def test_stacks_are_listed_by_status_and_account(cfn: Cfn) -> None:
    cfn.create("one", {"A": thing()})
    cfn.create("two", {"A": thing()})
    cfn.delete("one")
    listed = cfn("ListStacks", StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert [row["StackName"] for row in listed] == ["one"]
    assert [row["StackName"] for row in cfn("DescribeStacks")["Stacks"]] == ["two"]
    elsewhere = type(SCOPE)("999999999999", "us-east-1")
    assert cfn.handlers["DescribeStacks"](elsewhere, {}) == {"Stacks": []}
    with pytest.raises(AwsError, match="does not exist"):
        cfn.handlers["DescribeStacks"](elsewhere, {"StackName": cfn.stack("two")["StackId"]})
    assert "NextToken 'x'" in cfn.refused("DescribeStacks", NextToken="x")


def test_events_of_an_operation(cfn: Cfn) -> None:
    cfn.world.fails("create", "B")
    cfn.create("s", {"A": thing(), "B": thing()})
    failed = cfn("DescribeEvents", StackName="s", Filters={"FailedEvents": True})["OperationEvents"]
    assert [(row["LogicalResourceId"], row["EventType"]) for row in failed] == [("B", "PROVISIONING_ERROR")]
    operation = failed[0]["OperationId"]
    rows = cfn("DescribeEvents", OperationId=operation)["OperationEvents"]
    assert rows[-1]["ResourceStatus"] == "CREATE_IN_PROGRESS"
    assert {row["OperationId"] for row in rows} == {operation}


def test_a_stacks_policy_protects_its_resources(cfn: Cfn) -> None:
    policy = json.dumps(
        {
            "Statement": [
                {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
                {
                    "Effect": "Deny",
                    "Action": ["Update:Replace", "Update:Delete"],
                    "Principal": "*",
                    "Resource": "LogicalResourceId/Pro*",
                },
            ]
        }
    )
    assert "Effect must be Allow or Deny" in cfn.refused(
        "CreateStack", StackName="s", **body({"A": thing()}, {}), StackPolicyBody='{"Statement": [{}]}'
    )
    cfn.create("s", {"Prod": thing(), "Free": thing()}, StackPolicyBody=policy)
    assert cfn("GetStackPolicy", StackName="s") == {"StackPolicyBody": policy}
    assert cfn.update("s", {"Prod": thing(X=1), "Free": thing(Fixed=1)}) == "UPDATE_COMPLETE"
    replaced = body({"Prod": thing(Fixed=1), "Free": thing()}, {})
    assert cfn.refused("UpdateStack", StackName="s", **replaced) == (
        "Action denied by stack policy: Statement [#2] does not allow [Update:Replace] "
        "for resource [LogicalResourceId/Prod];"
    )
    assert "[Update:Delete]" in cfn.refused("UpdateStack", StackName="s", **body({"Free": thing()}, {}))
    during = '{"Statement": {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}}'
    cfn("UpdateStack", StackName="s", StackPolicyDuringUpdateBody=during, **replaced)
    assert cfn.wait("s") == "UPDATE_COMPLETE"
    cfn("SetStackPolicy", StackName="s", StackPolicyBody=during)
    assert cfn("GetStackPolicy", StackName="s")["StackPolicyBody"] == during


def test_events_go_to_the_stacks_topics(cfn: Cfn) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:stacks"
    cfn.create("s", {"A": thing()}, NotificationARNs=[topic])
    assert cfn.stack("s")["NotificationARNs"] == [topic]
    deadline = time.monotonic() + 5
    while len(cfn.answers.published) < 4 and time.monotonic() < deadline:
        time.sleep(0.005)
    arns, messages = zip(*cfn.answers.published, strict=True)
    assert set(arns) == {topic}
    assert "LogicalResourceId='A'\n" in messages[1]
    assert "ResourceStatus='CREATE_COMPLETE'\n" in messages[-1]
    cfn.service.close()


def test_roles_are_kept_and_shown(cfn: Cfn) -> None:
    role = "arn:aws:iam::123456789012:role/deploys"
    cfn.create("s", {"A": thing()}, RoleARN=role)
    assert cfn.stack("s")["RoleARN"] == role
    said = "User Initiated; recorded here, without effect: RoleARN: IAM is not enforced"
    assert cfn.events("s")[0]["ResourceStatusReason"] == said
    cfn.update("s", {"A": thing(X=1)})
    assert cfn.stack("s")["RoleARN"] == role
    (begun,) = [row for row in cfn.events("s") if row["ResourceStatus"] == "UPDATE_IN_PROGRESS"][:1]
    assert begun["ResourceStatusReason"] == said
    cfn.create("plain", {"A": thing()})
    assert cfn.events("plain")[0]["ResourceStatusReason"] == "User Initiated"


def test_a_defect_of_a_handler_is_no_500(cfn: Cfn, caplog: pytest.LogCaptureFixture) -> None:
    cfn.service.context.register.all = None  # type: ignore[method-assign,assignment]
    message = cfn.refused("ListStacks")
    assert "The local cloud's ListStacks failed: TypeError" in message
    assert "ListStacks failed" in caplog.text


def test_every_operation_belongs_to_the_service(cfn: Cfn) -> None:
    from botocore.session import get_session

    names = set(get_session().get_service_model("cloudformation").operation_names)
    assert set(cfn.handlers) <= names
    assert len(cfn.handlers) >= 28


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"StringEqualsIgnoreCase": {"ResourceType": "x"}}, "Condition knows StringEquals and StringLike"),
        ({"StringEquals": {"LogicalId": "x"}}, "StringEquals takes ResourceType and nothing else"),
        ({"StringLike": {"ResourceType": 1}}, "ResourceType must be a string or a list of strings"),
    ],
)
def test_a_stack_policys_condition_that_would_never_hold_is_refused(
    cfn: Cfn, condition: dict[str, Any], words: str
) -> None:
    denying = {
        "Effect": "Deny",
        "Action": "Update:*",
        "Principal": "*",
        "Resource": "*",
        "Condition": condition,
    }
    policy = json.dumps({"Statement": [denying]})
    cfn.create("s", {"A": thing()})
    assert words in cfn.refused("SetStackPolicy", StackName="s", StackPolicyBody=policy)


@pytest.mark.parametrize(
    ("condition", "denied"),
    [
        ({"StringEquals": {"ResourceType": "Test::Thing::One"}}, True),
        ({"StringEquals": {"ResourceType": "Test::*"}}, False),
        ({"StringLike": {"ResourceType": ["Other::*", "Test::*"]}}, True),
        ({"StringLike": {"ResourceType": "Test::*"}, "StringEquals": {"ResourceType": "Other"}}, False),
    ],
)
def test_every_operator_of_a_stack_policys_condition_must_hold(
    cfn: Cfn, condition: dict[str, Any], denied: bool
) -> None:
    everything = {"Action": "Update:*", "Principal": "*", "Resource": "*"}
    statements = [{"Effect": "Allow", **everything}, {"Effect": "Deny", **everything, "Condition": condition}]
    cfn.create("s", {"A": thing()}, StackPolicyBody=json.dumps({"Statement": statements}))
    changed = body({"A": thing(X=1)}, {})
    if denied:
        assert "Statement [#2] does not allow" in cfn.refused("UpdateStack", StackName="s", **changed)
    else:
        assert cfn.update("s", {"A": thing(X=1)}) == "UPDATE_COMPLETE"


def test_transforms_are_acknowledged_where_no_change_set_shows_them(cfn: Cfn) -> None:
    role = {"R": {"Type": "AWS::IAM::Role", "Properties": {}}}
    request = body(role, {"TTransform": "AWS::LanguageExtensions"})
    with pytest.raises(AwsError) as caught:
        cfn("CreateStack", StackName="s", Capabilities=["CAPABILITY_NAMED_IAM"], **request)
    assert caught.value.code == "InsufficientCapabilitiesException"
    assert caught.value.message == "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"
    needed = cfn("GetTemplateSummary", **request)["Capabilities"]
    assert needed == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    cfn(
        "CreateChangeSet",
        StackName="s",
        ChangeSetName="c",
        ChangeSetType="CREATE",
        Capabilities=["CAPABILITY_IAM"],
        **request,
    )
    cfn("ExecuteChangeSet", StackName="s", ChangeSetName="c")
    assert cfn.wait("s") == "CREATE_COMPLETE"


def test_a_change_set_says_what_it_does_not_do(cfn: Cfn) -> None:
    request = {"StackName": "s", "ChangeSetName": "c", "ChangeSetType": "CREATE"}
    cfn(
        "CreateChangeSet",
        **request,
        ImportExistingResources=True,
        IncludeNestedStacks=True,
        **body({"A": thing()}, {}),
    )
    described = cfn("DescribeChangeSet", StackName="s", ChangeSetName="c")
    assert (described["Status"], described["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    reason = described["StatusReason"]
    assert reason.startswith("recorded here, without effect: ImportExistingResources: ")
    assert "IncludeNestedStacks: " in reason
