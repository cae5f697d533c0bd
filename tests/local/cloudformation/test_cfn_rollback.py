"""The way back: after every failure the world is as it was, or the stack says what is not."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from cfn_fakes import Cfn, thing

BEFORE = {
    "A": thing(X=1),
    "B": thing(R={"Ref": "A"}),
    "C": thing(R={"Fn::GetAtt": ["B", "Arn"]}),
    "Gone": thing(R={"Ref": "A"}),
}
AFTER = {
    "A": thing(X=1, Fixed="replaced"),  # so B changes in place, as its Ref does
    "B": thing(R={"Ref": "A"}),
    "C": thing(R={"Fn::GetAtt": ["B", "Arn"]}, Y=2),
    "New": thing(R={"Ref": "C"}),
    "Last": thing(depends=["New", "C", "B"]),
}


@pytest.fixture
def cfn() -> Cfn:
    return Cfn()


# --- create ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", ["A", "B", "C", "Gone"])
@pytest.mark.parametrize("made", [False, True])
def test_a_failed_create_leaves_nothing(cfn: Cfn, failing: str, made: bool) -> None:
    cfn.world.fails("create", failing, made=made)
    assert cfn.create("s", BEFORE) == "ROLLBACK_COMPLETE"
    assert cfn.world.objects == {}
    assert cfn.reasons("s") == {failing: f"{failing} did not come up"}
    statuses = [row for row in cfn.trail("s") if row.startswith("- ")]
    assert statuses == ["- CREATE_IN_PROGRESS", "- ROLLBACK_IN_PROGRESS", "- ROLLBACK_COMPLETE"]
    reason = next(e for e in cfn.events("s") if e["ResourceStatus"] == "ROLLBACK_IN_PROGRESS")
    assert reason["ResourceStatusReason"] == (
        f"The following resource(s) failed to create: [{failing}]. Rollback requested by user."
    )
    assert "is in ROLLBACK_COMPLETE state and can not be updated" in cfn.refused(
        "UpdateStack", StackName="s", UsePreviousTemplate=True
    )
    assert cfn.delete("s") == "DELETE_COMPLETE"


def test_a_defect_of_a_type_is_a_failure_like_others(cfn: Cfn, caplog: pytest.LogCaptureFixture) -> None:
    cfn.world.fails("create", "C", made="defect")  # type: ignore[arg-type]
    assert cfn.create("s", BEFORE) == "ROLLBACK_COMPLETE"
    assert cfn.reasons("s") == {"C": "RuntimeError: a defect of the type"}
    assert cfn.world.objects == {}
    assert "a defect of the type" in caplog.text


def test_what_a_failed_create_does_is_for_the_user_to_say(cfn: Cfn) -> None:
    cfn.world.fails("create", "C", made=True)
    assert cfn.create("kept", BEFORE, OnFailure="DO_NOTHING") == "CREATE_FAILED"
    assert {row["properties"].get("X") for row in cfn.world.objects.values()} >= {"1"}
    assert len(cfn.world.objects) >= 3
    cfn("RollbackStack", StackName="kept")
    assert cfn.wait("kept") == "ROLLBACK_COMPLETE"
    assert cfn.world.objects == {}
    cfn(
        "CreateStack",
        StackName="gone",
        OnFailure="DELETE",
        TemplateBody=cfn("GetTemplate", StackName="kept")["TemplateBody"],
    )
    stack_id = cfn("ListStacks")["StackSummaries"][0]["StackId"]
    assert cfn.wait(stack_id) == "DELETE_COMPLETE"
    assert cfn.world.objects == {}
    assert "does not exist" in cfn.refused("DescribeStacks", StackName="gone")


def test_a_paused_create_can_be_tried_again(cfn: Cfn) -> None:
    cfn.world.fails("create", "C", times=1, made=True)
    assert cfn.create("s", BEFORE, DisableRollback=True) == "CREATE_FAILED"
    message = cfn.refused("UpdateStack", StackName="s", UsePreviousTemplate=True)
    assert "please use the disable-rollback parameter" in message
    cfn("UpdateStack", StackName="s", UsePreviousTemplate=True, DisableRollback=True)
    assert cfn.wait("s") == "UPDATE_COMPLETE"
    assert len(cfn.world.objects) == len(BEFORE)
    assert cfn.delete("s") == "DELETE_COMPLETE"
    assert cfn.world.objects == {}


def test_retained_resources_of_a_failed_create(cfn: Cfn) -> None:
    resources = {
        "Kept": thing(policy="Retain"),
        "Except": thing(policy="RetainExceptOnCreate"),
        "Bad": thing(depends=["Kept", "Except"]),
    }
    cfn.world.fails("create", "Bad")
    assert cfn.create("s", resources) == "ROLLBACK_COMPLETE"
    assert [row["type"] for row in cfn.world.objects.values()] == ["Test::Thing::One"]
    assert "Kept DELETE_SKIPPED" in cfn.trail("s")
    cfn.world.objects.clear()
    assert cfn.create("t", resources, RetainExceptOnCreate=True) == "ROLLBACK_COMPLETE"
    assert cfn.world.objects == {}


def test_a_create_that_cannot_go_back_says_what_is_left(cfn: Cfn) -> None:
    cfn.world.fails("create", "C")
    cfn.world.fails("delete", "B", times=1)
    assert cfn.create("s", BEFORE) == "ROLLBACK_FAILED"
    assert cfn.stack("s")["StackStatusReason"] == "The following resource(s) failed to delete: [B]. "
    assert set(cfn.resources("s")) == {"A", "B"}  # A is needed by B
    assert cfn.delete("s") == "DELETE_COMPLETE"
    assert cfn.world.objects == {}


# --- update ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "failing", "made"),
    [
        ("create", "A", False),  # the replacement
        ("create", "A", True),
        ("update", "B", False),
        ("update", "B", True),  # half of it was done
        ("update", "C", True),
        ("create", "New", True),
        ("create", "Last", False),
    ],
)
def test_a_failed_update_leaves_everything_as_it_was(cfn: Cfn, action: str, failing: str, made: bool) -> None:
    outputs = {"O": {"Value": {"Ref": "A"}}}
    cfn.create("s", BEFORE, TOutputs=outputs, Tags=[{"Key": "team", "Value": "one"}])
    dump, described = cfn.world.dump(), cfn.stack("s")
    had = cfn.resources("s")
    cfn.world.fails(action, failing, times=1, made=made)
    outputs = {"O": {"Value": {"Ref": "New"}}}
    status = cfn.update("s", AFTER, TOutputs=outputs, Tags=[{"Key": "team", "Value": "two"}])
    assert status == "UPDATE_ROLLBACK_COMPLETE", cfn.trail("s")
    assert cfn.world.dump() == dump
    assert cfn.resources("s") == had
    now = cfn.stack("s")
    assert (now["Outputs"], now["Tags"]) == (described["Outputs"], described["Tags"])
    assert set(cfn.reasons("s")) == {failing}
    assert cfn.update("s", AFTER) == "UPDATE_COMPLETE"  # and it can be tried again
    assert cfn.delete("s") == "DELETE_COMPLETE"
    assert cfn.world.objects == {}


def test_the_events_of_a_roll_back_in_order(cfn: Cfn) -> None:
    cfn.create("s", BEFORE)
    cfn.world.fails("create", "Last")
    cfn.update("s", AFTER)
    trail = cfn.trail("s")[cfn.trail("s").index("- UPDATE_ROLLBACK_IN_PROGRESS") :]
    assert trail[0] == "- UPDATE_ROLLBACK_IN_PROGRESS"
    assert trail.index("A UPDATE_COMPLETE") < trail.index("B UPDATE_IN_PROGRESS")
    cleanup = trail.index("- UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    assert trail.index("C UPDATE_COMPLETE") < cleanup
    assert cleanup < trail.index("New DELETE_COMPLETE")
    assert trail.index("New DELETE_COMPLETE") < trail.index("A DELETE_COMPLETE")  # the other A
    assert trail[-1] == "- UPDATE_ROLLBACK_COMPLETE"
    operations = {
        row["ResourceStatus"]: row["OperationId"]
        for row in cfn.events("s")
        if row["PhysicalResourceId"] == row["StackId"]
    }
    assert operations["UPDATE_IN_PROGRESS"] != operations["UPDATE_ROLLBACK_COMPLETE"]


def failed_roll_back(cfn: Cfn) -> str:
    """C fails, and B cannot be brought back; answers the dump from before."""
    cfn.create("s", BEFORE)
    dump = cfn.world.dump()
    cfn.world.fails("update", "C", times=1)
    gate: dict[str, Any] = {"n": 0}
    real = cfn.world.update

    def update(target: Any, made: Any, old: Any, new: Any) -> Any:
        gate["n"] += target.logical_id == "B"
        if target.logical_id == "B" and gate["n"] == 2:
            cfn.world.fails("update", "B", times=1)
        return real(target, made, old, new)

    cfn.world.update = update  # type: ignore[method-assign]
    assert cfn.update("s", AFTER) == "UPDATE_ROLLBACK_FAILED"
    assert cfn.stack("s")["StackStatusReason"] == "The following resource(s) failed to update: [B]. "
    return dump


def test_a_roll_back_that_fails_can_be_continued(cfn: Cfn) -> None:
    dump = failed_roll_back(cfn)
    assert "UPDATE_ROLLBACK_FAILED state" in cfn.refused(
        "UpdateStack", StackName="s", UsePreviousTemplate=True
    )
    cfn("ContinueUpdateRollback", StackName="s")
    assert cfn.wait("s") == "UPDATE_ROLLBACK_COMPLETE"
    assert cfn.world.dump() == dump


@pytest.mark.parametrize("request_", [{"ResourcesToSkip": ["B"]}, {"ForceRollback": True}])
def test_a_continued_roll_back_can_skip(cfn: Cfn, request_: dict[str, Any]) -> None:
    failed_roll_back(cfn)
    cfn.world.fails("update", "B")  # for ever
    assert "resource A to skip is not in UPDATE_FAILED" in cfn.refused(
        "ContinueUpdateRollback", StackName="s", ResourcesToSkip=["A"]
    )
    cfn("ContinueUpdateRollback", StackName="s", **request_)
    assert cfn.wait("s") == "UPDATE_ROLLBACK_COMPLETE"
    skipped = [
        e
        for e in cfn.events("s")
        if e.get("ResourceStatusReason") == "Resource skipped during UpdateRollback"
    ]
    assert [row["LogicalResourceId"] for row in skipped] == ["B"]


def test_a_roll_back_that_failed_can_be_deleted(cfn: Cfn) -> None:
    failed_roll_back(cfn)
    assert cfn.delete("s") == "DELETE_COMPLETE"
    assert cfn.world.objects == {}


def test_a_paused_update_is_rolled_back_or_tried_again(cfn: Cfn) -> None:
    cfn.create("s", BEFORE)
    dump = cfn.world.dump()
    after = {**BEFORE, "B": thing(R="x"), "C": thing(Y=3), "New": thing(depends=["B"])}
    cfn.world.fails("create", "New", times=2, made=True)
    assert cfn.update("s", after, DisableRollback=True) == "UPDATE_FAILED"
    assert cfn.update("s", after, DisableRollback=True) == "UPDATE_FAILED"
    cfn("RollbackStack", StackName="s")
    assert cfn.wait("s") == "UPDATE_ROLLBACK_COMPLETE"
    assert cfn.world.dump() == dump
    cfn.world.fails("create", "New", times=1)
    assert cfn.update("s", after, DisableRollback=True) == "UPDATE_FAILED"
    assert cfn.update("s", after, DisableRollback=True) == "UPDATE_COMPLETE"
    assert cfn.delete("s") == "DELETE_COMPLETE"
    assert cfn.world.objects == {}


def test_nothing_is_replaced_without_a_way_back(cfn: Cfn) -> None:
    cfn.create("s", BEFORE)
    assert cfn.update("s", AFTER, DisableRollback=True) == "UPDATE_FAILED"
    assert cfn.reasons("s")["A"] == "Replacement type updates not supported on stack with disable-rollback."


def test_an_update_can_be_cancelled(cfn: Cfn) -> None:
    cfn.create("s", BEFORE)
    dump = cfn.world.dump()
    cfn.world.block["create", "New"] = threading.Event()
    cfn.update("s", AFTER, wait=False)
    assert "can not be rolled back" in cfn.refused("RollbackStack", StackName="s")
    cfn.until(lambda: "New CREATE_IN_PROGRESS" in cfn.trail("s"))
    cfn("CancelUpdateStack", StackName="s")
    assert cfn.wait("s") == "UPDATE_ROLLBACK_COMPLETE"
    assert cfn.world.dump() == dump
    assert "cannot be called from current stack status" in cfn.refused("CancelUpdateStack", StackName="s")


def test_a_create_ends_with_its_time(cfn: Cfn) -> None:
    cfn.world.block["create", "A"] = threading.Event()
    cfn.create("s", BEFORE, wait=False, TimeoutInMinutes=3)
    ((seconds, action),) = cfn.clock.timers
    assert seconds == 180
    action()
    assert cfn.wait("s") == "ROLLBACK_COMPLETE"
    assert cfn.world.objects == {}


def test_the_time_of_a_create_does_not_cut_its_roll_back(cfn: Cfn) -> None:
    cfn.world.fails("create", "C")
    cfn.world.block["delete", "A"] = threading.Event()
    cfn.create("s", BEFORE, wait=False, TimeoutInMinutes=3)
    cfn.until(lambda: ("delete", "A") in cfn.world.calls)
    assert cfn.clock.timers == []
    cfn.world.block["delete", "A"].set()
    assert cfn.wait("s") == "ROLLBACK_COMPLETE"


# --- what others did ---------------------------------------------------------------------------------------


def test_a_resource_that_was_deleted_by_hand(cfn: Cfn) -> None:
    cfn.create("s", BEFORE)
    del cfn.world.objects[cfn.resources("s")["C"]]
    dump = cfn.world.dump()
    after = {**BEFORE, "A": thing(X=2), "C": thing(R=1)}
    assert cfn.update("s", after) == "UPDATE_ROLLBACK_FAILED"  # C cannot be brought back either
    assert "NotFound" in cfn.reasons("s")["C"]
    cfn("ContinueUpdateRollback", StackName="s", ResourcesToSkip=["C"])
    assert cfn.wait("s") == "UPDATE_ROLLBACK_COMPLETE"
    assert cfn.world.dump() == dump
    assert cfn.delete("s") == "DELETE_COMPLETE"  # what is gone is gone
    assert cfn.world.objects == {}
