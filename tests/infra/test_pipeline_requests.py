"""Every call of the state machine as AWS would get it: members, types, enumerations and limits of its API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator
from gluonship_infra.pipeline.definition import definition
from gluonship_infra.pipeline.parameters import Network
from gluonship_infra.pipeline.settings import PipelineSettings
from state_machine_queries import evaluated, parameters

_TASK = re.compile(r"arn:aws:states:::(?:aws-sdk:)?(?P<service>[a-z0-9]+):(?P<action>\w+)(?:\.\w+)?")
_NETWORK = Network(["subnet-12345678"], ["sg-12345678"])
_ARN = "arn:aws:states:us-east-1:123456789012:execution:machine:né(1)"
ALL = PipelineSettings(
    compile_targets=("ml_c5", "jetson_nano"),
    deployment="linear",
    serving_instance_count=2,
    rollback_alarms=("errors",),
    training_instance_type="ml.g4dn.xlarge",
    serving_instance_type="ml.c5.large",
)
# What a run has assigned by the time that its calls are made.
VARIABLES: dict[str, Any] = {
    "run": "kit-dev-20260131120000-0123456789ab",
    "attempt": 1,
    "evaluation": 12,
    "looks": 3,
    "dataset": "datasets/a new one (1)",
    "channels": {"train": "datasets/a new one (1)/train/", "test": "datasets/a new one (1)/test/"},
    "hyperparameters": {"network": '"gluonship_small"', "epochs": "8"},
    "artifact": "s3://models/training/kit-dev/kit-dev-20260131120000-0123456789ab-t1/output/model.tar.gz",
    "inService": "s3://models/training/kit-dev/x/output/model.tar.gz",
    "comparedConfig": "kit-dev-20260101120000-0123456789ab",
    "model": "kit-dev-20260101120000-0123456789ab",
    "report": "s3://models/evaluations/kit-dev/kit-dev-20260131120000-0123456789ab-e12",
    "gate": {
        "accuracy": 0.912345,
        "in_service_accuracy": 0.9,
        "in_service_reason": "",
        "images": 100,
        "input": {"data": [1, 3, 224, 224]},
    },
    "package": "arn:aws:sagemaker:us-east-1:123456789012:model-package/kit-dev/3",
    "alarms": ["errors"],
    "missingAlarms": [],
    "device": "ml_c5",
    "job": "kit-dev-20260131120000-0123456789ab-c1",
    "failure": {"Error": "Any.Error", "Cause": "Because\n of this."},
}
STATES = {"input": {}, "context": {"Execution": {"Id": _ARN, "StartTime": "2026-01-31T12:00:00.000Z"}}}
SESSION = botocore.session.get_session()


def tasks(states: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tasks of a machine by name, also those inside of a Map."""
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        if state["Type"] == "Map":
            yield from tasks(state["ItemProcessor"]["States"])


def made(template: Any) -> Any:
    """The arguments as a run makes them."""
    if isinstance(template, dict):
        return {name: made(value) for name, value in template.items()}
    if isinstance(template, list):
        return [made(value) for value in template]
    if isinstance(template, str) and template.startswith("{%"):
        return evaluated(template, STATES, **VARIABLES)
    return template


def problems(value: Any, shape: Shape, place: str) -> Iterator[str]:
    """What botocore does not look at: enumerations, patterns, and most lengths and numbers."""
    if isinstance(shape, StructureShape):
        for name, part in value.items():
            yield from problems(part, shape.members[name], f"{place}.{name}")
    elif isinstance(shape, ListShape):
        yield from _limits(len(value), shape, place)
        for part in value:
            yield from problems(part, shape.member, f"{place}[]")
    elif isinstance(shape, MapShape):
        for name, part in value.items():
            yield from problems(name, shape.key, f"{place} key")
            yield from problems(part, shape.value, f"{place}.{name}")
    elif isinstance(shape, StringShape):
        yield from _limits(len(value), shape, place)
        if shape.enum and value not in shape.enum:
            yield f"{place}: {value!r} is none of {shape.name}"
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(_python(pattern), value):
            yield f"{place}: {value!r} does not match {pattern}"
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _limits(value, shape, place)


def _limits(size: float, shape: Shape, place: str) -> Iterator[str]:
    if not shape.metadata.get("min", size) <= size <= shape.metadata.get("max", size):
        yield f"{place}: {size} is not within {shape.metadata}"


def _python(pattern: str) -> str:
    """AWS's patterns in Python, which has no classes of Unicode's; ASCII is all that there is here."""
    classes = {"L": "A-Za-z", "N": "0-9", "Z": " ", "M": "", "S": r"$+<=>^`|~", "P": r"!-\/:-@\[-`{-~"}
    for name, text in classes.items():
        pattern = pattern.replace(rf"\p{{{name}}}", text)
    # Of metadata, in AWS's own writing: a set any number of times, the end, and then a count.
    return re.sub(r"\$\{\d+,\d+\}$", "", pattern)


def wrong(state: dict[str, Any]) -> list[str]:
    resource = _TASK.fullmatch(state["Resource"])
    assert resource is not None, state["Resource"]
    service, action = resource["service"], resource["action"]
    model = SESSION.get_service_model(service)
    shape = model.operation_model(action[0].upper() + action[1:]).input_shape
    assert shape is not None
    arguments = made(state["Arguments"])
    report = ParamValidator().validate(arguments, shape)
    if report.has_errors():
        return [report.generate_report()]
    return list(problems(arguments, shape, action))


@pytest.mark.parametrize("settings", [PipelineSettings(), ALL], ids=["plain", "all"])
@pytest.mark.parametrize("network", [None, _NETWORK], ids=["open", "vpc"])
def test_every_call_is_one_that_aws_takes(settings: PipelineSettings, network: Network | None) -> None:
    machine = definition(parameters(settings, network=network))
    found = dict(tasks(machine["States"]))
    assert len(found) >= 20
    assert {name: list(wrong(state)) for name, state in found.items() if wrong(state)} == {}


@pytest.mark.parametrize(
    ("state", "path", "value", "words"),
    [
        ("Train", ["ResourceConfig", "InstanceType"], "ml.t2.medium", "is none of TrainingInstanceType"),
        ("Train", ["ResourceConfig", "Instances"], 1, "Unknown parameter"),
        ("Train", ["StoppingCondition", "MaxRuntimeInSeconds"], "1", "Invalid type"),
        ("Register", ["CustomerMetadataProperties", "run"], "né(1)", "does not match"),
        ("Register", ["CustomerMetadataProperties", "run"], "x" * 300, "is not within"),
        (
            "Register",
            ["InferenceSpecification", "SupportedTransformInstanceTypes"],
            ["ml.c5.large"],
            "is none of TransformInstanceType",
        ),
    ],
)
def test_a_call_that_aws_refuses_is_found(state: str, path: list[str], value: Any, words: str) -> None:
    found = dict(tasks(definition(parameters())["States"]))[state]
    part = found["Arguments"]
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    assert words in " ".join(wrong(found))
