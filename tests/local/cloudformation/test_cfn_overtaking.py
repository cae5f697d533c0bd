"""Requests that overtake each other, come twice, or come too late."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from cfn_fakes import Cfn, body, thing

from gluonship.local.contracts import AwsError


@pytest.fixture
def cfn() -> Cfn:
    return Cfn()


class Gate:
    """Holds up whoever reads a Systems Manager parameter on a thread of this name."""

    def __init__(self, cfn: Cfn, thread_name: str) -> None:
        cfn.answers.parameters["slow"] = "v"
        self.entered, self.opened = threading.Event(), threading.Event()
        read = cfn.answers.get_parameter

        def slow(Name: str, WithDecryption: bool) -> dict[str, Any]:
            if threading.current_thread().name.startswith(thread_name):
                self.entered.set()
                assert self.opened.wait(10)
            return read(Name, WithDecryption)

        cfn.answers.get_parameter = slow  # type: ignore[method-assign]

    def held(self, work: Callable[[], Any], name: str) -> threading.Thread:
        """The work on a thread of the name, once it waits at the gate."""
        thread = threading.Thread(target=work, name=name)
        thread.start()
        assert self.entered.wait(10)
        return thread


SLOW = "{{resolve:ssm:slow}}"
TWO = {name: {"Type": "String", "Default": "0"} for name in ("PA", "PB")}
RESOURCES = {"A": thing(X={"Ref": "PA"}), "B": thing(X={"Ref": "PB"}), "C": thing(X=SLOW)}


def values(**given: str | None) -> dict[str, Any]:
    """The previous template with these parameters; None keeps the previous value."""
    rows = [
        {"ParameterKey": name, "UsePreviousValue": True}
        if value is None
        else {"ParameterKey": name, "ParameterValue": value}
        for name, value in given.items()
    ]
    return {"StackName": "s", "UsePreviousTemplate": True, "Parameters": rows}


def parameters(cfn: Cfn) -> dict[str, str]:
    return {row["ParameterKey"]: row["ParameterValue"] for row in cfn.stack("s")["Parameters"]}


# --- plans that are overtaken ------------------------------------------------------------------------------


def test_no_update_is_lost(cfn: Cfn) -> None:
    gate = Gate(cfn, "second")
    cfn.create("s", RESOURCES, TParameters=TWO)
    second = gate.held(lambda: cfn("UpdateStack", **values(PA=None, PB="2")), "second")
    cfn("UpdateStack", **values(PA="1", PB=None))
    assert cfn.wait("s") == "UPDATE_COMPLETE"
    gate.opened.set()
    second.join()
    assert cfn.wait("s") == "UPDATE_COMPLETE"
    assert parameters(cfn) == {"PA": "1", "PB": "2"}
    assert cfn.world.objects[cfn.resources("s")["A"]]["properties"] == {"X": "1"}


def test_a_change_set_is_planned_on_what_the_stack_is(cfn: Cfn) -> None:
    gate = Gate(cfn, "second")
    cfn.create("s", RESOURCES, TParameters=TWO)
    second = gate.held(lambda: cfn("CreateChangeSet", ChangeSetName="c", **values(PA=None, PB="2")), "second")
    cfn("UpdateStack", **values(PA="1", PB=None))
    cfn.wait("s")
    gate.opened.set()
    second.join()
    cfn("ExecuteChangeSet", StackName="s", ChangeSetName="c")
    assert cfn.wait("s") == "UPDATE_COMPLETE"
    assert parameters(cfn) == {"PA": "1", "PB": "2"}


# --- tokens ------------------------------------------------------------------------------------------------


def test_a_token_stands_for_one_request(cfn: Cfn) -> None:
    create = {"StackName": "s", **body({"A": thing(X=1)}, {}), "ClientRequestToken": "t1"}
    made = cfn("CreateStack", **create)
    cfn.wait("s")
    assert cfn("CreateStack", **create) == made
    update = {"StackName": "s", **body({"A": thing(X=2)}, {}), "ClientRequestToken": "t1"}
    with pytest.raises(AwsError, match="ClientRequestToken t1 was used") as caught:
        cfn("UpdateStack", **update)
    assert caught.value.code == "TokenAlreadyExistsException"

    update["ClientRequestToken"] = "t2"
    begun = cfn("UpdateStack", **update)
    cfn.wait("s")
    calls = len(cfn.world.calls)
    assert cfn("UpdateStack", **update) == begun
    assert len(cfn.world.calls) == calls
    with pytest.raises(AwsError, match="t2 was used"):
        cfn("UpdateStack", **{**update, **body({"A": thing(X=3)}, {})})
    with pytest.raises(AwsError, match="t2 was used"):
        cfn("DeleteStack", StackName="s", ClientRequestToken="t2")


def test_a_change_set_is_executed_once_for_a_token(cfn: Cfn) -> None:
    cfn(
        "CreateChangeSet",
        StackName="s",
        ChangeSetName="c",
        ChangeSetType="CREATE",
        **body({"A": thing()}, {}),
    )
    execute = {"StackName": "s", "ChangeSetName": "c", "ClientRequestToken": "t"}
    cfn("ExecuteChangeSet", **execute)
    cfn.wait("s")
    cfn("ExecuteChangeSet", **execute)
    assert cfn.world.order("create") == ["A"]


# --- cancelling --------------------------------------------------------------------------------------------


def test_an_update_that_was_cancelled_goes_back_however_late_it_was(cfn: Cfn) -> None:
    gate = Gate(cfn, "stack s")  # where the update evaluates its outputs, after the last resource
    outputs = {"TOutputs": {"O": {"Value": SLOW}}}
    gate.opened.set()
    cfn.create("s", {"A": thing(X=1)}, **outputs)
    gate.opened.clear()
    gate.entered.clear()
    cfn.update("s", {"A": thing(X=2)}, wait=False, **outputs)
    assert gate.entered.wait(10)
    assert cfn("CancelUpdateStack", StackName="s") == {}
    gate.opened.set()
    assert cfn.wait("s") == "UPDATE_ROLLBACK_COMPLETE"
    assert cfn.world.objects[cfn.resources("s")["A"]]["properties"] == {"X": "1"}
    reasons = [row.get("ResourceStatusReason") for row in cfn.events("s")]
    assert "User Initiated" in reasons


def test_an_update_that_is_cleaned_up_after_is_not_cancelled(cfn: Cfn) -> None:
    cfn.create("s", {"A": thing(), "B": thing()})
    cfn.world.block["delete", "B"] = threading.Event()
    cfn.update("s", {"A": thing(X=1)}, wait=False)
    cfn.until(lambda: ("delete", "B") in cfn.world.calls)
    assert "cannot be called from current stack status" in cfn.refused("CancelUpdateStack", StackName="s")
    cfn.world.block["delete", "B"].set()
    assert cfn.wait("s") == "UPDATE_COMPLETE"


# --- change sets that are stale ----------------------------------------------------------------------------


def change_set(cfn: Cfn, name: str, resources: dict[str, Any]) -> None:
    cfn("CreateChangeSet", StackName="s", ChangeSetName=name, **body(resources, {}))


def execution(cfn: Cfn, name: str) -> str:
    return str(cfn("DescribeChangeSet", StackName="s", ChangeSetName=name)["ExecutionStatus"])


def test_whatever_changes_a_stack_makes_its_change_sets_stale(cfn: Cfn) -> None:
    cfn.create("s", {"A": thing(X=1), "B": thing()})
    cfn.world.fails("update", "A", times=1)
    cfn.update("s", {"A": thing(X=2), "B": thing()}, DisableRollback=True)
    change_set(cfn, "c", {"A": thing(X=3), "B": thing()})
    assert execution(cfn, "c") == "AVAILABLE"
    cfn("RollbackStack", StackName="s")
    cfn.wait("s")
    assert execution(cfn, "c") == "OBSOLETE"
    change_set(cfn, "d", {"A": thing(X=3)})
    cfn.world.fails("delete", "B", times=1)
    assert cfn.delete("s") == "DELETE_FAILED"
    assert execution(cfn, "d") == "OBSOLETE"
    with pytest.raises(AwsError, match=r"current status of \[OBSOLETE\]"):
        cfn("ExecuteChangeSet", StackName="s", ChangeSetName="d")
    stack_id = cfn.stack("s")["StackId"]
    assert cfn.delete("s") == "DELETE_COMPLETE"
    assert cfn("ListChangeSets", StackName=stack_id)["Summaries"] == []


def test_the_execution_of_a_change_set_has_an_outcome(cfn: Cfn) -> None:
    cfn.create("s", {"A": thing(X=1)})
    change_set(cfn, "c", {"A": thing(X=2)})
    cfn.world.fails("update", "A", times=1)
    cfn.world.block["update", "A"] = threading.Event()
    cfn("ExecuteChangeSet", StackName="s", ChangeSetName="c")
    assert execution(cfn, "c") == "EXECUTE_IN_PROGRESS"
    with pytest.raises(AwsError, match="cannot be deleted"):
        cfn("DeleteChangeSet", StackName="s", ChangeSetName="c")
    cfn.world.block["update", "A"].set()
    assert cfn.wait("s") == "UPDATE_ROLLBACK_COMPLETE"
    cfn.until(lambda: execution(cfn, "c") == "EXECUTE_FAILED")
    change_set(cfn, "c", {"A": thing(X=2)})  # its name is free
    cfn("ExecuteChangeSet", StackName="s", ChangeSetName="c")
    assert cfn.wait("s") == "UPDATE_COMPLETE"
    cfn.until(lambda: execution(cfn, "c") == "EXECUTE_COMPLETE")
