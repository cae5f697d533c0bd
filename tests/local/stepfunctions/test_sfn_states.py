"""States in both languages: data in and out, choices, waits, retries, branches; on the cloud's clock."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from machine_house import House
from machine_runs import jsonata, machine

from gluonship.local.contracts import AwsError

END = {"End": True}


def fail(error: str, cause: str = "") -> dict[str, Any]:
    return machine(Fail={"Type": "Fail", "Error": error, "Cause": cause})


# --- data in JSONPath ------------------------------------------------------------------------------------


def test_input_parameters_result_path_and_output_path(house: House) -> None:
    step = {
        "Type": "Pass",
        "InputPath": "$.inner",
        "Parameters": {"name.$": "$.name", "fixed": 1, "who.$": "$$.State.Name", "all.$": "$"},
        "ResultPath": "$.made.here",
        "OutputPath": "$.made",
        **END,
    }
    output = house.output(machine(Step=step), {"inner": {"name": "n"}, "kept": True})
    assert output == {"here": {"name": "n", "fixed": 1, "who": "Step", "all": {"name": "n"}}}


@pytest.mark.parametrize(
    ("path", "expected"),
    [("$", {"r": 1}), (None, {"in": 0}), ("$.x", {"in": 0, "x": {"r": 1}}), ("$.in.y", None)],
)
def test_where_a_result_goes(house: House, path: str | None, expected: Any) -> None:
    step = {"Type": "Pass", "Result": {"r": 1}, "ResultPath": path, **END}
    described = house.run(machine(Step=step), {"in": 0})
    if expected is None:
        assert described["error"] == "States.ResultPathMatchFailure"
    else:
        assert json.loads(described["output"]) == expected


def test_variables_are_assigned_read_and_shown(house: House) -> None:
    steps = machine(
        Set={"Type": "Pass", "Assign": {"n.$": "$.n", "list": [1, 2]}, "Next": "Use"},
        Use={
            "Type": "Pass",
            "Parameters": {"n.$": "$n", "second.$": "$list[1]", "sum.$": "States.MathAdd($n, 1)"},
            **END,
        },
    )
    execution = house.start(steps, {"n": 4})
    assert json.loads(house.ended(execution)["output"]) == {"n": 4, "second": 2, "sum": 5}
    left = next(each for each in house.history(execution) if each["type"] == "PassStateExited")
    assert left["stateExitedEventDetails"]["assignedVariables"] == {"n": "4", "list": "[1,2]"}


def test_a_state_sees_the_variables_as_they_were_before_it(house: House) -> None:
    branch = machine(Five={"Type": "Pass", "Result": 5, **END})
    steps = machine(
        Set={"Type": "Pass", "Assign": {"n": 1}, "Next": "Work"},
        Work={
            "Type": "Parallel",
            "Branches": [branch],
            "Assign": {"n.$": "$[0]"},
            "ResultSelector": {"before.$": "$n"},
            "ResultPath": "$.work",
            "Next": "Choose",
        },
        Choose={
            "Type": "Choice",
            "Choices": [{"Variable": "$n", "NumericEquals": 5, "Assign": {"n": 6}, "Next": "Show"}],
        },
        Show={"Type": "Pass", "Parameters": {"work.$": "$.work", "n.$": "$n"}, **END},
    )
    assert house.output(steps) == {"work": {"before": 1}, "n": 6}


def test_a_state_that_fails_assigns_nothing(house: House) -> None:
    steps = machine(
        Set={"Type": "Pass", "Assign": {"n": 1}, "Next": "Work"},
        Work={
            "Type": "Parallel",
            "Branches": [machine(Five={"Type": "Pass", "Result": 5, **END})],
            "Assign": {"n.$": "$[0]"},
            "ResultPath": "$.in.the.text",
            "Catch": [{"ErrorEquals": ["States.ResultPathMatchFailure"], "Next": "Show"}],
            **END,
        },
        Show={"Type": "Pass", "Parameters": {"n.$": "$n"}, **END},
    )
    assert house.output(steps, {"in": "text"}) == {"n": 1}


def test_a_path_that_names_nothing_is_said_with_its_place(house: House) -> None:
    described = house.run(machine(Step={"Type": "Pass", "Parameters": {"a.$": "$.b"}, **END}))
    assert described["error"] == "States.Runtime"
    assert described["cause"] == (
        "An error occurred while executing the state 'Step' (entered at the event id #2). The JSONPath '$.b' "
        "specified for the field 'a.$' could not be found in the input '{}'"
    )


# --- data in JSONata -------------------------------------------------------------------------------------


def test_jsonata_has_states_variables_and_awss_functions(house: House) -> None:
    steps = jsonata(
        Set={"Type": "Pass", "Assign": {"n": "{% $states.input.n * 2 %}", "old": None}, "Next": "Use"},
        Use={
            "Type": "Pass",
            "Output": {
                "n": "{% $n %}",
                "null": "{% $old %}",
                "text": "n is {% not an expression %}",
                "chunks": "{% $partition([1..5], 2) %}",
                "range": "{% $range(1, 9, 4) %}",
                "hash": "{% $hash('a', 'SHA-1') %}",
                "parsed": "{% $parse('{\"a\": [1, null]}').a %}",
                "id": "{% $length($uuid()) %}",
                "seeded": "{% $random(7) = $random(7) %}",
                "name": "{% $states.context.State.Name & '/' & $states.context.Execution.Name %}",
                "one": "{% $states.input.list[v = 2].v %}",
            },
            **END,
        },
    )
    output = house.output(steps, {"n": 4, "list": [{"v": 1}, {"v": 2}]})
    name = output.pop("name")
    assert name.startswith("Use/")
    assert output == {
        "n": 8,
        "null": None,
        "text": "n is {% not an expression %}",
        "chunks": [[1, 2], [3, 4], [5]],
        "range": [1, 5, 9],
        "hash": "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8",
        "parsed": [1, None],
        "id": 36,
        "seeded": True,
        "one": 2,
    }


def test_jsonata_tells_the_clouds_time(house: House) -> None:
    house.clock.advance(86_400 * 365)
    output = house.output(jsonata(Look={"Type": "Pass", "Output": "{% $millis() %}", **END}))
    assert output / 1000 == pytest.approx(house.clock.now().timestamp(), abs=5)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("$states.input.none", "specified for the field 'Output/x' returned nothing (undefined)."),
        ("1 + 'a'", "T2002"),
        ("$nothing()", "T1006"),
        ("$sum", "unsupported type"),
    ],
)
def test_an_expression_that_fails_can_be_caught_by_name(house: House, expression: str, said: str) -> None:
    text = f"{{% {expression} %}}"
    described = house.run(jsonata(Step={"Type": "Pass", "Output": {"x": text}, **END}))
    assert (described["status"], described["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert said in described["cause"]
    branch = {**machine(Step={"Type": "Pass", "Output": {"x": text}, **END})}
    catch = [
        {
            "ErrorEquals": ["States.QueryEvaluationError"],
            "Output": "{% $states.errorOutput.Error %}",
            "Next": "Done",
        }
    ]
    both = {"Type": "Parallel", "Branches": [branch], "Catch": catch, **END}
    steps = jsonata(Both=both, Done={"Type": "Succeed"})
    assert house.output(steps) == "States.QueryEvaluationError"


# --- choices ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "data", "holds"),
    [
        ({"Variable": "$.v", "NumericGreaterThanEquals": 0.9}, {"v": 0.9}, True),
        ({"Variable": "$.v", "NumericLessThanPath": "$.limit"}, {"v": 3, "limit": 2}, False),
        ({"Variable": "$.v", "StringMatches": "run-*.j\\*"}, {"v": "run-7.j*"}, True),
        ({"Variable": "$.v", "StringMatches": "run-*.j\\*"}, {"v": "run-7.jp"}, False),
        ({"Variable": "$.v", "BooleanEquals": True}, {"v": 1}, False),
        ({"Variable": "$.v", "IsPresent": False}, {}, True),
        ({"Variable": "$.v", "IsNull": True}, {"v": None}, True),
        ({"Variable": "$.v", "IsNumeric": True}, {"v": True}, False),
        ({"Variable": "$.v", "IsTimestamp": True}, {"v": "2026-01-02T03:04:05Z"}, True),
        (
            {"Variable": "$.v", "TimestampLessThan": "2026-01-02T03:04:05Z"},
            {"v": "2026-01-02T03:04:05+02:00"},
            True,
        ),
        (
            {
                "And": [
                    {"Variable": "$.v", "IsPresent": True},
                    {"Not": {"Variable": "$.v", "StringEquals": "a"}},
                ]
            },
            {"v": "b"},
            True,
        ),
        (
            {"Or": [{"Variable": "$.v", "StringEquals": "a"}, {"Variable": "$.v", "IsNull": True}]},
            {"v": 1},
            False,
        ),
    ],
)
def test_rules_of_a_choice(house: House, rule: dict[str, Any], data: dict[str, Any], holds: bool) -> None:
    steps = machine(
        Choose={"Type": "Choice", "Choices": [{**rule, "Next": "Yes"}], "Default": "No"},
        Yes={"Type": "Pass", "Result": True, **END},
        No={"Type": "Pass", "Result": False, **END},
    )
    assert house.output(steps, data) is holds


def test_a_choice_without_a_way_out_fails_by_name(house: House) -> None:
    rule = {"Variable": "$.v", "NumericEquals": 1, "Next": "Yes"}
    steps = machine(Choose={"Type": "Choice", "Choices": [rule]}, Yes={"Type": "Succeed"})
    assert house.run(steps, {"v": 2})["error"] == "States.NoChoiceMatched"
    described = house.run(steps, {})
    assert described["error"] == "States.Runtime"
    assert "Invalid path '$.v'" in described["cause"]


# --- time ------------------------------------------------------------------------------------------------


def seconds_of(described: dict[str, Any]) -> float:
    taken: float = (described["stopDate"] - described["startDate"]).total_seconds()
    return taken


@pytest.mark.parametrize(
    "wait",
    [
        {"Seconds": 3600},
        {"SecondsPath": "$.s"},
        {"TimestampPath": "$.t"},
        {"Seconds": "{% $states.input.s %}"},
    ],
)
def test_waits_pass_on_the_cloud_s_clock(house: House, wait: dict[str, Any]) -> None:
    until = house.clock.now().timestamp() + 3600
    stamp = house.clock.now().fromtimestamp(until, house.clock.now().tzinfo).isoformat()
    language = jsonata if str(wait.get("Seconds")).startswith("{%") else machine
    described = house.run(
        language(Rest={"Type": "Wait", **wait, **END}), {"s": 3600, "t": stamp}, advance=600
    )
    assert described["status"] == "SUCCEEDED"
    assert 3599 <= seconds_of(described) < 3600 + 1300


def test_an_execution_has_a_time_limit(house: House) -> None:
    steps = {**machine(Rest={"Type": "Wait", "Seconds": 1000, **END}), "TimeoutSeconds": 100}
    execution = house.start(steps)
    described = house.ended(execution, advance=30)
    assert (described["status"], described["error"]) == ("TIMED_OUT", "States.Timeout")
    assert 100 <= seconds_of(described) < 300
    assert house.types(execution)[-1] == "ExecutionTimedOut"


def test_retries_back_off_on_the_clock_and_are_counted(house: House) -> None:
    branch = fail("Flaky")
    retry = [
        {
            "ErrorEquals": ["Flaky"],
            "IntervalSeconds": 10,
            "BackoffRate": 3,
            "MaxAttempts": 3,
            "MaxDelaySeconds": 60,
        },
        {"ErrorEquals": ["States.ALL"], "MaxAttempts": 0},
    ]
    execution = house.start(machine(Try={"Type": "Parallel", "Branches": [branch], "Retry": retry, **END}))
    described = house.ended(execution, advance=1)
    assert (described["status"], described["error"]) == ("FAILED", "Flaky")
    assert house.types(execution).count("ParallelStateStarted") == 4
    assert 10 + 30 + 60 <= seconds_of(described) < 130


# --- branches --------------------------------------------------------------------------------------------


def test_a_map_keeps_the_order_and_the_limit(house: House) -> None:
    steps = machine(
        Each={
            "Type": "Map",
            "ItemsPath": "$.items",
            "MaxConcurrency": 2,
            "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "all.$": "$.all"},
            "ItemProcessor": machine(Rest={"Type": "Wait", "SecondsPath": "$.v", **END}),
            "ResultSelector": {"made.$": "$[*].i"},
            "ResultPath": "$.out",
            **END,
        }
    )
    execution = house.start(steps, {"items": [30, 10, 20], "all": "x"})
    output = json.loads(house.ended(execution, advance=1)["output"])
    assert output["out"] == {"made": [0, 1, 2]}
    types = house.types(execution)
    assert types.count("MapIterationSucceeded") == 3
    third = [place for place, kind in enumerate(types) if kind == "MapIterationStarted"][2]
    assert "MapIterationSucceeded" in types[:third]
    assert house.output(machine(Each={"Type": "Map", "ItemProcessor": fail("E"), **END}), []) == []


def test_an_error_in_one_branch_ends_the_others_and_is_caught(house: House) -> None:
    slow = machine(Rest={"Type": "Wait", "Seconds": 100_000, **END})
    catch = [{"ErrorEquals": ["Boom"], "ResultPath": "$.why", "Next": "Told"}]
    steps = machine(
        Both={"Type": "Parallel", "Branches": [slow, fail("Boom", "now")], "Catch": catch, **END},
        Told={"Type": "Succeed"},
    )
    execution = house.start(steps, {"kept": 1})
    described = house.ended(execution)
    assert json.loads(described["output"]) == {"kept": 1, "why": {"Error": "Boom", "Cause": "now"}}
    assert {"WaitStateAborted", "ParallelStateFailed", "ParallelStateExited"} <= set(house.types(execution))


def test_a_branch_reads_outer_variables_and_keeps_its_own(house: House) -> None:
    inner = machine(
        Own={"Type": "Pass", "Assign": {"mine.$": "$$.Execution.Name"}, "Next": "Read"},
        Read={"Type": "Pass", "Parameters": {"outer.$": "$shared", "mine.$": "$mine"}, **END},
    )
    steps = machine(
        Set={"Type": "Pass", "Assign": {"shared": 5}, "Next": "Both"},
        Both={"Type": "Parallel", "Branches": [inner, inner], **END},
    )
    first, second = house.output(steps)
    assert first == second
    assert first["outer"] == 5
    inner["States"]["Own"]["Assign"] = {"shared": 6}
    with pytest.raises(AwsError, match="outer scope"):
        house.create(steps)


# --- ends ------------------------------------------------------------------------------------------------


def test_fail_takes_its_error_from_the_data(house: House) -> None:
    step = {"Type": "Fail", "ErrorPath": "$.e", "CausePath": "States.Format('no {}', $.c)"}
    described = house.run(machine(Fail=step), {"e": "Odd", "c": "luck"})
    assert (described["error"], described["cause"]) == ("Odd", "no luck")


def test_more_than_256_kib_is_an_error_that_no_wildcard_catches(house: House) -> None:
    big = jsonata(Make={"Type": "Pass", "Output": "{% $pad('', 270000, 'x') %}", **END})
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Never"}]
    both = {"Type": "Parallel", "Branches": [machine(**big["States"])], "Catch": catch, **END}
    steps = jsonata(Both=both, Never={"Type": "Succeed"})
    assert house.run(steps)["error"] == "States.DataLimitExceeded"


def test_every_execution_leaves_its_threads(house: House) -> None:
    steps = machine(
        Both={
            "Type": "Parallel",
            "Branches": [machine(Rest={"Type": "Wait", "Seconds": 9999, **END}), fail("E")],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Rest"}],
            **END,
        },
        Rest={"Type": "Wait", "Seconds": 9999, **END},
    )
    running = [house.start(steps) for _ in range(3)]
    for execution in running:
        house.await_type(execution, "ParallelStateExited")
    house.interpreter.close()
    assert [house.describe(execution)["status"] for execution in running] == ["ABORTED"] * 3
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("states-")] == []


def test_changes_of_status_are_told(house: House) -> None:
    execution = house.start(machine(Fail={"Type": "Fail", "Error": "E"}), {"a": 1})
    house.ended(execution)
    assert house.events.settle(5)
    told = [change for change in house.changes if change.arn == execution]
    assert [change.status for change in told] == ["RUNNING", "FAILED"]
    assert told[1].kind == "StateMachineExecution"
    assert told[1].detail["input"] == '{"a": 1}'
    assert told[1].detail["error"] == "E"


def test_express_executions_tell_nobody(house: House) -> None:
    arn = house.create(machine(Done={"Type": "Succeed"}), type="EXPRESS")
    assert house.call("StartSyncExecution", stateMachineArn=arn)["status"] == "SUCCEEDED"
    assert house.events.settle(5)
    assert house.changes == []


@pytest.mark.parametrize("text", ["", "{", '{"a": NaN}', "[" * 50_000])
def test_an_input_that_is_no_json_starts_nothing(house: House, text: str) -> None:
    arn = house.create(machine(Done={"Type": "Succeed"}))
    with pytest.raises(AwsError) as caught:
        house.call("StartExecution", stateMachineArn=arn, input=text)
    assert caught.value.code == "InvalidExecutionInput"


def test_fail_wants_texts(house: House) -> None:
    described = house.run(jsonata(Fail={"Type": "Fail", "Error": "{% 5 %}"}))
    assert described["error"] == "States.QueryEvaluationError"
    described = house.run(machine(Fail={"Type": "Fail", "ErrorPath": "$.e", "Cause": "c"}), {"e": {}})
    assert described["error"] == "States.Runtime"


def test_a_wait_of_centuries_is_an_error(house: House) -> None:
    described = house.run(machine(Rest={"Type": "Wait", "SecondsPath": "$.s", **END}), {"s": 1e12})
    assert described["error"] == "States.Runtime"
