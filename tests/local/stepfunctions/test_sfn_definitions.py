"""Definitions that are wrong, or need what this cloud does not run: refused, with the place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from machine_house import House
from machine_runs import jsonata, machine, task

from gluonship.local.contracts import AwsError
from gluonship.local.stepfunctions.integrations import REFUSED

END = {"End": True}
RULE = {"Variable": "$.a", "StringEquals": "x"}
UPDATE = {"EndpointName": "e", "EndpointConfigName": "c"}
BUS: dict[str, Any] = {"Entries": [], "EndpointId": "abcde.veo"}
CATCHER = {"ErrorEquals": ["States.ALL"], "Assign": {"x": 1}, "Next": "Done"}


def choice(rule: Mapping[str, Any]) -> dict[str, Any]:
    return machine(Go={"Type": "Choice", "Choices": [{**rule, "Next": "Done"}]}, Done={"Type": "Succeed"})


def task_with(**fields: Any) -> dict[str, Any]:
    return machine(Go={**task("sns:publish", {"Message": "m"}), **fields}, Done={"Type": "Succeed"})


@pytest.mark.parametrize(
    ("definition", "said", "place"),
    [
        (machine(Go={"Type": "Pass", "Next": "Away"}), "Missing 'Next' target: Away", "/States/Go/Next"),
        (
            {"StartAt": "No", "States": {"Go": {"Type": "Succeed"}}},
            "Missing 'StartAt' target: No",
            "/StartAt",
        ),
        (machine(Go={"Type": "Succeed"}, Lost={"Type": "Succeed"}), "not reachable", "/States/Lost"),
        (machine(Go={"Type": "Pass"}), "Exactly one of Next", "/States/Go"),
        (machine(Go={"Type": "Sleep", **END}), "'Type' must be one of", "/States/Go/Type"),
        (machine(Go={"Type": "Pass", "Nxt": "x", **END}), "'Nxt' is not supported", "/States/Go/Nxt"),
        (machine(Go={"Type": "Pass", "InputPath": "a", **END}), "Invalid path", "/States/Go/InputPath"),
        (
            machine(Go={"Type": "Pass", "ResultPath": "$.a[*]", **END}),
            "not a Reference Path",
            "/States/Go/ResultPath",
        ),
        (
            machine(Go={"Type": "Pass", "Parameters": {"x": {"y.$": "b"}}, **END}),
            "must be a valid JSONPath",
            "/States/Go/Parameters/x/y.$",
        ),
        (machine(Go={"Type": "Wait", "Seconds": 1, "Timestamp": "x", **END}), "Exactly one", "/States/Go"),
        (machine(Go={"Type": "Wait", "Timestamp": "today", **END}), "RFC3339", "/States/Go/Timestamp"),
        (machine(Go={"Type": "Wait", "Seconds": -1, **END}), "Integer", "/States/Go/Seconds"),
        (choice({"Variable": "$.a"}), "exactly one comparison", "/States/Go/Choices[0]"),
        (choice({"StringEquals": "x"}), "[Variable]", "/States/Go/Choices[0]"),
        (choice({"And": [RULE, {**RULE, "StringEquals": 1}]}), "String", "/States/Go/Choices[0]/And[1]"),
        (
            task_with(
                Catch=[
                    {"ErrorEquals": ["States.ALL"], "Next": "Done"},
                    {"ErrorEquals": ["E"], "Next": "Done"},
                ]
            ),
            "States.ALL must be alone, and in the last rule",
            "/States/Go/Catch[0]/ErrorEquals",
        ),
        (task_with(Retry=[{"ErrorEquals": []}]), "non-empty", "/States/Go/Retry[0]/ErrorEquals"),
        (task_with(TimeoutSeconds=5, HeartbeatSeconds=5), "smaller", "/States/Go/HeartbeatSeconds"),
        (machine(Go=task("sns:publish", {"Massage": "m"})), '"Massage" is not supp', "/Parameters/Massage"),
        (
            machine(Go=task("sagemaker:updateEndpoint", {**UPDATE, "DeploymentConfig": {}})),
            '"DeploymentConfig" is not supported by Step Functions (this integration takes EndpointConfig',
            "/States/Go/Parameters/DeploymentConfig",
        ),
        (
            machine(Go=task("sagemaker:createEndpoint", {**UPDATE, "DeploymentConfig": {}})),
            "takes EndpointConfigName, EndpointName, Tags; the AWS SDK's takes all",
            "/States/Go/Parameters/DeploymentConfig",
        ),
        (
            machine(Go=task("states:startExecution", {"StateMachineArn": "a", "TraceHeader.$": "$.t"})),
            '"TraceHeader" is not supported',
            "/States/Go/Parameters/TraceHeader.$",
        ),
        (
            jsonata(
                Go={"Type": "Task", "Resource": "arn:aws:states:::events:putEvents", "Arguments": BUS, **END}
            ),
            '"EndpointId" is not supported',
            "/States/Go/Arguments/EndpointId",
        ),
        (machine(Go=task("sns:shout", {})), "not recognized", "/States/Go/Resource"),
        (machine(Go=task("sns:publish.sync", {})), "can be used as", "/States/Go/Resource"),
        (machine(Go=task("aws-sdk:s3:GetObject", {})), "small letter", "/States/Go/Resource"),
        (machine(Go=task("aws-sdk:s3:fetchObject", {})), "not recognized", "/States/Go/Resource"),
        (machine(Go={**task("x:y", {}), "Resource": "train"}), "not recognized", "/States/Go/Resource"),
        (jsonata(Go={"Type": "Pass", "Parameters": {}, **END}), "not supported", "/States/Go/Parameters"),
        (jsonata(Go={"Type": "Pass", "Output": "{% 1 + %}", **END}), "Invalid JSONata", "/States/Go/Output"),
        (
            machine(Go={"Type": "Parallel", "Branches": [machine(In={"Type": "Pass", "Next": "No"})], **END}),
            "Missing 'Next' target: No",
            "/States/Go/Branches[0]/States/In/Next",
        ),
        (
            machine(Go={"Type": "Map", "ItemProcessor": machine(In={"Type": "Oops"}), **END}),
            "'Type' must be",
            "/States/Go/ItemProcessor/States/In/Type",
        ),
        (
            jsonata(
                Go={
                    "Type": "Map",
                    "Items": [1],
                    "ItemProcessor": machine(In={"Type": "Pass", "Assign": {"x": 1}, **END}),
                    "Next": "After",
                },
                After={"Type": "Pass", "Assign": {"x": 2}, **END},
            ),
            "'x' is assigned in an outer scope too",
            "/States/Go/ItemProcessor/States/In/Assign/x",
        ),
        (
            machine(
                Go={
                    "Type": "Parallel",
                    "Branches": [task_with(Catch=[CATCHER])],
                    "Assign": {"x.$": "$.a"},
                    **END,
                }
            ),
            "'x' is assigned in an outer scope too",
            "/States/Go/Branches[0]/States/Go/Catch[0]/Assign/x",
        ),
        ({"StartAt": "Go"}, "[States]", "/"),
        *(
            (
                machine(Go={"Type": "Pass", "ResultPath": path, **END}),
                "Reference Path",
                "/States/Go/ResultPath",
            )
            for path in ("$$.x", "$x.y", "States.UUID()", "$.a[*]", 5)
        ),
        (machine(Go={"Type": "Pass", "Assign": None, **END}), "type Object", "/States/Go/Assign"),
        (machine(Go={"Type": "Map", "ItemProcessor": None, **END}), "Object", "/States/Go/ItemProcessor"),
        (machine(Go={"Type": "Pass", "Next": 5}), "type String", "/States/Go/Next"),
        (machine(Go={"Type": "Task", "Resource": 5, **END}), "type String", "/States/Go/Resource"),
        (machine(Go={"Type": "Parallel", "Branches": [5], **END}), "type Object", "/States/Go/Branches[0]"),
        (machine(Go={"Type": "Parallel", "Branches": [], **END}), "one branch", "/States/Go/Branches"),
        (machine(Go={"Type": "Map", "ItemProcessor": 5, **END}), "Object", "/States/Go/ItemProcessor"),
        (machine(Go={"Type": "Wait", "Seconds": 10**8, **END}), "99999999", "/States/Go/Seconds"),
        ({**machine(Go={"Type": "Succeed"}), "TimeoutSeconds": 0}, "from 1", "/TimeoutSeconds"),
        (machine(Go={"Type": "Pass", "Assign": "x", **END}), "type Object", "/States/Go/Assign"),
        (machine(Go={"Type": "Pass", "Assign": {"a-b": 1}, **END}), "name of a variable", "Assign/a-b"),
        (machine(Go={"Type": "Pass", "Assign": {"states": 1}, **END}), "name of a variable", "Assign/states"),
        (
            machine(Go={"Type": "Choice", "Choices": [{"And": {"Variable": "$"}, "Next": "Go"}]}),
            "non-empty Array",
            "/States/Go/Choices[0]/And",
        ),
        (
            machine(Go=task("sns:publish", {}, Retry=[{"ErrorEquals": [5]}])),
            "ErrorEquals",
            "/States/Go/Retry[0]/ErrorEquals",
        ),
        (
            machine(Go=task("sns:publish", {}, Retry=[{"ErrorEquals": ["E"], "IntervalSeconds": 0}])),
            "from 1",
            "/States/Go/Retry[0]/IntervalSeconds",
        ),
        ({**machine(Go={"Type": "Succeed"}), "Timeout": 3}, "'Timeout' is not supported", "/Timeout"),
    ],
)
def test_a_mistake_is_refused_with_its_place(
    house: House, definition: dict[str, Any], said: str, place: str
) -> None:
    with pytest.raises(AwsError) as caught:
        house.create(definition)
    assert caught.value.code == "InvalidDefinition"
    assert said in caught.value.message
    assert f"{place}" in caught.value.message


def test_what_is_no_json_is_refused(house: House) -> None:
    for text in ('{"StartAt": }', "[]", '{"StartAt": NaN}', "[" * 20_000):
        with pytest.raises(AwsError, match="INVALID_JSON_DESCRIPTION") as caught:
            house.call("CreateStateMachine", name="m", definition=text, roleArn="arn:aws:iam::1:role/r")
        assert caught.value.code == "InvalidDefinition"


@pytest.mark.parametrize("family", sorted(REFUSED))
def test_what_aws_has_and_this_cloud_does_not_run_is_refused_in_words(house: House, family: str) -> None:
    resource = f"arn:aws:states:::{family}:doSomething"
    with pytest.raises(AwsError) as caught:
        house.create(machine(Step=task(f"{family}:doSomething", {})))
    assert caught.value.code == "ValidationException"
    assert f"State 'Step' needs {resource}, which does not run in the local cloud" in caught.value.message


@pytest.mark.parametrize(
    "resource",
    [
        "sagemaker:createTransformJob.sync",
        "sagemaker:createTransformJob",
        "sagemaker:createHyperParameterTuningJob.sync",
        "aws-sdk:ec2:describeInstances",
    ],
)
def test_what_would_never_end_or_answer_is_refused(house: House, resource: str) -> None:
    with pytest.raises(AwsError, match="State 'Step' needs") as caught:
        house.create(machine(Step=task(resource, {})))
    assert caught.value.code == "ValidationException"


def test_a_function_by_its_own_arn_is_refused(house: House) -> None:
    step = {**task("", {}), "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}
    with pytest.raises(AwsError, match="there are no Lambda functions here"):
        house.create(machine(Step=step))


def test_a_distributed_map_is_refused(house: House) -> None:
    inner = {
        **machine(In={"Type": "Succeed"}),
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    }
    with pytest.raises(AwsError, match="inline Map states only") as caught:
        house.create(machine(Each={"Type": "Map", "ItemProcessor": inner, **END}))
    assert caught.value.code == "ValidationException"


def test_express_machines_do_not_wait_for_jobs(house: House) -> None:
    steps = machine(Go=task("states:startExecution.sync", {"StateMachineArn": "a"}))
    house.create(steps)
    with pytest.raises(AwsError, match="Express state machine does not support"):
        house.create(steps, type="EXPRESS")


def test_validation_lists_every_mistake_as_a_diagnostic(house: House) -> None:
    text = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B", "Nope": 1}}}'
    answer = house.call("ValidateStateMachineDefinition", definition=text)
    assert answer["result"] == "FAIL"
    assert {each["location"] for each in answer["diagnostics"]} == {"/States/A/Next", "/States/A/Nope"}
    assert {each["code"] for each in answer["diagnostics"]} == {
        "MISSING_TRANSITION_TARGET",
        "SCHEMA_VALIDATION_FAILED",
    }
    good = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
    assert house.call("ValidateStateMachineDefinition", definition=good) == {
        "result": "OK",
        "diagnostics": [],
        "truncated": False,
    }
