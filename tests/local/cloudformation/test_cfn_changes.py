"""What an update may change, what it asks for, and what is kept."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from cfn_fakes import SCOPE, Cfn, body, thing

TYPE_CHANGED = (
    "Update of resource type is not permitted. The new template modifies resource type of the following "
    "resources: [A]"
)


@pytest.fixture
def cfn() -> Cfn:
    return Cfn()


def tagged(value: str) -> dict[str, Any]:
    return {"Tags": [{"Key": "t", "Value": value}]}


def tags_of(cfn: Cfn, logical_id: str) -> Any:
    return cfn.world.objects[cfn.resources("s")[logical_id]]["tags"]


# --- types -------------------------------------------------------------------------------------------------


def test_a_resources_type_cannot_change(cfn: Cfn) -> None:
    cfn.create("s", {"A": thing(X=1), "B": thing()})
    other = {"A": {"Type": "Test::Thing::Two", "Properties": {"X": 1}}, "B": thing()}
    assert cfn.refused("UpdateStack", StackName="s", **body(other, {})) == TYPE_CHANGED
    cfn("CreateChangeSet", StackName="s", ChangeSetName="c", **body(other, {}))
    described = cfn("DescribeChangeSet", StackName="s", ChangeSetName="c")
    assert described["Status"] == "FAILED"
    assert TYPE_CHANGED in described["StatusReason"]


def test_what_never_came_up_may_become_another_type(cfn: Cfn) -> None:
    cfn.world.fails("create", "A", times=1, made=True)
    assert cfn.create("s", {"A": thing()}, DisableRollback=True) == "CREATE_FAILED"
    other = {"A": {"Type": "Test::Thing::Two", "Properties": {}}}
    assert cfn.update("s", other, DisableRollback=True) == "UPDATE_COMPLETE"
    assert [row["type"] for row in cfn.world.objects.values()] == ["Test::Thing::Two"]


# --- secrets -----------------------------------------------------------------------------------------------


def test_a_secret_that_is_gone_concerns_only_who_needs_it(cfn: Cfn) -> None:
    cfn.answers.secrets.update(db="old", new="new")
    secret = thing(P="{{resolve:secretsmanager:db}}")
    cfn.create("s", {"A": secret, "B": thing(X=1)})
    del cfn.answers.secrets["db"]
    assert cfn.update("s", {"A": secret, "B": thing(X=2)}) == "UPDATE_COMPLETE"
    assert cfn.update("s", {"A": secret, "B": thing(X=2)}, **tagged("A")) == "UPDATE_COMPLETE"
    changed = body({"A": thing(P="{{resolve:secretsmanager:db}}", Q=1)}, {})
    assert "Secrets Manager can't give db" in cfn.refused("UpdateStack", StackName="s", **changed)
    assert cfn.update("s", {"A": thing(P="{{resolve:secretsmanager:new}}")}) == "UPDATE_COMPLETE"
    assert cfn.world.objects[cfn.resources("s")["A"]]["properties"] == {"P": "new"}


# --- tags --------------------------------------------------------------------------------------------------


def test_tags_follow_the_stack_through_a_paused_update(cfn: Cfn) -> None:
    before = {"A": thing(), "B": thing(X=1)}
    cfn.create("s", before, **tagged("A"))
    cfn.world.fails("update", "B", times=1)
    after = {"A": thing(), "B": {**thing(X=2), "DependsOn": "A"}}
    assert cfn.update("s", after, DisableRollback=True, **tagged("B")) == "UPDATE_FAILED"
    assert tags_of(cfn, "A") == {"t": "B"}
    assert cfn.update("s", before, DisableRollback=True, **tagged("A")) == "UPDATE_COMPLETE"
    assert tags_of(cfn, "A") == tags_of(cfn, "B") == {"t": "A"}
    assert "No updates" in cfn.refused("UpdateStack", StackName="s", **body(before, tagged("A")))


def test_tags_that_went_back_are_the_old_ones(cfn: Cfn) -> None:
    cfn.create("s", {"A": thing(), "B": thing(X=1)}, **tagged("A"))
    cfn.world.fails("update", "B", times=1)
    after = {"A": thing(), "B": {**thing(X=2), "DependsOn": "A"}}
    assert cfn.update("s", after, **tagged("B")) == "UPDATE_ROLLBACK_COMPLETE"
    assert tags_of(cfn, "A") == {"t": "A"}
    assert cfn.update("s", {"A": thing(), "B": thing(X=2)}, **tagged("A")) == "UPDATE_COMPLETE"
    assert cfn.world.order("update").count("A") == 2  # there and back, and no more


# --- what is kept ------------------------------------------------------------------------------------------


def statuses(cfn: Cfn, name: str) -> dict[str, str]:
    rows = cfn("ListStackResources", StackName=name)["StackResourceSummaries"]
    return {row["LogicalResourceId"]: row["ResourceStatus"] for row in rows}


def test_what_was_kept_is_not_shown_as_deleted(cfn: Cfn) -> None:
    cfn.create("s", {"A": thing(policy="Retain"), "B": thing(), "C": thing()})
    stack_id = cfn.stack("s")["StackId"]
    cfn.world.fails("delete", "C")
    assert cfn.delete("s") == "DELETE_FAILED"
    assert cfn.delete("s", DeletionMode="FORCE_DELETE_STACK") == "DELETE_COMPLETE"
    assert statuses(cfn, stack_id) == {
        "A": "DELETE_SKIPPED",
        "B": "DELETE_COMPLETE",
        "C": "DELETE_SKIPPED",
    }


def test_a_failed_create_that_deletes_keeps_no_except_on_create(cfn: Cfn) -> None:
    resources = {
        "Except": thing(policy="RetainExceptOnCreate"),
        "Kept": thing(policy="Retain"),
        "Bad": thing(depends=["Except", "Kept"]),
    }
    cfn.world.fails("create", "Bad")
    cfn("CreateStack", StackName="s", OnFailure="DELETE", **body(resources, {}))
    stack_id = cfn("ListStacks")["StackSummaries"][0]["StackId"]
    assert cfn.wait(stack_id) == "DELETE_COMPLETE"
    (left,) = cfn.world.objects
    assert "-Kept-" in left
    assert statuses(cfn, stack_id)["Kept"] == "DELETE_SKIPPED"


# --- who is told -------------------------------------------------------------------------------------------


def test_events_are_told_while_somebody_holds_the_register(cfn: Cfn) -> None:
    """A notice takes no lock that its teller may hold: two stacks would wait for each other for ever."""
    topics = ["arn:aws:sns:us-east-1:123456789012:told"]
    cfn.create("s", {"A": thing()}, NotificationARNs=topics)
    told = threading.Event()
    one = cfn.service.context.register.get(SCOPE, "s")

    def tell() -> None:
        cfn.service.context.tell(one, "A", "Test::Thing::One", "x", "UPDATE_COMPLETE")
        told.set()

    with cfn.service.context.register.lock:
        thread = threading.Thread(target=tell)
        thread.start()
        assert told.wait(5)
    thread.join()
