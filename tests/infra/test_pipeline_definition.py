"""The state machine as data: whole, well formed, and each decision as it was meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from gluonship_infra.pipeline.definition import definition
from gluonship_infra.pipeline.settings import PipelineSettings
from jsonata import Jsonata
from state_machine_queries import evaluated, parameters

ALL = PipelineSettings(
    compile_targets=("ml_c5",), deployment="canary", serving_instance_count=2, rollback_alarms=("errors",)
)
STATES: dict[str, Any] = definition(parameters())["States"]


def following(state: dict[str, Any]) -> Iterator[str]:
    yield from (rule["Next"] for rule in (*state.get("Choices", ()), *state.get("Catch", ())))
    yield from (state[key] for key in ("Next", "Default") if key in state)


@pytest.mark.parametrize("settings", [PipelineSettings(), ALL], ids=["plain", "all"])
def test_every_state_is_reached_and_leads_somewhere(settings: PipelineSettings) -> None:
    machine = definition(parameters(settings))
    states, seen, todo = machine["States"], set(), [machine["StartAt"]]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += following(states[name])
    assert seen == set(states)


def test_every_call_has_an_answer_to_every_error() -> None:
    for name, state in STATES.items():
        if state["Type"] == "Task":
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def problem(given: Any) -> Any:
    return evaluated(STATES["Begin"]["Assign"]["problem"], {"input": given})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"dataset": "a/b/"},
        {"train": "x/train", "hyperparameters": {"epochs": 2}},
        {"ready": "datasets/x/_READY"},
    ],
)
def test_inputs_that_are_understood(given: Any) -> None:
    assert problem(given) == ""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1], "The input must be a JSON object"),
        ({"datset": "x"}, "Not an input: datset. Allowed are dataset, train, validation, test,"),
        (
            {"dataset": "s3://b/x"},
            "dataset must be a key prefix in the bucket data, such as datasets/current",
        ),
        ({"test": 3, "train": ""}, "train, test must be a key prefix"),
        ({"dataset": "a/(1)"}, "dataset must be a key prefix"),
        ({"dataset": "a*"}, "dataset must be a key prefix"),
        ({"hyperparameters": 3}, "hyperparameters must map names to values."),
        ({"hyperparameters": {"epoch": 1}}, "Not a hyperparameter that can be set: epoch. Allowed are"),
    ],
)
def test_inputs_that_are_refused_in_words(given: Any, words: str) -> None:
    assert words in problem(given)


@pytest.mark.parametrize(
    ("given", "dataset"),
    [
        ({}, "datasets/current"),
        ({"dataset": "a/b//"}, "a/b"),
        ({"ready": "datasets/new one/_READY"}, "datasets/new one"),
    ],
)
def test_the_data_set_is_the_markers_the_inputs_or_the_settings(given: Any, dataset: str) -> None:
    assert evaluated(STATES["ReadInput"]["Assign"]["dataset"], {"input": given}) == dataset


def test_the_inputs_hyperparameters_go_over_the_settings() -> None:
    given = {"hyperparameters": {"epochs": 3, "flip": False, "optimizer": "adam"}}
    found = evaluated(STATES["ReadInput"]["Assign"]["hyperparameters"], {"input": given})
    assert found == {"network": '"gluonship_small"', "epochs": "3", "flip": "false", "optimizer": "adam"}


def channels(prefixes: list[str], given: dict[str, str]) -> Any:
    result = {"CommonPrefixes": [{"Prefix": prefix} for prefix in prefixes]} if prefixes else {}
    code = STATES["LookAtData"]["Assign"]["channels"]
    return evaluated(code, {"result": result}, dataset="a", given=given)


def test_the_channels_are_the_folders_that_there_are() -> None:
    assert channels([], {}) == {}
    assert channels(["a/train/"], {}) == {"train": "a/train/"}
    assert channels(["a/other/", "a/test/", "a/train/"], {}) == {"train": "a/train/", "test": "a/test/"}
    assert channels(["a/train/"], {"train": "b/", "test": "c/"}) == {"train": "b/", "test": "c/"}


@pytest.mark.parametrize(
    ("there", "missing"), [({}, "no train/ and no test/"), ({"train": "a/train/"}, "no test/")]
)
def test_missing_data_is_named(there: dict[str, str], missing: str) -> None:
    assert not evaluated(STATES["DataFound"]["Choices"][0]["Condition"], channels=there)
    cause = STATES["DataMissing"]["Assign"]["failure"]["Cause"]
    assert evaluated(cause, channels=there, dataset="a").startswith(f"There is {missing} under s3://data/a/:")


def test_one_channel_of_data_and_the_code_are_a_list() -> None:
    code = STATES["Train"]["Arguments"]["InputDataConfig"]
    found = evaluated(code, channels={"train": "a/train/", "test": "a/test/"})
    assert [each["ChannelName"] for each in found] == ["train", "code"]
    uris = [each["DataSource"]["S3DataSource"]["S3Uri"] for each in found]
    assert uris == ["s3://data/a/train/", "s3://assets/aa11.gz"]


@pytest.mark.parametrize(("in_service", "count"), [("", 3), ("s3://models/x/model.tar.gz", 4)])
def test_the_model_in_service_is_evaluated_where_there_is_one(in_service: str, count: int) -> None:
    code = STATES["Evaluate"]["Arguments"]["ProcessingInputs"]
    found = evaluated(code, channels={"test": "a/test/"}, artifact="s3://models/c", inService=in_service)
    assert [each["InputName"] for each in found] == ["code", "test", "model", "in-service"][:count]


def decision(settings: PipelineSettings, accuracy: float, in_service: float | None) -> str:
    gate = {
        "accuracy": accuracy,
        "in_service_accuracy": in_service,
        "in_service_reason": "none",
        "incomparable": False,
        "images": 9,
    }
    return after(definition(parameters(settings))["States"]["Gate"], gate=gate)


@pytest.mark.parametrize(
    ("gain", "accuracy", "in_service", "then"),
    [
        (0.0, 0.79, None, "BelowThreshold"),
        (0.0, 0.8, None, "LookAtEndpoint"),
        (0.0, 0.8, 0.8, "LookAtEndpoint"),
        (0.0, 0.8, 0.81, "NoGain"),
        (0.01, 0.87, 0.86, "LookAtEndpoint"),  # though 0.86 + 0.01 > 0.87 in binary
        (0.01, 0.8699, 0.86, "NoGain"),
        (-0.02, 0.85, 0.86, "LookAtEndpoint"),
    ],
)
def test_the_gate(gain: float, accuracy: float, in_service: float | None, then: str) -> None:
    settings = PipelineSettings(accuracy_threshold=0.8, minimum_gain=gain)
    assert decision(settings, accuracy, in_service) == then


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("Rate exceeded", "Rate exceeded"),
        (json.dumps({"FailureReason": "AlgorithmError: no"}), "AlgorithmError: no"),
        (json.dumps({"FailureReason": "AlgorithmError", "ExitMessage": "no images"}), "no images"),
    ],
)
def test_the_reason_of_a_job_is_taken_from_its_description(cause: str, words: str) -> None:
    code = STATES["Train"]["Catch"][-1]["Assign"]["failure"]["Cause"]
    assert evaluated(code, {"errorOutput": {"Error": "States.TaskFailed", "Cause": cause}}) == words


def test_a_job_without_capacity_is_started_again_but_not_for_ever() -> None:
    condition = STATES["TrainingFailed"]["Choices"][0]["Condition"]
    failure = {"Cause": "CapacityError: Unable to provision requested ML compute capacity."}
    assert evaluated(condition, failure=failure, attempt=1)
    assert not evaluated(condition, failure=failure, attempt=3)
    assert not evaluated(condition, failure={"Cause": "AlgorithmError: no"}, attempt=1)


def test_an_update_keeps_the_count_that_scaling_gave_and_rolls_back_on_alarms() -> None:
    assert STATES["UpdateEndpoint"]["Arguments"]["RetainAllVariantProperties"] is True
    assert "DeploymentConfig" not in STATES["UpdateEndpoint"]["Arguments"]
    update = definition(parameters(ALL))["States"]["UpdateEndpoint"]["Arguments"]["DeploymentConfig"]
    routing = update["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing["Type"] == "CANARY"
    assert routing["CanarySize"] == {"Type": "CAPACITY_PERCENT", "Value": 10}
    rollback = update["AutoRollbackConfiguration"]
    assert evaluated(rollback, alarms=["errors"]) == {"Alarms": [{"AlarmName": "errors"}]}
    assert evaluated(rollback, alarms=[]) == {}


@pytest.mark.parametrize(
    ("there", "alarms", "missing"),
    [
        ({}, [], ["errors", "slow"]),
        ({"MetricAlarms": [], "CompositeAlarms": []}, [], ["errors", "slow"]),
        ({"MetricAlarms": [{"AlarmName": "slow"}]}, ["slow"], ["errors"]),
        (
            {"MetricAlarms": [{"AlarmName": "slow"}], "CompositeAlarms": [{"AlarmName": "errors"}]},
            ["errors", "slow"],
            [],
        ),
    ],
)
def test_an_update_is_watched_by_the_alarms_that_there_are(
    there: dict[str, Any], alarms: list[str], missing: list[str]
) -> None:
    states = definition(parameters(PipelineSettings(rollback_alarms=("errors", "slow"))))["States"]
    assert states["CreateOrUpdate"]["Default"] == "LookAtAlarms"
    assert states["LookAtAlarms"]["Arguments"]["AlarmNames"] == ["errors", "slow"]
    assigned = states["LookAtAlarms"]["Assign"]
    assert evaluated(assigned["alarms"], {"result": there}) == alarms
    assert evaluated(assigned["missingAlarms"], {"result": there}) == missing


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ([], "Model package: arn"),
        (["slow"], "arn. Not there, and so no watch over the update: the alarm slow"),
        (["errors", "slow"], "the alarms errors, slow"),
    ],
)
def test_alarms_that_are_not_there_are_said(missing: list[str], words: str) -> None:
    message = STATES["SaySucceeded"]["Arguments"]["Message"]
    gate = {"accuracy": 0.9, "images": 9, "in_service_accuracy": 0.8}
    said = evaluated(message, gate=gate, report="s3://r", package="arn", missingAlarms=missing)
    assert said.endswith(words)


def test_no_volume_key_where_the_instances_disk_is_its_own() -> None:
    states = definition(parameters(PipelineSettings(training_instance_type="ml.g5.xlarge")))["States"]
    assert "VolumeKmsKeyId" not in states["Train"]["Arguments"]["ResourceConfig"]
    assert "VolumeKmsKeyId" in STATES["Train"]["Arguments"]["ResourceConfig"]


def after(state: dict[str, Any], **variables: Any) -> str:
    """The state that a Choice leads to."""
    for option in state["Choices"]:
        if evaluated(option["Condition"], **variables):
            return str(option["Next"])
    return str(state["Default"])


@pytest.mark.parametrize(
    ("in_service", "then", "allowed"),
    [
        ("s3://models/training/x/model.tar.gz", "Evaluate", "Evaluate"),
        ("s3://other/model.tar.gz", "ModelElsewhere", "NothingToCompare"),
        ("", "NothingToCompare", "NothingToCompare"),
    ],
)
def test_a_model_that_cannot_be_read_ends_the_run_unless_allowed(
    in_service: str, then: str, allowed: str
) -> None:
    lenient = definition(parameters(PipelineSettings(allow_incomparable=True)))["States"]
    assert after(STATES["ModelReadable"], inService=in_service) == then
    assert after(lenient["ModelReadable"], inService=in_service) == allowed
    assert STATES["NothingToCompare"]["Next"] == "Failed"
    assert lenient["NothingToCompare"]["Next"] == "Evaluate"


@pytest.mark.parametrize(("allow", "then"), [(False, "Incomparable"), (True, "LookAtEndpoint")])
def test_the_gate_lets_no_model_through_that_was_not_compared(allow: bool, then: str) -> None:
    states = definition(parameters(PipelineSettings(allow_incomparable=allow)))["States"]
    gate = {"accuracy": 0.9, "in_service_accuracy": None, "incomparable": True, "images": 9}
    assert after(states["Gate"], gate=gate) == then
    assert after(states["Gate"], gate={**gate, "accuracy": 0.1}) == "BelowThreshold"
    assert after(states["Gate"], gate={**gate, "incomparable": False}) == "LookAtEndpoint"


def test_a_model_that_was_not_compared_is_told_of() -> None:
    gate = {"accuracy": 0.9, "in_service_accuracy": None, "images": 9, "in_service_reason": "other classes"}
    said = STATES["SaySucceeded"]["Arguments"]["Message"]
    there = {"report": "r", "package": "p", "missingAlarms": [], "comparedConfig": "c", "gate": gate}
    assert "before: none (other classes)" in evaluated(said, inService="s3://models/m", **there)
    assert "before: none (what the endpoint serves cannot be read)" in evaluated(said, inService="", **there)


def assigned(states: dict[str, Any]) -> set[str]:
    """The variables that some states assign, without those inside of them."""
    holders = [
        holder
        for state in states.values()
        for holder in (state, *state.get("Choices", ()), *state.get("Catch", ()))
    ]
    return {name for holder in holders for name in holder.get("Assign", {})}


def test_the_compilations_variables_hide_none_of_the_run() -> None:
    states = definition(parameters(ALL))["States"]
    inner = assigned(states["Compile"]["ItemProcessor"]["States"])
    assert "compilationStatus" in inner
    assert inner & assigned(states) == set()


def test_no_variable_hides_a_function_of_jsonata() -> None:
    states = definition(parameters(ALL))["States"]
    names = assigned(states) | assigned(states["Compile"]["ItemProcessor"]["States"])
    assert {"run", "looks"} < names
    assert names & set(Jsonata.static_frame.bindings) == set()


def test_a_model_is_compiled_once_however_often_it_is_evaluated() -> None:
    states = definition(parameters(ALL))["States"]
    first = states["Gate"]["Default"]
    assert after(states[first], compiled=False) == "Compile"
    assert after(states[first], compiled=True) == states["Compile"]["Next"] == "LookAtEndpoint"
    assert states["Compile"]["Assign"] == {"compiled": True}
    assert states["EvaluateAgain"]["Assign"].get("compiled") is None


@pytest.mark.parametrize("seconds", [1, 15, 300])
def test_hours_of_waiting_fit_into_the_history_of_an_execution(seconds: int) -> None:
    settings = PipelineSettings(poll_seconds=seconds, deployment_wait_seconds=0, termination_wait_seconds=0)
    states = definition(parameters(settings))["States"]
    waited, looks = 0, 0
    while waited < 8 * 3600:
        pause = evaluated(states["WaitForEndpoint"]["Seconds"], looks=looks)
        assert pause == int(pause) >= seconds
        assert looks > 0 or pause == seconds
        assert pause <= seconds + 1 + waited / 10  # late by little of the time that has passed
        waited, looks = waited + pause, looks + 1
    assert looks * 9 < 5000
    assert states["LookAtDeployment"]["Assign"]["looks"] == "{% $looks + 1 %}"
    assert states["UpdateEndpoint"]["Assign"]["looks"] == 0


def test_a_run_that_is_stuck_ends() -> None:
    assert definition(parameters())["TimeoutSeconds"] > 3 * PipelineSettings().training_max_wait_seconds()
    slow = PipelineSettings(training_max_seconds=28 * 86400, training_attempts=9, spot=False)
    assert definition(parameters(slow))["TimeoutSeconds"] < 365 * 86400


def test_the_evaluation_runs_in_an_image_of_its_own() -> None:
    assert STATES["Evaluate"]["Arguments"]["AppSpecification"]["ImageUri"] == parameters().evaluation_image


@pytest.mark.parametrize(
    "text", ["arn:aws:states:us-east-1:1:execution:m:né(1)", "x" * 300], ids=["odd", "long"]
)
def test_the_packages_metadata_holds_what_aws_takes(text: str) -> None:
    metadata = STATES["Register"]["Arguments"]["CustomerMetadataProperties"]
    context = {"context": {"Execution": {"Id": text}}}
    for value in (
        evaluated(metadata["execution"], context),
        evaluated(metadata["dataset"], context, dataset=f"a/{text}"),
    ):
        assert re.fullmatch(r"[A-Za-z0-9 _.:/=+@-]{1,256}", value)
