"""Tasks that others answer: heartbeats and time limits, on the cloud's clock."""

from __future__ import annotations

import json
from typing import Any

import pytest
from machine_house import House
from machine_runs import machine

from gluonship.local.contracts import AwsError


def activity_machine(house: House, **fields: Any) -> tuple[str, dict[str, Any]]:
    arn = str(house.call("CreateActivity", name="label")["activityArn"])
    return arn, machine(Label={"Type": "Task", "Resource": arn, "End": True, **fields})


def test_heartbeats_keep_a_task_alive_and_their_end_ends_it(house: House) -> None:
    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "Late"}]
    arn, steps = activity_machine(house, HeartbeatSeconds=50, Catch=catch)
    steps["States"]["Late"] = {"Type": "Pass", "End": True}
    execution = house.start(steps)
    token = house.call("GetActivityTask", activityArn=arn)["taskToken"]
    for _ in range(4):
        house.clock.advance(40)
        house.call("SendTaskHeartbeat", taskToken=token)
    assert house.describe(execution)["status"] == "RUNNING"
    house.clock.advance(60)
    described = house.ended(execution)
    assert json.loads(described["output"]) == {"Error": "States.Timeout", "Cause": ""}
    assert "ActivityTimedOut" in house.types(execution)
    with pytest.raises(AwsError) as caught:
        house.call("SendTaskHeartbeat", taskToken=token)
    assert caught.value.code == "TaskTimedOut"


def test_a_task_that_nobody_takes_is_late_too(house: House) -> None:
    _, steps = activity_machine(house, TimeoutSeconds=100)
    described = house.run(steps, advance=20)
    assert (described["status"], described["error"]) == ("FAILED", "States.Timeout")
    assert 100 <= (described["stopDate"] - described["startDate"]).total_seconds() < 200


def test_a_stopped_task_is_offered_no_more(house: House) -> None:
    arn, steps = activity_machine(house)
    execution = house.start(steps)
    house.await_type(execution, "ActivityScheduled")
    house.call("StopExecution", executionArn=execution)
    assert house.describe(execution)["status"] == "ABORTED"
    house.interpreter.close()  # a worker's poll ends with the cloud
    assert house.call("GetActivityTask", activityArn=arn) == {}


def test_an_answer_that_is_no_json_is_refused(house: House) -> None:
    arn, steps = activity_machine(house)
    execution = house.start(steps)
    token = house.call("GetActivityTask", activityArn=arn)["taskToken"]
    with pytest.raises(AwsError) as caught:
        house.call("SendTaskSuccess", taskToken=token, output="{")
    assert caught.value.code == "InvalidOutput"
    house.call("SendTaskFailure", taskToken=token, error="Blurred")
    assert house.ended(execution)["error"] == "Blurred"
