"""Step Functions' own API over the wire: machines, versions, executions, histories, logs, activities."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from local_clouds import LocalCloud
from machine_runs import ROLE, Runs, machine

HELLO = machine(Hello={"Type": "Pass", "Result": "hello", "End": True})
LONG = machine(Rest={"Type": "Wait", "Seconds": 600, "End": True})


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_machine_is_made_described_listed_tagged_and_deleted(runs: Runs) -> None:
    states = runs.states
    arn = runs.create(HELLO, tags=[{"key": "team", "value": "vision"}])
    shown = states.describe_state_machine(stateMachineArn=arn)
    assert (shown["status"], shown["type"], json.loads(shown["definition"])) == ("ACTIVE", "STANDARD", HELLO)
    assert shown["loggingConfiguration"]["level"] == "OFF"
    pages = states.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 1})
    assert arn in [each["stateMachineArn"] for page in pages for each in page["stateMachines"]]
    states.tag_resource(resourceArn=arn, tags=[{"key": "cost", "value": "1"}])
    states.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert states.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "cost", "value": "1"}]
    states.delete_state_machine(stateMachineArn=arn)
    with pytest.raises(ClientError) as caught:
        states.describe_state_machine(stateMachineArn=arn)
    assert code_of(caught) == "StateMachineDoesNotExist"
    states.delete_state_machine(stateMachineArn=arn)  # as AWS: nothing to say


def test_making_a_machine_again_is_the_same_unless_it_differs(runs: Runs) -> None:
    name = f"again-{uuid.uuid4().hex[:8]}"
    request = {"name": name, "definition": json.dumps(HELLO), "roleArn": ROLE}
    first = runs.states.create_state_machine(**request)
    assert runs.states.create_state_machine(**request)["stateMachineArn"] == first["stateMachineArn"]
    with pytest.raises(ClientError) as caught:
        runs.states.create_state_machine(**{**request, "definition": json.dumps(LONG)})
    assert code_of(caught) == "StateMachineAlreadyExists"
    for wrong in ("a b", "a" * 81, "a/b"):
        with pytest.raises(ClientError) as caught:
            runs.states.create_state_machine(**{**request, "name": wrong})
        assert code_of(caught) in ("InvalidName", "ValidationException")


def test_an_update_leaves_what_runs_as_it_was(runs: Runs) -> None:
    arn = runs.create(LONG)
    running = runs.start(arn)
    runs.states.update_state_machine(stateMachineArn=arn, definition=json.dumps(HELLO))
    of_running = runs.states.describe_state_machine_for_execution(executionArn=running)
    assert json.loads(of_running["definition"]) == LONG
    assert json.loads(runs.ended(runs.start(arn))["output"]) == "hello"
    assert runs.describe(running)["status"] == "RUNNING"
    runs.states.delete_state_machine(stateMachineArn=arn)
    assert runs.ended(running)["status"] == "ABORTED"
    with pytest.raises(ClientError) as caught:
        runs.states.update_state_machine(stateMachineArn=runs.create(HELLO))
    assert code_of(caught) == "MissingRequiredParameter"


def test_versions_and_an_alias_choose_what_runs(runs: Runs) -> None:
    states = runs.states
    arn = runs.create(HELLO)
    first = states.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    changed = machine(Bye={"Type": "Pass", "Result": "bye", "End": True})
    answer = states.update_state_machine(stateMachineArn=arn, definition=json.dumps(changed), publish=True)
    second = answer["stateMachineVersionArn"]
    assert (first, second) == (f"{arn}:1", f"{arn}:2")
    alias = states.create_state_machine_alias(
        name="live", routingConfiguration=[{"stateMachineVersionArn": first, "weight": 100}]
    )["stateMachineAliasArn"]
    described = runs.ended(runs.start(alias))
    assert (json.loads(described["output"]), described["stateMachineVersionArn"]) == ("hello", first)
    states.update_state_machine_alias(
        stateMachineAliasArn=alias, routingConfiguration=[{"stateMachineVersionArn": second, "weight": 100}]
    )
    assert json.loads(runs.ended(runs.start(alias))["output"]) == "bye"
    with pytest.raises(ClientError) as caught:
        states.delete_state_machine_version(stateMachineVersionArn=second)
    assert code_of(caught) == "ConflictException"
    assert json.loads(runs.ended(runs.start(first))["output"]) == "hello"


def test_an_executions_name_is_its_own(runs: Runs) -> None:
    arn = runs.create(LONG)
    first = runs.start(arn, {"a": 1}, name="run")
    assert runs.start(arn, {"a": 1}, name="run") == first
    with pytest.raises(ClientError) as caught:
        runs.start(arn, {"a": 2}, name="run")
    assert code_of(caught) == "ExecutionAlreadyExists"
    runs.states.stop_execution(executionArn=first)
    with pytest.raises(ClientError) as caught:
        runs.start(arn, {"a": 1}, name="run")
    assert code_of(caught) == "ExecutionAlreadyExists"
    with pytest.raises(ClientError) as caught:
        runs.states.start_execution(stateMachineArn=arn, input="{")
    assert code_of(caught) == "InvalidExecutionInput"
    with pytest.raises(ClientError) as caught:
        runs.states.describe_execution(executionArn=first + "x")
    assert code_of(caught) == "ExecutionDoesNotExist"


def test_executions_are_listed_newest_first_and_by_status(runs: Runs) -> None:
    arn = runs.create(HELLO)
    made = []
    for number in range(3):
        made.append(runs.start(arn, {"n": number}))
        runs.ended(made[-1])
    listed = runs.states.list_executions(stateMachineArn=arn, statusFilter="SUCCEEDED", maxResults=2)
    assert [each["executionArn"] for each in listed["executions"]] == [made[2], made[1]]
    rest = runs.states.list_executions(stateMachineArn=arn, nextToken=listed["nextToken"], maxResults=2)
    assert [each["executionArn"] for each in rest["executions"]] == [made[0]]
    assert runs.states.list_executions(stateMachineArn=arn, statusFilter="FAILED")["executions"] == []


def test_a_history_can_be_followed_paged_and_turned_round(runs: Runs) -> None:
    execution = runs.start(runs.create(HELLO), {"in": 1})
    runs.ended(execution)
    events = runs.history(execution)
    assert [(each["id"], each["previousEventId"], each["type"]) for each in events] == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "PassStateEntered"),
        (3, 2, "PassStateExited"),
        (4, 3, "ExecutionSucceeded"),
    ]
    assert events[0]["executionStartedEventDetails"]["roleArn"] == ROLE
    assert events[1]["stateEnteredEventDetails"] == {
        "name": "Hello",
        "input": '{"in":1}',
        "inputDetails": {"truncated": False},
    }
    assert events[3]["executionSucceededEventDetails"]["output"] == '"hello"'
    assert all(one["timestamp"] <= other["timestamp"] for one, other in itertools.pairwise(events))
    turned = runs.states.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=1)
    assert turned["events"][0]["type"] == "ExecutionSucceeded"
    assert turned["nextToken"]
    bare = runs.states.get_execution_history(executionArn=execution, includeExecutionData=False)
    assert "input" not in bare["events"][0]["executionStartedEventDetails"]


def test_an_express_machine_answers_at_once(cloud: LocalCloud) -> None:
    # boto3 calls sync-HOST for this one operation: no loopback address has such a name.
    runs = Runs(cloud.client("stepfunctions", config=Config(inject_host_prefix=False)))
    arn = runs.create(HELLO, type="EXPRESS")
    answer = runs.states.start_sync_execution(stateMachineArn=arn, input='{"a": 1}')
    assert (answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", "hello")
    assert ":express:" in answer["executionArn"]
    failing = runs.create(machine(No={"Type": "Fail", "Error": "E", "Cause": "c"}), type="EXPRESS")
    answer = runs.states.start_sync_execution(stateMachineArn=failing)
    assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "E", "c")
    with pytest.raises(ClientError) as caught:
        runs.states.start_sync_execution(stateMachineArn=runs.create(HELLO))
    assert code_of(caught) == "StateMachineTypeNotSupported"


def test_a_machines_log_is_written_to_its_group(cloud: LocalCloud, runs: Runs) -> None:
    logs = cloud.client("logs")
    group = f"/aws/vendedlogs/states/{uuid.uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"
    logging = {
        "level": "ALL",
        "includeExecutionData": False,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}],
    }
    execution = runs.start(runs.create(HELLO, loggingConfiguration=logging), {"secret": 1})
    runs.ended(execution)
    deadline = time.monotonic() + 10
    lines: list[dict[str, object]] = []
    while len(lines) < 4 and time.monotonic() < deadline:
        found = logs.filter_log_events(logGroupName=group)["events"]
        lines = [json.loads(each["message"]) for each in found]
        time.sleep(0.05)
    assert [line["type"] for line in lines] == runs.types(execution)
    assert {line["execution_arn"] for line in lines} == {execution}
    assert "secret" not in json.dumps(lines)
    with pytest.raises(ClientError) as caught:
        runs.create(HELLO, loggingConfiguration={"level": "ALL"})
    assert code_of(caught) == "InvalidLoggingConfiguration"


def test_a_worker_answers_an_activity(runs: Runs) -> None:
    states = runs.states
    activity = states.create_activity(name=f"label-{uuid.uuid4().hex[:8]}")["activityArn"]
    steps = machine(Label={"Type": "Task", "Resource": activity, "HeartbeatSeconds": 60, "End": True})
    execution = runs.start(runs.create(steps), {"image": "a.jpg"})
    fetched = states.get_activity_task(activityArn=activity, workerName="me")
    assert json.loads(fetched["input"]) == {"image": "a.jpg"}
    states.send_task_success(taskToken=fetched["taskToken"], output='"cat"')
    assert json.loads(runs.ended(execution)["output"]) == "cat"
    kinds = [kind for kind in runs.types(execution) if kind.startswith("Activity")]
    assert kinds == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]


def test_what_is_not_here_is_refused_in_words(runs: Runs) -> None:
    execution = runs.start(runs.create(HELLO))
    with pytest.raises(ClientError) as caught:
        runs.states.redrive_execution(executionArn=execution)
    assert code_of(caught) == "UnsupportedOperation"


def test_many_at_once(cloud: LocalCloud, runs: Runs) -> None:
    def one(number: int) -> str:
        arn = runs.create(machine(Say={"Type": "Pass", "Parameters": {"n.$": "$.n"}, "End": True}))
        runs.states.list_state_machines()
        return str(runs.ended(runs.start(arn, {"n": number}))["output"])

    with ThreadPoolExecutor(8) as pool:
        outputs = list(pool.map(one, range(40)))
    assert outputs == [f'{{"n":{number}}}' for number in range(40)]
