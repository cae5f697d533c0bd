"""Machines that would run for ever, or hold up everything: they end, and the others never notice."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from machine_house import House
from machine_runs import jsonata, machine

from gluonship.local.contracts import AwsError
from gluonship.local.stepfunctions.choice_rules import COMPARISONS

END = {"End": True}
ALL = {"ErrorEquals": ["States.ALL"]}


def passing(output: Any) -> dict[str, Any]:
    return jsonata(Step={"Type": "Pass", "Output": output, **END})


def threads_of_executions() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("states-")]


# --- the history's limit ---------------------------------------------------------------------------------


def test_a_machine_that_goes_round_for_ever_fails_at_25_000_events(house: House) -> None:
    again = {"Variable": "$", "IsPresent": True, "Next": "Round"}
    execution = house.start(machine(Round={"Type": "Choice", "Choices": [again]}))
    described = house.ended(execution)
    assert (described["status"], described["error"]) == ("FAILED", "States.Runtime")
    assert described["cause"] == "The execution reached the maximum number of history events (25000)."
    [last, before] = house.call(
        "GetExecutionHistory", executionArn=execution, reverseOrder=True, maxResults=2
    )["events"]
    assert (last["id"], last["type"]) == (25_000, "ExecutionFailed")
    assert before["type"] == "ChoiceStateExited"


def test_no_branch_outlives_the_limit_and_no_rule_catches_it(house: House) -> None:
    round_ = {"Type": "Choice", "Choices": [{"Variable": "$", "IsPresent": True, "Next": "Round"}]}
    steps = machine(
        Both={
            "Type": "Parallel",
            "Branches": [
                machine(Each={"Type": "Map", "ItemProcessor": machine(Round=round_), **END}),
                machine(Rest={"Type": "Wait", "Seconds": 10**7, **END}),
            ],
            "Retry": [ALL],
            "Catch": [{**ALL, "Next": "Never"}],
            **END,
        },
        Never={"Type": "Succeed"},
    )
    described = house.run(steps, [1, 2, 3])
    assert "maximum number of history events" in described["cause"]
    assert threads_of_executions() == []


# --- Express machines ------------------------------------------------------------------------------------


def express(house: House, **states: Any) -> str:
    return house.create(machine(**states), type="EXPRESS")


def test_an_express_execution_ends_after_five_minutes(house: House) -> None:
    arn = express(house, Rest={"Type": "Wait", "Seconds": 10**6, **END})
    house.call("StartExecution", stateMachineArn=arn)
    answers: list[dict[str, Any]] = []
    caller = threading.Thread(
        target=lambda: answers.append(house.call("StartSyncExecution", stateMachineArn=arn))
    )
    caller.start()
    deadline = time.monotonic() + 10
    while (threads_of_executions() or caller.is_alive()) and time.monotonic() < deadline:
        house.clock.advance(10)
        time.sleep(0.005)
    assert threads_of_executions() == []
    assert (answers[0]["status"], answers[0]["error"]) == ("TIMED_OUT", "States.Timeout")


@pytest.mark.parametrize("how", ["close", "delete"])
def test_express_executions_end_with_the_cloud_and_with_their_machine(house: House, how: str) -> None:
    arn = express(house, Rest={"Type": "Wait", "Seconds": 200, **END})
    house.call("StartExecution", stateMachineArn=arn)
    assert len(threads_of_executions()) == 1
    if how == "close":
        house.interpreter.close()
    else:
        house.call("DeleteStateMachine", stateMachineArn=arn)
    assert threads_of_executions() == []


# --- JSONata ---------------------------------------------------------------------------------------------


def test_an_expression_without_end_ends_with_its_execution(house: House) -> None:
    endless = "{% ($f := function($n) { $f($n + 1) }; $f(1)) %}"
    execution = house.start(passing(endless))
    house.await_type(execution, "PassStateEntered")
    house.call("StopExecution", executionArn=execution)
    assert house.describe(execution)["status"] == "ABORTED"
    assert threads_of_executions() == []


@pytest.mark.parametrize("field", ["Output", "Assign"])
def test_what_an_expression_makes_is_no_larger_than_a_payload(house: House, field: str) -> None:
    state = {"Type": "Pass", field: {"x": "{% $pad('x', 300000) %}"}, **END}
    described = house.run(jsonata(Step=state))
    assert described["error"] == "States.DataLimitExceeded"
    assert described["cause"].startswith(f"The field '{field}' returned a result with a size exceeding")


def test_an_expression_has_little_memory(house: House) -> None:
    template = {"fine": "{% 1 + 1 %}", "bad": ["{% $length($pad('x', 1000000000)) %}"]}
    described = house.run(passing(template))
    assert described["error"] == "States.QueryEvaluationError"
    assert "'$length($pad('x', 1000000000))' specified for the field 'Output/bad[0]'" in described["cause"]
    assert "It needed more than 256 MiB of memory." in described["cause"]


def test_a_failed_expression_can_be_caught(house: House) -> None:
    state = {"Type": "Parallel", "Branches": [passing("{% $length($pad('x', 1000000000)) %}")], **END}
    catch = {
        "ErrorEquals": ["States.QueryEvaluationError"],
        "Next": "Done",
        "Output": "{% $states.errorOutput.Error %}",
    }
    described = house.run(jsonata(Both={**state, "Catch": [catch]}, Done={"Type": "Succeed"}))
    assert described["output"] == '"States.QueryEvaluationError"'


def test_reading_an_expression_is_bounded_too(house: House) -> None:
    with pytest.raises(AwsError) as caught:
        house.create(passing({"a": "{% 1 + 1 %}", "b": "{% " + "(" * 5000 + "1" + ")" * 5000 + " %}"}))
    assert caught.value.code == "InvalidDefinition"
    assert "at /States/Step/Output/b" in caught.value.message


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$match('ab12', /[a-z]+([0-9])/)[0].groups", ["1"]),
        ("$replace('aXbx', /x/i, '-')", "a-b-"),
        ("$replace('john smith', /(\\w+)\\s(\\w+)/, '$2, $1')", "smith, john"),
        ("$split('a1b2', /[0-9]/)", ["a", "b", ""]),
        ("$contains('A\nb', /^b/m)", True),
    ],
)
def test_regular_expressions_do_what_jsonatas_do(house: House, expression: str, expected: Any) -> None:
    assert house.output(passing(f"{{% {expression} %}}")) == expected


def test_jsonata_evaluates_no_text(house: House) -> None:
    described = house.run(passing("{% $eval('1 + 1') %}"))
    assert described["error"] == "States.QueryEvaluationError"
    assert "no $eval" in described["cause"]


# --- what JSONPath multiplies -----------------------------------------------------------------------------


def nested(depth: int) -> Any:
    value: Any = [1]
    for _ in range(depth):
        value = [value, 1]
    return value


@pytest.mark.parametrize(
    ("parameters", "what"),
    [
        ({f"x{number}.$": "$" for number in range(2000)}, "The field 'Parameters'"),
        ({"x.$": f"States.Array({', '.join(['$'] * 2000)})"}, "The intrinsic function States.Array"),
        (
            {"x.$": f"States.Format('{'{}' * 2000}', {', '.join(['$.text'] * 2000)})"},
            "The intrinsic function States.Format",
        ),
        ({"x.$": "$..*"}, "The JSONPath '$..*'"),
    ],
)
def test_what_repeats_its_input_is_measured_before_it_is_made(
    house: House, parameters: dict[str, Any], what: str
) -> None:
    state = {"Type": "Pass", "Parameters": parameters, **END}
    described = house.run(machine(Step=state), {"text": "x" * 100_000, "deep": nested(300)})
    assert described["error"] == "States.DataLimitExceeded"
    assert described["cause"].startswith(f"{what} returned a result with a size exceeding")


def test_deep_scans_after_each_other_end(house: House) -> None:
    state = {"Type": "Pass", "InputPath": "$..[0]..[0]..[0]..[0]..[0]", **END}
    described = house.run(machine(Step=state), nested(100))
    assert described["error"] == "States.Runtime"
    assert "specified for the field 'InputPath' leads to too many places" in described["cause"]


def test_a_variable_that_doubles_itself_ends(house: House) -> None:
    described = house.run(
        machine(
            Begin={"Type": "Pass", "Assign": {"a": "x" * 1000}, "Next": "Double"},
            Double={"Type": "Pass", "Assign": {"a.$": "States.Array($a, $a)"}, "Next": "Double"},
        )
    )
    assert described["error"] == "States.DataLimitExceeded"


def test_all_variables_together_are_bounded(house: House) -> None:
    states: dict[str, Any] = {
        f"S{number}": {"Type": "Pass", "Assign": {f"v{number}.$": "$.t"}, "Next": f"S{number + 1}"}
        for number in range(45)
    }
    described = house.run(machine(**states, S45={"Type": "Succeed"}), {"t": "x" * 250_000})
    assert described["error"] == "States.DataLimitExceeded"
    assert described["cause"].startswith("The variables of the execution")


def test_a_number_without_end_is_no_whole_one(house: House) -> None:
    state = {"Type": "Pass", "Parameters": {"x.$": "States.MathAdd(States.StringToJson('1e999'), 1)"}, **END}
    assert house.run(machine(Step=state))["error"] == "States.IntrinsicFailure"


# --- StringMatches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "text", "holds"),
    [
        ("log-*.txt", "log-1.txt", True),
        ("log-*.txt", "log-.txt.gz", False),
        ("a*a", "a", False),
        ("*", "", True),
        ("", "", True),
        ("a**b", "a-b", True),
        ("*a*b*", "xbxaxbx", True),
        ("*ab*ab*", "xabx", False),
        (r"a\*b", "a*b", True),
        (r"a\*b", "a-b", False),
        (r"a\\*", "a\\b", True),
        (".", "x", False),
        ("a*b", "a\nb", True),
    ],
)
def test_stars_stand_for_any_text(pattern: str, text: str, holds: bool) -> None:
    assert COMPARISONS["StringMatches"](text, pattern) is holds


def test_many_stars_take_no_time() -> None:
    began = time.process_time()
    assert not COMPARISONS["StringMatches"]("a" * 200_000, "*a*a*a*a*a*a*a*a*b")
    assert time.process_time() - began < 1.0


# --- logs ------------------------------------------------------------------------------------------------


class SlowLogs:
    """A client of CloudWatch Logs that begins when it is told to."""

    def __init__(self) -> None:
        self.begin, self.batches = threading.Event(), list[list[dict[str, Any]]]()

    def create_log_stream(self, **_: Any) -> None:
        assert self.begin.wait(10)

    def put_log_events(self, *, logEvents: list[dict[str, Any]], **_: Any) -> None:
        self.batches.append(logEvents)


def test_a_long_log_goes_out_in_parts_that_cloudwatch_takes() -> None:
    logs = SlowLogs()
    house = House(lambda scope, service: logs)
    group = {"logGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:g:*"}
    again = {"Variable": "$", "IsPresent": True, "Next": "Round"}
    arn = house.create(
        machine(Round={"Type": "Choice", "Choices": [again]}),
        loggingConfiguration={"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": group}]},
    )
    house.ended(house.call("StartExecution", stateMachineArn=arn)["executionArn"])
    logs.begin.set()
    deadline = time.monotonic() + 10
    while sum(map(len, logs.batches)) < 25_000:
        assert time.monotonic() < deadline, [len(batch) for batch in logs.batches]
        time.sleep(0.01)
    for batch in logs.batches:
        assert len(batch) <= 10_000
        assert sum(len(line["message"].encode()) + 26 for line in batch) <= 1024 * 1024
