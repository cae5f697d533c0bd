"""Stacks: create, update, delete; plans, events, and two at once."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from cfn_fakes import SCOPE, Cfn, body, thing

from gluonship.local.cloudformation.contract import UNKNOWN
from gluonship.local.cloudformation.graph import walk
from gluonship.local.cloudformation.plan import Action, Replacement
from gluonship.local.cloudformation.planning import make_plan
from gluonship.local.cloudformation.requests import revision_of
from gluonship.local.contracts import AwsError


@pytest.fixture
def cfn() -> Cfn:
    return Cfn()


def test_a_stack_comes_goes_and_stays_describable(cfn: Cfn) -> None:
    resources = {"A": thing(X=1), "B": thing(R={"Fn::Sub": "${A}/${A.Arn}/${AWS::StackName}"}, Recorded=1)}
    outputs = {"O": {"Value": {"Fn::GetAtt": "B.Arn"}, "Description": "the B"}}
    assert (
        cfn.create("s", resources, TOutputs=outputs, Tags=[{"Key": "k", "Value": "v"}]) == "CREATE_COMPLETE"
    )
    stack = cfn.stack("s")
    arn = f"arn:aws:cloudformation:us-east-1:{SCOPE.account_id}:stack/s/"
    assert stack["StackId"].startswith(arn)
    assert len(stack["StackId"]) == len(arn) + 36
    b = cfn.world.objects[cfn.resources("s")["B"]]
    a = cfn.resources("s")["A"]
    assert b["properties"]["R"] == f"{a}/arn:test:{a}/s"
    assert b["tags"] == {"k": "v"}
    assert cfn.outputs("s") == {"O": f"arn:test:{cfn.resources('s')['B']}"}
    told = next(
        row
        for row in cfn.events("s")
        if row["LogicalResourceId"] == "B" and row["ResourceStatus"] == "CREATE_COMPLETE"
    )
    assert told["ResourceStatusReason"] == "recorded here, without effect: Recorded has no effect"
    assert cfn.delete("s") == "DELETE_COMPLETE"
    assert cfn.world.order("delete") == ["B", "A"]
    assert cfn.refused("DescribeStacks", StackName="s") == "Stack with id s does not exist"
    assert cfn.stack(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert set(cfn.resources(stack["StackId"])) == {"A", "B"}
    assert cfn.create("s", resources) == "CREATE_COMPLETE"  # another stack of the name
    assert cfn.stack("s")["StackId"] != stack["StackId"]


def test_events_are_apart_and_newest_first(cfn: Cfn) -> None:
    cfn.create("s", {f"R{n}": thing() for n in range(60)})
    events = cfn.events("s")
    assert len(events) == 122
    assert all(
        (after["Timestamp"] - before["Timestamp"]).total_seconds() >= 0.001
        for before, after in pairwise(events)
    )
    assert len({row["EventId"] for row in events}) == len(events)
    first_page = cfn("DescribeStackEvents", StackName="s")
    assert len(first_page["StackEvents"]) == 100
    assert first_page["StackEvents"][0]["ResourceStatus"] == "CREATE_COMPLETE"


def test_independent_resources_are_made_side_by_side_and_no_more_than_eight(cfn: Cfn) -> None:
    cfn.world.pause = 0.02
    cfn.create("s", {f"R{n}": thing() for n in range(24)})
    assert 4 <= cfn.world.most_busy <= 8
    cfn.world.most_busy = 0
    chain = {"R0": thing(), **{f"R{n}": thing(R={"Ref": f"R{n - 1}"}) for n in range(1, 5)}}
    cfn.create("chain", chain)
    assert cfn.world.most_busy == 1


def test_changes_in_place_by_replacement_and_in_what_depends(cfn: Cfn) -> None:
    before = {"A": thing(X=1), "B": thing(R={"Ref": "A"}), "C": thing(policy="Retain"), "D": thing()}
    cfn.create("s", before)
    had = cfn.resources("s")
    after = {"A": thing(X=1, Fixed=1), "B": thing(R={"Ref": "A"})}
    assert cfn.update("s", after) == "UPDATE_COMPLETE"
    has = cfn.resources("s")
    assert has["A"] != had["A"]
    assert has["B"] == had["B"]
    assert cfn.world.objects[has["B"]]["properties"] == {"R": has["A"]}
    assert set(cfn.world.objects) == {has["A"], has["B"], had["C"]}  # C was retained
    trail = cfn.trail("s")
    cleanup = trail.index("- UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    assert {"A DELETE_COMPLETE", "C DELETE_SKIPPED", "D DELETE_COMPLETE"} <= set(trail[cleanup:])


def test_a_replaced_resource_can_be_retained(cfn: Cfn) -> None:
    kept = {"A": {**thing(Fixed=1), "UpdateReplacePolicy": "Retain"}}
    cfn.create("s", kept)
    cfn.update("s", {"A": {**thing(Fixed=2), "UpdateReplacePolicy": "Retain"}})
    assert len(cfn.world.objects) == 2


def test_what_cannot_be_deleted_in_the_cleanup_does_not_fail_the_update(cfn: Cfn) -> None:
    cfn.create("s", {"A": thing(), "B": thing()})
    cfn.world.fails("delete", "B")
    assert cfn.update("s", {"A": thing()}) == "UPDATE_COMPLETE"
    assert cfn.reasons("s") == {"B": "B is not empty"}


def test_tags_only_and_outputs_only_are_updates(cfn: Cfn) -> None:
    resources = {"A": thing()}
    cfn.create("s", resources)
    assert cfn.update("s", resources, Tags=[{"Key": "a", "Value": "b"}]) == "UPDATE_COMPLETE"
    assert cfn.world.objects[cfn.resources("s")["A"]]["tags"] == {"a": "b"}
    assert cfn.update("s", resources, TOutputs={"O": {"Value": "x"}}) == "UPDATE_COMPLETE"
    assert cfn.stack("s")["Tags"] == [{"Key": "a", "Value": "b"}]
    same = body(resources, {"TOutputs": {"O": {"Value": "x"}}})
    assert cfn.refused("UpdateStack", StackName="s", **same) == "No updates are to be performed."


def test_numbers_and_their_strings_are_no_change(cfn: Cfn) -> None:
    cfn.create("s", {"A": thing(X=1)})
    assert "No updates" in cfn.refused("UpdateStack", StackName="s", **body({"A": thing(X="1")}, {}))


# --- the plan ----------------------------------------------------------------------------------------------


def test_a_plan_is_data_and_touches_nothing(cfn: Cfn) -> None:
    before = {"A": thing(X=1), "B": thing(R={"Ref": "A"}), "Same": thing(), "Old": thing(policy="Retain")}
    cfn.create("s", before)
    calls = len(cfn.world.calls)
    after = {
        "A": thing(X=1, Fixed={"Fn::GetAtt": ["New", "Arn"]}),
        "B": thing(R={"Ref": "A"}),
        "Same": thing(),
        "New": thing(Name="named", Recorded=1),
        "C": thing(R={"Ref": "New"}),
    }
    stack = cfn.service.context.register.get(SCOPE, "s")
    plan = make_plan(
        cfn.service.context, stack, revision_of(cfn.service.context, SCOPE, body(after, {}), stack)
    )
    assert len(cfn.world.calls) == calls
    rows = {planned.logical_id: planned for planned in plan.resources}
    assert {name: planned.action for name, planned in rows.items()} == {
        "A": Action.MODIFY,
        "B": Action.MODIFY,
        "Same": Action.NONE,
        "New": Action.ADD,
        "C": Action.ADD,
        "Old": Action.REMOVE,
    }
    assert rows["A"].replacement is Replacement.CONDITIONAL
    assert rows["A"].after == {"X": "1", "Fixed": UNKNOWN}
    assert rows["B"].replacement is Replacement.FALSE
    assert rows["B"].changes[0].after is UNKNOWN
    assert rows["C"].after == {"R": "named"}  # a name that is given is known
    assert rows["New"].recorded == ("Recorded has no effect",)
    assert rows["Old"].policy_action == "Retain"
    assert plan.refused == []


def test_everything_that_is_refused_is_named_before_anything_is_touched(cfn: Cfn) -> None:
    resources = {
        "Good": thing(),
        "Unknown": {"Type": "AWS::Athena::WorkGroup"},
        "Custom": {"Type": "Custom::Thing", "Properties": {"ServiceToken": "x"}},
        "Wrong": thing(Bad=1, BadToo=2),
        "Attribute": thing(R={"Fn::GetAtt": ["Good", "Nope"]}),
        "Snap": thing(policy="Snapshot"),
    }
    message = cfn.refused("CreateStack", StackName="s", **body(resources, {}))
    assert message.splitlines() == [
        "Unknown (AWS::Athena::WorkGroup): AWS::Athena::WorkGroup is not a type of this cloud",
        "Custom (Custom::Thing): custom resources are not executed by this local cloud, "
        "which runs no Lambda functions",
        "Wrong (Test::Thing::One): Bad: it is bad",
        "Wrong (Test::Thing::One): BadToo: it is bad",
        "Snap (Test::Thing::One): Template error: resource type Test::Thing::One does not support "
        "deletion policy Snapshot: this local cloud takes no snapshots",
        "Attribute (Test::Thing::One): Template error: resource Good does not support attribute type "
        "Nope in Fn::GetAtt",
    ]
    assert cfn.world.calls == []
    assert cfn("ListStacks")["StackSummaries"] == []


def test_of_a_refused_type_nothing_is_said_but_that(cfn: Cfn) -> None:
    """Not of its attributes, of its policies, nor of what takes something of it."""
    resources = {
        "Unknown": {
            **thing(policy="Snapshot", Of={"Fn::GetAtt": ["Custom", "Anything"]}, Bad=1),
            "Type": "AWS::Athena::WorkGroup",
            "UpdatePolicy": {"CodeDeployLambdaAliasUpdate": {}},
        },
        "Custom": {"Type": "Custom::Thing", "Properties": {"ServiceToken": {"Fn::GetAtt": "Unknown2.Arn"}}},
        "Unknown2": {"Type": "AWS::Lambda::Function"},
        "Uses": thing(R={"Fn::Sub": "${Custom.Anything}/${Unknown.Arn}"}, Name={"Ref": "Unknown"}),
    }
    outputs = {"Arn": {"Value": {"Fn::GetAtt": "Unknown.Arn"}, "Export": {"Name": {"Ref": "Custom"}}}}
    for operation in ("CreateStack", "UpdateStack"):
        message = cfn.refused(operation, StackName="s", **body(resources, {"TOutputs": outputs}))
        assert [line.partition(":")[0] for line in message.splitlines()] == [
            "Unknown2 (AWS",
            "Custom (Custom",
            "Unknown (AWS",
        ]
        assert message.count("is not a type of this cloud") == 2
        assert message.count("custom resources are not executed") == 1
        if operation == "CreateStack":
            cfn.create("s", {"Before": thing()})


def test_what_would_wait_for_signals_is_refused_with_all_else(cfn: Cfn) -> None:
    waiting = {**thing(Bad=1), "CreationPolicy": {"ResourceSignal": {}}, "UpdatePolicy": {}}
    message = cfn.refused("CreateStack", StackName="s", **body({"A": waiting}, {}))
    assert message.splitlines() == [
        "A (Test::Thing::One): this local cloud does not execute CreationPolicy, UpdatePolicy: "
        "nothing signals",
        "A (Test::Thing::One): Bad: it is bad",
    ]


def test_an_update_is_refused_whole(cfn: Cfn) -> None:
    cfn.create("s", {"A": thing(Stuck=1), "N": thing(Name="n", Fixed=1)})
    dump = cfn.world.dump()
    after = {"A": thing(Stuck=2), "N": thing(Name="n", Fixed=2), "New": thing()}
    message = cfn.refused("UpdateStack", StackName="s", **body(after, {}))
    assert "A (Test::Thing::One): Stuck: cannot be changed here" in message
    assert (
        "N (Test::Thing::One): CloudFormation cannot update a stack when a custom-named resource" in message
    )
    assert cfn.world.dump() == dump
    assert cfn.stack("s")["StackStatus"] == "CREATE_COMPLETE"


def test_conditions_choose_resources(cfn: Cfn) -> None:
    sections = {
        "TParameters": {"Stage": {"Type": "String", "Default": "test"}},
        "TConditions": {"Prod": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
        "TOutputs": {"O": {"Condition": "Prod", "Value": {"Ref": "P"}}},
    }
    resources = {"A": thing(), "P": {**thing(), "Condition": "Prod"}}
    cfn.create("s", resources, **sections)
    assert set(cfn.resources("s")) == {"A"}
    cfn.update("s", resources, **sections, Parameters=[{"ParameterKey": "Stage", "ParameterValue": "prod"}])
    assert set(cfn.resources("s")) == {"A", "P"}
    assert set(cfn.outputs("s")) == {"O"}
    cfn("UpdateStack", StackName="s", **body(resources, sections))  # back to the default
    assert cfn.wait("s") == "UPDATE_COMPLETE"
    assert set(cfn.resources("s")) == {"A"}
    message = cfn.refused(
        "UpdateStack", StackName="s", **body({**resources, "B": thing(R={"Ref": "P"})}, sections)
    )
    assert "Unresolved resource dependencies [P] in the Resources block" in message


def test_secrets_are_given_to_the_type_alone(cfn: Cfn) -> None:
    cfn.answers.secrets["db"] = '{"password": "swordfish"}'
    reference = "{{resolve:secretsmanager:db:SecretString:password}}"
    cfn.create("s", {"A": thing(Password=reference)})
    assert cfn.world.objects[cfn.resources("s")["A"]]["properties"] == {"Password": "swordfish"}
    assert "swordfish" not in str(cfn.events("s"))
    cfn(
        "CreateChangeSet", StackName="s", ChangeSetName="c", **body({"A": thing(Password=reference, X=1)}, {})
    )
    assert "swordfish" not in str(
        cfn("DescribeChangeSet", StackName="s", ChangeSetName="c", IncludePropertyValues=True)
    )
    missing = cfn.refused(
        "CreateStack", StackName="t", **body({"A": thing(P="{{resolve:secretsmanager:no}}")}, {})
    )
    assert "Secrets Manager can't give no" in missing


def test_parameters_hidden_and_from_systems_manager(cfn: Cfn) -> None:
    cfn.answers.parameters["/image"] = "ami-1"
    declared = {
        "Secret": {"Type": "String", "NoEcho": True},
        "Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image"},
    }
    cfn.create(
        "s",
        {"A": thing(S={"Ref": "Secret"}, I={"Ref": "Image"})},
        TParameters=declared,
        Parameters=[{"ParameterKey": "Secret", "ParameterValue": "pss"}],
    )
    shown = {row["ParameterKey"]: row for row in cfn.stack("s")["Parameters"]}
    assert shown["Secret"]["ParameterValue"] == "****"
    assert shown["Image"] == {"ParameterKey": "Image", "ParameterValue": "/image", "ResolvedValue": "ami-1"}
    cfn.answers.parameters["/image"] = "ami-2"
    previous = [{"ParameterKey": "Secret", "UsePreviousValue": True}]
    cfn("UpdateStack", StackName="s", UsePreviousTemplate=True, Parameters=previous)
    assert cfn.wait("s") == "UPDATE_COMPLETE"
    assert cfn.world.objects[cfn.resources("s")["A"]]["properties"] == {"S": "pss", "I": "ami-2"}
    assert "Cannot specify usePreviousValue" in cfn.refused(
        "UpdateStack",
        StackName="s",
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "X", "UsePreviousValue": True}],
    )


# --- delete ------------------------------------------------------------------------------------------------


def test_a_delete_that_fails_and_its_ways_out(cfn: Cfn) -> None:
    resources = {"A": thing(), "B": thing(R={"Ref": "A"}), "C": thing()}
    for name, more in (
        ("again", {}),
        ("retain", {"RetainResources": ["B"]}),
        ("force", {"DeletionMode": "FORCE_DELETE_STACK"}),
    ):
        cfn.world.objects.clear()
        cfn.create(name, resources)
        assert (
            "only when the stack is in the DELETE_FAILED"
            in cfn.refused("DeleteStack", StackName=name, **more)
            if more
            else True
        )
        cfn.world.fails("delete", "B")
        assert cfn.delete(name) == "DELETE_FAILED"
        assert cfn.stack(name)["StackStatusReason"] == "The following resource(s) failed to delete: [B]. "
        assert set(cfn.resources(name)) == {"A", "B"}  # A is still needed
        if not more:
            cfn.world.fail.clear()
        assert cfn.delete(name, **more) == "DELETE_COMPLETE"
        cfn.world.fail.clear()
        assert len(cfn.world.objects) == {"again": 0, "retain": 1, "force": 2}[name]


def test_protection_and_what_is_not_there(cfn: Cfn) -> None:
    cfn.create("s", {"A": thing()}, EnableTerminationProtection=True)
    assert (
        cfn.refused("DeleteStack", StackName="s")
        == "Stack [s] cannot be deleted while TerminationProtection is enabled"
    )
    cfn("UpdateTerminationProtection", StackName="s", EnableTerminationProtection=False)
    assert cfn.delete("s") == "DELETE_COMPLETE"
    cfn("DeleteStack", StackName="s")
    assert (
        cfn.refused("UpdateStack", StackName="s", **body({"A": thing()}, {}))
        == "Stack with id s does not exist"
    )


# --- two at once -------------------------------------------------------------------------------------------


def test_two_operations_on_one_stack(cfn: Cfn) -> None:
    cfn.create("s", {"A": thing()})
    gate = cfn.world.block["update", "A"] = threading.Event()
    cfn.update("s", {"A": thing(X=1)}, wait=False)
    stack_id = cfn.stack("s")["StackId"]
    again = body({"A": thing(X=2)}, {})
    busy = f"Stack:{stack_id} is in UPDATE_IN_PROGRESS state and can not be updated."
    assert cfn.refused("UpdateStack", StackName="s", **again) == busy
    assert cfn.refused("CreateChangeSet", StackName="s", ChangeSetName="c", **again) == busy
    assert "can not be deleted" in cfn.refused("DeleteStack", StackName="s")
    gate.set()
    assert cfn.wait("s") == "UPDATE_COMPLETE"
    with pytest.raises(AwsError, match="AlreadyExistsException: Stack \\[s\\] already exists"):
        cfn("CreateStack", StackName="s", **again)


def test_a_quick_operation_is_done_when_its_request_is_answered() -> None:
    """The AWS CLI looks once, and then only every 30 s."""
    cfn = Cfn(linger_seconds=5)
    cfn.create("s", {"A": thing()}, wait=False)
    assert cfn.stack("s")["StackStatus"] == "CREATE_COMPLETE"
    stack_id = cfn.stack("s")["StackId"]
    cfn("DeleteStack", StackName="s")
    assert cfn.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE"

    cfn = Cfn(linger_seconds=0.05)
    gate = cfn.world.block["create", "A"] = threading.Event()
    cfn.create("s", {"A": thing()}, wait=False)
    assert cfn.stack("s")["StackStatus"] == "CREATE_IN_PROGRESS"
    gate.set()
    assert cfn.wait("s") == "CREATE_COMPLETE"


def test_of_many_creates_of_one_name_one_wins(cfn: Cfn) -> None:
    codes = []

    def create() -> None:
        try:
            cfn("CreateStack", StackName="s", **body({"A": thing()}, {}))
            codes.append("")
        except AwsError as error:
            codes.append(error.code)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["", *["AlreadyExistsException"] * 7]
    assert cfn.wait("s") == "CREATE_COMPLETE"
    assert len(cfn.world.objects) == 1


def test_a_retried_request_is_the_same_request(cfn: Cfn) -> None:
    request = {"StackName": "s", **body({"A": thing()}, {}), "ClientRequestToken": "t1"}
    first = cfn("CreateStack", **request)
    assert cfn("CreateStack", **request) == first
    cfn.wait("s")
    assert {row["ClientRequestToken"] for row in cfn.events("s")} == {"t1"}


def test_a_defect_of_the_engine_leaves_no_stack_behind(cfn: Cfn, caplog: pytest.LogCaptureFixture) -> None:
    cfn.create("s", {"A": thing()})

    def broken(*_: object) -> list[object]:
        raise KeyError("surprise")

    after = body({"A": thing(X=2)}, {})
    stack = cfn.service.context.register.get(SCOPE, "s")
    gate = threading.Event()
    cfn.world.block["update", "A"] = gate
    cfn("UpdateStack", StackName="s", **after)
    cfn.world.changes = broken  # type: ignore[method-assign,assignment]
    cfn.service.context.register.importers = broken  # type: ignore[method-assign,assignment]
    stack.outputs = (type("Odd", (), {"export_name": "e", "value": "v", "key": "k", "description": None})(),)  # type: ignore[assignment]
    gate.set()
    assert cfn.wait("s") == "UPDATE_FAILED"
    assert "The local cloud's engine failed: KeyError: 'surprise'" in cfn.stack("s")["StackStatusReason"]
    assert "surprise" in caplog.text


# --- graph -------------------------------------------------------------------------------------------------


def test_what_needs_a_failed_one_is_not_begun() -> None:
    seen: list[str] = []

    def work(name: str) -> bool:
        seen.append(name)
        return name != "b"

    left = walk({"a": [], "b": ["a"], "c": ["b"], "d": ["a"], "e": ["c"]}, work, workers=2)
    assert sorted(seen) == ["a", "b", "d"]
    assert left == ["c", "e"]
    assert walk({}, work, workers=2) == []
