"""What belongs to one account in one region is not there for the others."""

from __future__ import annotations

from typing import Any

import pytest
from machine_house import House
from machine_runs import machine

from gluonship.local.contracts import AwsError, Scope

OTHERS = [Scope("999999999999", "us-east-1"), Scope("123456789012", "eu-west-1")]
RESTS = machine(Rest={"Type": "Wait", "Seconds": 1000, "End": True})


def refusal(house: House, scope: Scope, operation: str, **request: Any) -> str:
    with pytest.raises(AwsError) as caught:
        house.interpreter.operations()[operation](scope, request)
    return caught.value.code


@pytest.mark.parametrize("other", OTHERS, ids=lambda scope: f"{scope.account_id}-{scope.region}")
def test_executions_and_machines_of_others_do_not_exist(house: House, other: Scope) -> None:
    execution = house.start(RESTS)
    arn = house.describe(execution)["stateMachineArn"]
    version = house.call("PublishStateMachineVersion", stateMachineArn=arn)["stateMachineVersionArn"]
    for operation in ("DescribeExecution", "GetExecutionHistory", "StopExecution"):
        assert refusal(house, other, operation, executionArn=execution) == "ExecutionDoesNotExist"
    for operation in ("StartExecution", "ListExecutions", "DescribeStateMachine", "UpdateStateMachine"):
        code = refusal(house, other, operation, stateMachineArn=arn, roleArn="arn:aws:iam::1:role/r")
        assert code == "StateMachineDoesNotExist"
    assert refusal(house, other, "StartExecution", stateMachineArn=version) == "StateMachineDoesNotExist"
    assert refusal(house, other, "ListTagsForResource", resourceArn=arn) == "ResourceNotFound"
    house.interpreter.operations()["DeleteStateMachine"](other, {"stateMachineArn": arn})
    assert house.describe(execution)["status"] == "RUNNING"
    assert house.call("DescribeStateMachine", stateMachineArn=arn)["status"] == "ACTIVE"


@pytest.mark.parametrize("other", OTHERS, ids=lambda scope: f"{scope.account_id}-{scope.region}")
def test_nobody_fetches_the_tasks_of_anothers_activity(house: House, other: Scope) -> None:
    activity = house.call("CreateActivity", name="label")["activityArn"]
    assert refusal(house, other, "GetActivityTask", activityArn=activity) == "ActivityDoesNotExist"
    house.interpreter.operations()["DeleteActivity"](other, {"activityArn": activity})
    assert house.call("DescribeActivity", activityArn=activity)["name"] == "label"
