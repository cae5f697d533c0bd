"""NoEcho: the values of such parameters are given to resources, and shown nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfn_fakes import Cfn, body, thing

SECRET, NEXT = "s3cr3t-word", "an0ther-word"
PARAMETERS = {"Pw": {"Type": "String", "NoEcho": True}, "Open": {"Type": "String", "Default": "seen"}}


@pytest.fixture
def cfn() -> Cfn:
    return Cfn()


def given(value: str) -> list[dict[str, str]]:
    return [{"ParameterKey": "Pw", "ParameterValue": value}]


def everything_shown(cfn: Cfn, name: str) -> str:
    """All that can be read of a stack, its change sets and its notices."""
    sets = [row["ChangeSetId"] for row in cfn("ListChangeSets", StackName=name)["Summaries"]]
    shown: list[Any] = [
        cfn.stack(name),
        cfn.events(name),
        cfn("DescribeEvents", StackName=name),
        cfn("ListStackResources", StackName=name),
        [cfn("DescribeChangeSet", ChangeSetName=one, IncludePropertyValues=True) for one in sets],
        cfn.answers.published,
    ]
    return json.dumps(shown, default=str)


RESOURCES = {
    "A": thing(
        Plain={"Ref": "Pw"},
        Part={"Fn::Sub": "user:${Pw}@host"},
        Piece={"Fn::Select": [1, {"Fn::Split": ["-", {"Ref": "Pw"}]}]},
        Deep={"list": [{"Fn::Join": ["", ["x", {"Ref": "Pw"}]]}]},
        Seen={"Ref": "Open"},
    )
}


def test_neither_events_nor_change_sets_show_it(cfn: Cfn) -> None:
    topics = ["arn:aws:sns:us-east-1:123456789012:told"]
    status = cfn.create(
        "s", RESOURCES, TParameters=PARAMETERS, Parameters=given(SECRET), NotificationARNs=topics
    )
    assert status == "CREATE_COMPLETE"
    made = cfn.world.objects[cfn.resources("s")["A"]]["properties"]
    assert made["Part"] == f"user:{SECRET}@host"
    assert made["Piece"] == "word"

    told = next(row for row in cfn.events("s") if "ResourceProperties" in row)
    assert json.loads(told["ResourceProperties"]) == {
        "Plain": "****",
        "Part": "user:****@host",
        "Piece": "****",  # of the mask, nothing is made
        "Deep": {"list": ["x****"]},
        "Seen": "seen",
    }
    cfn("CreateChangeSet", StackName="s", ChangeSetName="c", UsePreviousTemplate=True, Parameters=given(NEXT))
    described = cfn("DescribeChangeSet", StackName="s", ChangeSetName="c", IncludePropertyValues=True)
    change = described["Changes"][0]["ResourceChange"]
    values = {row["Target"]["Name"]: row["Target"] for row in change["Details"]}
    assert values["Plain"]["BeforeValue"] == values["Plain"]["AfterValue"] == "****"
    assert json.loads(change["AfterContext"])["Properties"]["Part"] == "user:****@host"
    shown = everything_shown(cfn, "s")
    cfn.service.close()
    shown += json.dumps(cfn.answers.published)
    assert "user:****@host" in shown
    assert SECRET not in shown
    assert NEXT not in shown


def test_nor_does_an_update_that_fails_and_goes_back(cfn: Cfn) -> None:
    cfn.create("s", RESOURCES, TParameters=PARAMETERS, Parameters=given(SECRET))
    cfn.world.fails("update", "A", times=1)
    changed = body(RESOURCES, {"TParameters": PARAMETERS})
    cfn("UpdateStack", StackName="s", Parameters=given(NEXT), **changed)
    assert cfn.wait("s") == "UPDATE_ROLLBACK_COMPLETE"
    shown = everything_shown(cfn, "s")
    assert SECRET not in shown
    assert NEXT not in shown


def test_nor_does_a_parent_show_what_its_nested_stack_hides(cfn: Cfn) -> None:
    inner = {"Parameters": PARAMETERS, "Resources": {"B": thing(X={"Ref": "Pw"})}}
    cfn.answers.objects["b", "inner"] = json.dumps(inner)
    nested = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {
            "TemplateURL": "https://s3.amazonaws.com/b/inner",
            "Parameters": {"Pw": {"Ref": "Word"}, "Open": "shown"},
        },
    }
    # The parent hides it not; the nested one does.
    parameters = {"Word": {"Type": "String"}}
    values = [{"ParameterKey": "Word", "ParameterValue": SECRET}]
    assert cfn.create("s", {"N": nested}, TParameters=parameters, Parameters=values) == "CREATE_COMPLETE"
    told = [json.loads(row["ResourceProperties"]) for row in cfn.events("s") if "ResourceProperties" in row]
    assert {row["Parameters"]["Pw"] for row in told} == {"****"}
    assert {row["Parameters"]["Open"] for row in told} == {"shown"}
    child = cfn.resources("s")["N"]
    assert SECRET not in everything_shown(cfn, child)


def test_conditions_hold_as_they_do_with_the_value(cfn: Cfn) -> None:
    conditions = {"Long": {"Fn::Equals": [{"Ref": "Pw"}, SECRET]}}
    resources = {"A": thing(X={"Fn::If": ["Long", {"Fn::Sub": "yes ${Pw}"}, "no"]})}
    cfn.create("s", resources, TParameters=PARAMETERS, Parameters=given(SECRET), TConditions=conditions)
    told = next(row for row in cfn.events("s") if "ResourceProperties" in row)
    assert json.loads(told["ResourceProperties"]) == {"X": "yes ****"}
