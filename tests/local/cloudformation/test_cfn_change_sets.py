"""Change sets, as the CDK's CLI and the AWS CLI use them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfn_fakes import Cfn, body, thing

from gluonship.local.contracts import AwsError


@pytest.fixture
def cfn() -> Cfn:
    return Cfn()


def make(cfn: Cfn, resources: dict[str, Any], name: str = "c", **more: Any) -> dict[str, Any]:
    cfn("CreateChangeSet", StackName="s", ChangeSetName=name, **body(resources, more))
    return cfn("DescribeChangeSet", StackName="s", ChangeSetName=name)


def gone(cfn: Cfn, name: str) -> bool:
    with pytest.raises(AwsError) as caught:
        cfn("DescribeChangeSet", StackName="s", ChangeSetName=name)
    return caught.value.code == "ChangeSetNotFound"


def test_a_stack_by_change_sets(cfn: Cfn) -> None:
    made = make(cfn, {"A": thing(X=1)}, ChangeSetType="CREATE", IncludeNestedStacks=True)
    assert made["ChangeSetId"].startswith("arn:aws:cloudformation:us-east-1:123456789012:changeSet/c/")
    assert (made["Status"], made["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert made["Changes"][0]["ResourceChange"]["Action"] == "Add"
    assert cfn.stack("s")["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert cfn("GetTemplate", StackName="s")["TemplateBody"] == "{}"
    assert "Resources" in cfn("GetTemplate", StackName="s", ChangeSetName="c")["TemplateBody"]
    cfn("ExecuteChangeSet", StackName="s", ChangeSetName="c")
    assert cfn.wait("s") == "CREATE_COMPLETE"
    assert cfn.stack("s")["ChangeSetId"] == made["ChangeSetId"]
    executed = cfn("DescribeChangeSet", ChangeSetName=made["ChangeSetId"])
    assert executed["ExecutionStatus"] == "EXECUTE_COMPLETE"
    assert cfn("ListChangeSets", StackName="s")["Summaries"] == []

    nothing = make(cfn, {"A": thing(X=1)})
    assert nothing["Status"] == "FAILED"
    assert nothing["ExecutionStatus"] == "UNAVAILABLE"
    assert nothing["StatusReason"] == (
        "The submitted information didn't contain changes. "
        "Submit different information to create a change set."
    )
    with pytest.raises(AwsError, match=r"InvalidChangeSetStatus: .* current status of \[FAILED\]"):
        cfn("ExecuteChangeSet", StackName="s", ChangeSetName="c")
    cfn("DeleteChangeSet", StackName="s", ChangeSetName="c")
    assert gone(cfn, "c")
    cfn("DeleteChangeSet", StackName="s", ChangeSetName="c")  # again: no error

    make(cfn, {"A": thing(X=2)}, name="first")
    make(cfn, {"A": thing(X=3)}, name="second")
    cfn("ExecuteChangeSet", StackName="s", ChangeSetName="second")
    assert cfn.wait("s") == "UPDATE_COMPLETE"
    assert gone(cfn, "first")
    cfn.delete("s")
    assert gone(cfn, "second")


def test_what_a_change_set_shows(cfn: Cfn) -> None:
    cfn.create("s", {"A": thing(X=1, L=["x"]), "B": thing(R={"Ref": "A"}), "Old": thing(policy="Retain")})
    after = {"A": {**thing(X=2, Fixed=1), "Metadata": {"m": 1}}, "B": thing(R={"Ref": "A"}), "New": thing()}
    make(cfn, after)
    shown = cfn("DescribeChangeSet", StackName="s", ChangeSetName="c", IncludePropertyValues=True)
    changes = {row["ResourceChange"]["LogicalResourceId"]: row["ResourceChange"] for row in shown["Changes"]}
    a = changes["A"]
    assert (a["Action"], a["Replacement"], a["PolicyAction"]) == ("Modify", "True", "ReplaceAndDelete")
    assert a["Scope"] == ["Properties", "Metadata"]
    targets = {row["Target"].get("Name", row["Target"]["Attribute"]): row["Target"] for row in a["Details"]}
    assert targets["X"]["BeforeValue"] == "1"
    assert targets["X"]["AfterValue"] == "2"
    assert targets["Fixed"]["RequiresRecreation"] == "Always"
    assert targets["L"]["AttributeChangeType"] == "Remove"
    assert targets["Metadata"]["RequiresRecreation"] == "Never"
    assert json.loads(a["BeforeContext"]) == {"Properties": {"X": "1", "L": ["x"]}}
    b = changes["B"]
    assert (b["Replacement"], b["Details"][0]["Evaluation"]) == ("False", "Dynamic")
    assert json.loads(b["AfterContext"]) == {"Properties": {"R": "{{changeSet:KNOWN_AFTER_APPLY}}"}}
    assert (changes["Old"]["Action"], changes["Old"]["PolicyAction"]) == ("Remove", "Retain")
    plain = cfn("DescribeChangeSet", StackName="s", ChangeSetName="c")
    assert "BeforeContext" not in str(plain)


def test_changes_come_in_pages(cfn: Cfn) -> None:
    first = make(cfn, {f"R{n}": thing() for n in range(150)}, ChangeSetType="CREATE")
    assert len(first["Changes"]) == 100
    second = cfn("DescribeChangeSet", StackName="s", ChangeSetName="c", NextToken=first["NextToken"])
    assert len(second["Changes"]) == 50
    assert "NextToken" not in second


def test_a_refused_change_set_fails_with_every_reason(cfn: Cfn) -> None:
    made = make(cfn, {"A": thing(Bad=1), "B": {"Type": "No::Such::Type"}}, ChangeSetType="CREATE")
    assert (made["Status"], made["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "AWS::EarlyValidation" in made["StatusReason"]
    assert "A (Test::Thing::One): Bad: it is bad" in made["StatusReason"]
    events = cfn("DescribeEvents", StackName="s", ChangeSetName="c", Filters={"FailedEvents": True})
    told = [(row["LogicalResourceId"], row["ValidationStatusReason"]) for row in events["OperationEvents"]]
    assert told == [("A", "Bad: it is bad"), ("B", "No::Such::Type is not a type of this cloud")]
    assert cfn("ListHookResults")["HookResults"] == []
    assert cfn("DescribeChangeSetHooks", StackName="s", ChangeSetName="c")["Hooks"] == []
    stack_id = cfn.stack("s")["StackId"]
    cfn("DeleteStack", StackName="s")
    assert cfn.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert cfn.world.calls == []


def test_change_sets_that_cannot_be(cfn: Cfn) -> None:
    template = body({"A": thing()}, {})
    assert (
        cfn.refused("CreateChangeSet", StackName="s", ChangeSetName="c", **template)
        == "Stack [s] does not exist"
    )
    make(cfn, {"A": thing()}, ChangeSetType="CREATE")
    with pytest.raises(AwsError, match="AlreadyExistsException"):
        make(cfn, {"A": thing()}, ChangeSetType="CREATE")
    cfn("ExecuteChangeSet", StackName="s", ChangeSetName="c")
    cfn.wait("s")
    assert "already exists and cannot be created again with the changeSet [d]" in cfn.refused(
        "CreateChangeSet", StackName="s", ChangeSetName="d", ChangeSetType="CREATE", **template
    )
    assert "does not import" in cfn.refused(
        "CreateChangeSet", StackName="s", ChangeSetName="d", ChangeSetType="IMPORT", **template
    )
    make(cfn, {"A": thing(X=1)}, name="late")
    cfn.update("s", {"A": thing(X=2)})
    with pytest.raises(AwsError, match=r"current status of \[OBSOLETE\]"):
        cfn("ExecuteChangeSet", StackName="s", ChangeSetName="late")
    assert "StackName must be specified" in cfn.refused("DescribeChangeSet", ChangeSetName="late")


def test_a_change_set_without_roll_back(cfn: Cfn) -> None:
    make(cfn, {"A": thing(), "B": thing(depends="A")}, ChangeSetType="CREATE", OnStackFailure="DO_NOTHING")
    cfn.world.fails("create", "B", times=1)
    cfn("ExecuteChangeSet", StackName="s", ChangeSetName="c")
    assert cfn.wait("s") == "CREATE_FAILED"
    make(cfn, {"A": thing(), "B": thing(depends="A")})
    assert "please use the disable-rollback parameter" in cfn.refused(
        "ExecuteChangeSet", StackName="s", ChangeSetName="c"
    )
    cfn("ExecuteChangeSet", StackName="s", ChangeSetName="c", DisableRollback=True)
    assert cfn.wait("s") == "UPDATE_COMPLETE"
