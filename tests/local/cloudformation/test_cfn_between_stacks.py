"""Exports and imports, and stacks within stacks."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from cfn_fakes import Cfn, body, thing


@pytest.fixture
def cfn() -> Cfn:
    return Cfn()


# --- exports -----------------------------------------------------------------------------------------------


def exporting(value: Any = "v", name: str = "shared") -> dict[str, Any]:
    return {"TOutputs": {"O": {"Value": value, "Export": {"Name": name}}}}


def test_exports_and_their_users(cfn: Cfn) -> None:
    cfn.create("giver", {"A": thing()}, **exporting())
    giver = cfn.stack("giver")["StackId"]
    assert cfn("ListExports")["Exports"] == [{"ExportingStackId": giver, "Name": "shared", "Value": "v"}]
    assert "is not imported by any stack" in cfn.refused("ListImports", ExportName="shared")
    cfn.create("taker", {"B": thing(R={"Fn::ImportValue": "shared"})})
    assert cfn.world.objects[cfn.resources("taker")["B"]]["properties"] == {"R": "v"}
    assert cfn("ListImports", ExportName="shared")["Imports"] == ["taker"]

    changed = body({"A": thing()}, exporting("w"))
    message = "Export shared cannot be updated as it is in use by taker"
    assert cfn.refused("UpdateStack", StackName="giver", **changed) == message
    message = "Export shared cannot be deleted as it is in use by taker"
    assert cfn.refused("UpdateStack", StackName="giver", **body({"A": thing()}, {})) == message
    cfn("DeleteStack", StackName="giver")
    stack = cfn.stack("giver")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert (
        stack["StackStatusReason"] == "Delete canceled. Cannot delete export shared as it is in use by taker."
    )
    message = cfn.refused("CreateStack", StackName="other", **body({"A": thing()}, exporting()))
    assert message == "Export with name shared is already exported by stack giver."

    cfn.update("taker", {"B": thing(R="own")})
    assert cfn.update("giver", {"A": thing()}, **exporting("w")) == "UPDATE_COMPLETE"
    assert cfn.delete("giver") == "DELETE_COMPLETE"
    assert cfn("ListExports")["Exports"] == []
    missing = cfn.refused(
        "CreateStack", StackName="late", **body({"B": thing(R={"Fn::ImportValue": "shared"})}, {})
    )
    assert "No export named shared found." in missing


def test_an_export_that_changes_only_when_made_fails_the_update_and_goes_back(cfn: Cfn) -> None:
    outputs = exporting({"Ref": "A"})
    cfn.create("giver", {"A": thing()}, **outputs)
    cfn.create("taker", {"B": thing(R={"Fn::ImportValue": "shared"})})
    dump = cfn.world.dump()
    assert cfn.update("giver", {"A": thing(Fixed=1)}, **outputs) == "UPDATE_ROLLBACK_COMPLETE"
    assert cfn.world.dump() == dump
    reason = [e for e in cfn.events("giver") if e["ResourceStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS"]
    assert reason[0]["ResourceStatusReason"] == "Export shared cannot be updated as it is in use by taker"


# --- nested stacks -----------------------------------------------------------------------------------------


def put(cfn: Cfn, key: str, resources: dict[str, Any], **sections: Any) -> str:
    cfn.answers.objects["templates", key] = json.dumps({"Resources": resources, **sections})
    return f"https://templates.s3.us-east-1.amazonaws.com/{key}"


def nested(url: str, depends: Any = None, **given: Any) -> dict[str, Any]:
    properties = {"TemplateURL": url, **({"Parameters": given} if given else {})}
    declared: dict[str, Any] = {"Type": "AWS::CloudFormation::Stack", "Properties": properties}
    return {**declared, "DependsOn": depends} if depends else declared


INNER: dict[str, Any] = {
    "Parameters": {"P": {"Type": "String"}, "Size": {"Type": "Number", "Default": 1}},
    "Outputs": {"Id": {"Value": {"Ref": "I"}}, "Echo": {"Value": {"Ref": "P"}}},
}
INNER_RESOURCES = {"I": thing(P={"Ref": "P"}), "J": thing(R={"Ref": "I"}, S={"Ref": "Size"})}


def parent(url: str, size: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "A": thing(),
        "N": nested(url, P={"Ref": "A"}, Size=size),
        "B": thing(R={"Fn::GetAtt": ["N", "Outputs.Id"]}),
        **more,
    }


def child_of(cfn: Cfn, name: str = "s") -> str:
    return cfn.resources(name)["N"]


def test_a_nested_stack_lives_with_its_parent(cfn: Cfn) -> None:
    url = put(cfn, "inner.json", INNER_RESOURCES, **INNER)
    assert cfn.create("s", parent(url), Tags=[{"Key": "k", "Value": "v"}]) == "CREATE_COMPLETE"
    child = cfn.stack(child_of(cfn))
    assert child["StackName"].startswith("s-N-")
    assert child["ParentId"] == child["RootId"] == cfn.stack("s")["StackId"]
    ids = cfn.resources(child["StackId"])
    assert cfn.outputs(child["StackId"]) == {"Id": ids["I"], "Echo": cfn.resources("s")["A"]}
    assert cfn.world.objects[cfn.resources("s")["B"]]["properties"] == {"R": ids["I"]}
    assert cfn.world.objects[ids["I"]]["tags"] == {"k": "v"}
    assert "No updates" in cfn.refused("UpdateStack", StackName="s", **body(parent(url), {}))

    assert cfn.update("s", parent(url, size=2)) == "UPDATE_COMPLETE"
    assert cfn.stack(child["StackId"])["StackStatus"] == "UPDATE_COMPLETE"
    assert cfn.world.objects[ids["J"]]["properties"]["S"] == "2"
    assert cfn.delete("s") == "DELETE_COMPLETE"
    assert cfn.stack(child["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert cfn.world.objects == {}


def test_another_text_behind_the_same_url_is_a_change(cfn: Cfn) -> None:
    url = put(cfn, "inner.json", INNER_RESOURCES, **INNER)
    cfn.create("s", parent(url))
    put(cfn, "inner.json", {**INNER_RESOURCES, "K": thing()}, **INNER)
    assert cfn.update("s", parent(url)) == "UPDATE_COMPLETE"
    assert set(cfn.resources(child_of(cfn))) == {"I", "J", "K"}


@pytest.mark.parametrize("failing", ["J", "B", "Late"])
def test_a_failed_update_takes_the_nested_stack_back(cfn: Cfn, failing: str) -> None:
    """It fails within the nested stack, and after the nested stack was replaced in part."""
    url = put(cfn, "inner.json", INNER_RESOURCES, **INNER)
    cfn.create("s", parent(url))
    child = child_of(cfn)
    dump, had = cfn.world.dump(), cfn.resources(child)
    other = {"I": thing(P={"Ref": "P"}, Fixed=1), "J": thing(R={"Ref": "I"}), "K": thing()}
    url = put(cfn, "inner.json" if failing == "B" else "other.json", other, **INNER)
    cfn.world.fails("create" if failing == "Late" else "update", failing, times=1)
    after = parent(url, Late=thing(depends=["B", "N"]))
    assert cfn.update("s", after) == "UPDATE_ROLLBACK_COMPLETE", cfn.trail("s")
    assert cfn.world.dump() == dump
    assert cfn.resources(child) == had
    assert cfn.stack(child)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    if failing == "J":
        assert cfn.reasons("s")["N"].startswith(f"Embedded stack {child} was not successfully updated: ")
    assert cfn.update("s", after) == "UPDATE_COMPLETE"
    assert set(cfn.resources(child)) == {"I", "J", "K"}
    assert cfn.delete("s") == "DELETE_COMPLETE"
    assert cfn.world.objects == {}


@pytest.mark.parametrize("failing", ["J", "B"])
def test_a_failed_create_leaves_no_nested_stack(cfn: Cfn, failing: str) -> None:
    url = put(cfn, "inner.json", INNER_RESOURCES, **INNER)
    cfn.world.fails("create", failing)
    assert cfn.create("s", parent(url)) == "ROLLBACK_COMPLETE"
    assert cfn.world.objects == {}
    names = [row["StackName"] for row in cfn("DescribeStacks")["Stacks"]]
    assert names == ["s"]


def test_a_nested_stack_is_planned_and_refused_with_its_parent(cfn: Cfn) -> None:
    deep = put(cfn, "deep.json", {"D": thing(Bad=1)})
    url = put(cfn, "inner.json", {**INNER_RESOURCES, "I2": thing(Bad=1), "Deep": nested(deep)}, **INNER)
    message = cfn.refused("CreateStack", StackName="s", **body(parent(url, M=thing(Bad=1)), {}))
    assert message.splitlines() == [
        "M (Test::Thing::One): Bad: it is bad",
        "N/I2 (Test::Thing::One): Bad: it is bad",
        "N/Deep/D (Test::Thing::One): Bad: it is bad",
    ]
    missing = cfn.refused(
        "CreateStack", StackName="s", **body({"N": nested("https://s3.amazonaws.com/b/none")}, {})
    )
    assert "N (AWS::CloudFormation::Stack): S3 error: The specified key does not exist." in missing
    assert "Parameters: [P] must have values" in cfn.refused(
        "CreateStack", StackName="s", **body({"N": nested(url)}, {})
    )
    assert cfn.world.calls == []
    assert cfn("ListStacks")["StackSummaries"] == []


def test_a_nested_stack_ends_with_its_time(cfn: Cfn) -> None:
    url = put(cfn, "inner.json", INNER_RESOURCES, **INNER)
    declared = nested(url, P="p")
    declared["Properties"]["TimeoutInMinutes"] = "2"
    cfn.world.block["create", "J"] = threading.Event()
    cfn.create("s", {"N": declared}, wait=False)
    cfn.until(lambda: ("create", "J") in cfn.world.calls)
    ((seconds, action),) = cfn.clock.timers
    assert seconds == 120
    action()
    assert cfn.wait("s") == "ROLLBACK_COMPLETE"
    assert cfn.reasons("s")["N"].endswith("created: Stack creation time exceeded the specified timeout.")
    assert cfn.world.objects == {}

    declared["Properties"]["TimeoutInMinutes"] = "soon"
    message = cfn.refused("CreateStack", StackName="t", **body({"N": declared}, {}))
    assert "Properties/TimeoutInMinutes: 'soon' is not a number of minutes" in message


def test_a_cancelled_update_reaches_into_the_nested_stack(cfn: Cfn) -> None:
    url = put(cfn, "inner.json", INNER_RESOURCES, **INNER)
    cfn.create("s", parent(url))
    dump = cfn.world.dump()
    cfn.world.block["update", "J"] = threading.Event()
    cfn.update("s", parent(url, size=7), wait=False)
    cfn.until(lambda: ("update", "J") in cfn.world.calls)
    del cfn.world.block["update", "J"]
    cfn("CancelUpdateStack", StackName="s")
    assert cfn.wait("s") == "UPDATE_ROLLBACK_COMPLETE"
    assert cfn.world.dump() == dump


# --- what a parent answers for -----------------------------------------------------------------------------


def test_what_is_acknowledged_for_the_parent_holds_for_all_within(cfn: Cfn) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "named"}}
    stack = {"N": nested(put(cfn, "inner.json", {"R": role}))}
    message = cfn.refused("CreateStack", StackName="s", **body(stack, {}))
    assert message == "N (AWS::CloudFormation::Stack): Requires capabilities : [CAPABILITY_NAMED_IAM]"
    assert cfn.create("s", stack, Capabilities=["CAPABILITY_NAMED_IAM"]) == "CREATE_COMPLETE"


def test_a_nested_stack_whose_export_is_in_use_stays_with_its_parent(cfn: Cfn) -> None:
    url = put(cfn, "inner.json", {"I": thing()}, Outputs=exporting()["TOutputs"])
    cfn.create("s", {"N": nested(url)})
    child = child_of(cfn)
    cfn.create("taker", {"B": thing(R={"Fn::ImportValue": "shared"})})
    assert cfn.delete("s") == "DELETE_FAILED"
    in_use = "Delete canceled. Cannot delete export shared as it is in use by taker."
    assert cfn.reasons("s")["N"] == in_use
    assert cfn.stack(child)["StackStatus"] == "CREATE_COMPLETE"
    assert len(cfn.world.objects) == 2
    cfn.delete("taker")
    assert cfn.delete("s") == "DELETE_COMPLETE"
    assert cfn.world.objects == {}


def test_a_template_that_nests_itself_is_refused(cfn: Cfn) -> None:
    url = put(cfn, "self.json", {})
    put(cfn, "self.json", {"A": thing(), "N": nested(url)})
    message = cfn.refused("CreateStack", StackName="s", TemplateURL=url)
    assert "this template nests itself, without end" in message


def test_stacks_are_nested_only_so_deep_and_only_so_many(cfn: Cfn) -> None:
    url = put(cfn, "0.json", {"A": thing()})
    for depth in range(1, 12):
        url = put(
            cfn, f"{depth}.json", {"N": nested(url), "M": nested(url)} if depth < 9 else {"N": nested(url)}
        )
    assert "over 200 nested stacks under one" in cfn.refused("CreateStack", StackName="s", TemplateURL=url)
    url = put(cfn, "0.json", {"A": thing()})
    for depth in range(1, 12):
        url = put(cfn, f"{depth}.json", {"N": nested(url)})
    assert "nested over 10 deep" in cfn.refused("CreateStack", StackName="s", TemplateURL=url)
    cfn("CreateStack", StackName="s", TemplateURL=url.replace("11.json", "10.json"))
    assert cfn.wait("s") == "CREATE_COMPLETE"
