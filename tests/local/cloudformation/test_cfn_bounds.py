"""Templates that would take the whole cloud's time or memory, and mistakes in unusual places."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from cfn_fakes import Cfn, body, thing

from gluonship.local.cloudformation.contract import UNKNOWN
from gluonship.local.cloudformation.template import rules, structure
from gluonship.local.cloudformation.template.bounds import depth_of
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.functions import Evaluator
from gluonship.local.cloudformation.template.user_patterns import all_match
from gluonship.local.cloudformation.template.values import NO_VALUE


@pytest.fixture
def cfn() -> Cfn:
    return Cfn()


def refused(cfn: Cfn, resources: dict[str, Any], **more: Any) -> str:
    return cfn.refused("CreateStack", StackName="s", **body(resources, more))


# --- patterns ----------------------------------------------------------------------------------------------


def test_a_pattern_without_end_stops_nothing_but_its_own_stack(cfn: Cfn) -> None:
    parameter = {"Type": "String", "AllowedPattern": "(a+)+$", "Default": "a" * 40 + "!"}
    ticks = 0
    ended = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not ended.is_set():
            time.sleep(0.001)
            ticks += 1

    other = threading.Thread(target=tick)
    other.start()
    try:
        message = refused(cfn, {"A": thing(X={"Ref": "P"})}, TParameters={"P": parameter})
    finally:
        ended.set()
        other.join()
    assert "AllowedPattern '(a+)+$' was not decided. It took more than 1 s of processor time" in message
    assert ticks > 100  # a thread that is kept out does not get there


def test_patterns_hold_for_whole_values_and_must_be_patterns() -> None:
    assert all_match("[a-z]+", ("abc", "d"))
    assert not all_match("[a-z]+", ("abc", "d1"))
    with pytest.raises(TemplateError, match="unterminated subpattern"):
        all_match("(", ("a",))
    with pytest.raises(TemplateError, match="over 4096 characters"):
        all_match("a" * 5000, ("a",))


def test_a_parameters_value_is_no_longer_than_aws_allows(cfn: Cfn) -> None:
    message = refused(cfn, {"A": thing()}, TParameters={"P": {"Type": "String", "Default": "x" * 4097}})
    assert message == "Parameter 'P' must have at most 4096 bytes"


# --- what functions make -----------------------------------------------------------------------------------


def doubled(times: int) -> Any:
    expression: Any = "x" * 10
    for _ in range(times):
        expression = {"Fn::Sub": ["${a}" * 10, {"a": expression}]}
    return expression


@pytest.mark.parametrize(
    ("expression", "function"),
    [
        (doubled(8), "Fn::Sub would give 10000000 characters"),
        ({"Fn::Join": ["y" * 4000, ["x"] * 4000]}, "Fn::Join would give"),
        ({"Fn::Base64": {"Fn::Join": ["y" * 1000, ["x"] * 1000]}}, "Fn::Base64 would give"),
        ({"Fn::Cidr": ["0.0.0.0/0", 50_000_000, 0]}, "Fn::Cidr: 50000000 ranges; 1 to 256 are allowed"),
        ({"Fn::Cidr": ["0.0.0.0/0", 0, 8]}, "1 to 256"),
    ],
)
def test_functions_multiply_within_bounds(cfn: Cfn, expression: Any, function: str) -> None:
    assert function in refused(cfn, {"A": thing(X=expression)})


def test_a_json_string_is_measured_before_it_is_made(cfn: Cfn) -> None:
    shared = {"Fn::ToJsonString": [{"Ref": "P"}] * 400}
    parameters = {"P": {"Type": "String", "Default": "x" * 4000}}
    message = refused(
        cfn,
        {"A": thing(X=shared)},
        TParameters=parameters,
        TTransform="AWS::LanguageExtensions",
        Capabilities=["CAPABILITY_AUTO_EXPAND"],
    )
    assert "Fn::ToJsonString would give" in message


def test_many_results_are_bounded_together(cfn: Cfn) -> None:
    assert cfn.create("little", {"A": thing(X=doubled(4))}) == "CREATE_COMPLETE"
    message = refused(cfn, {f"R{n}": thing(X=doubled(5)) for n in range(70)})
    assert "characters in all" in message


@pytest.mark.parametrize("wrong", [["p", "q"], {"a": 1}, None])
def test_only_scalars_are_put_into_strings(cfn: Cfn, wrong: Any) -> None:
    message = refused(cfn, {"A": thing(X={"Fn::Join": ["-", ["x", wrong]]})})
    assert "stands where a string is needed" in message


def test_no_value_is_no_string(cfn: Cfn) -> None:
    assert "AWS::NoValue stands where" in refused(cfn, {"A": thing(X={"Fn::Sub": "a${AWS::NoValue}b"})})


# --- rules and conditions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        {"Fn::Contains": [["a", "b"], {"Ref": "P"}]},
        {"Fn::EachMemberEquals": [[{"Ref": "P"}], "a"]},
        {"Fn::EachMemberIn": [[{"Ref": "P"}], ["a", "b"]]},
    ],
)
def test_rules_wait_for_what_is_not_known(function: dict[str, Any]) -> None:
    template = structure.read(
        json.dumps(
            {
                "Parameters": {"P": {"Type": "String"}},
                "Rules": {"R": {"Assertions": [{"Assert": function}]}},
                "Resources": {"A": thing()},
            }
        )
    )

    def check(value: Any) -> None:
        rules.check(template, Evaluator(template, {"P": value}, {"AWS::NoValue": NO_VALUE}, Cfn().world))  # type: ignore[arg-type]

    check(UNKNOWN)
    check("a")
    with pytest.raises(TemplateError, match="Rule R"):
        check("c")


def test_a_nested_stacks_rules_are_asked_when_its_parameters_are_known(cfn: Cfn) -> None:
    rule = {"R": {"Assertions": [{"Assert": {"Fn::Contains": [["fine"], {"Ref": "P"}]}}]}}
    inner = {
        "Parameters": {"P": {"Type": "String"}},
        "Rules": rule,
        "Resources": {"B": thing()},
    }
    cfn.answers.objects["b", "inner"] = json.dumps(inner)
    stack = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {
            "TemplateURL": "https://s3.amazonaws.com/b/inner",
            "Parameters": {"P": {"Fn::GetAtt": ["A", "Arn"]}},
        },
    }
    assert cfn.create("s", {"A": thing(), "N": stack}) == "ROLLBACK_COMPLETE"
    assert "Template validation error: Rule R" in cfn.reasons("s")["N"]


# --- forms -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("? [a, b]\n: c\nResources: {}", "a key is no string (line 1)"),
        ("Resources:\n  A:\n    <<: {Type: Test::Thing::One}\n", "<<, are not allowed (line 3)"),
        (
            '{"Resources": {"A": {"Type": "T", "Properties": ' + '{"a":' * 900 + "1" + "}" * 900 + "}}}",
            "nested too deeply",
        ),
        (
            '{"Resources": {"A": {"Type": "T", "Properties": ' + '{"a":' * 150 + "1" + "}" * 150 + "}}}",
            "nested too deeply, over 100",
        ),
        (
            '{"Resources": {"A": {"Type": "T"}}, "Rules": {"R": "x"}}',
            "[/Rules/R] every rule needs Assertions",
        ),
        (
            '{"Resources": {"A": {"Type": "T"}}, "Outputs": {"O": {"Value": "x", "Description": {}}}}',
            "[/Outputs/O] Description must be a string",
        ),
    ],
)
def test_a_mistake_is_told_as_one(text: str, words: str) -> None:
    with pytest.raises(TemplateError) as caught:
        structure.read(text)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"MinLength": "abc"}, "MinLength 'abc' is not a number"),
        ({"MaxLength": [1]}, "MaxLength must be a number"),
        ({"AllowedValues": "abc"}, "AllowedValues must be a list"),
    ],
)
def test_a_parameters_limits_must_be_limits(cfn: Cfn, declared: dict[str, Any], words: str) -> None:
    parameters = {"P": {"Type": "String", "Default": "x", **declared}}
    assert words in refused(cfn, {"A": thing()}, TParameters=parameters)


def test_a_condition_that_nothing_uses_must_be_one(cfn: Cfn) -> None:
    message = refused(cfn, {"A": thing()}, TConditions={"C": {"Fn::Equals": ["a"]}})
    assert "Fn::Equals requires a list argument with 2 elements" in message


def test_the_deepest_template_that_is_read_can_be_made(cfn: Cfn) -> None:
    value: Any = "x"
    for _ in range(48):
        value = {"a": [value]}
    resources = {"A": thing(X=value)}
    assert depth_of({"Resources": resources}) == 100
    assert cfn.create("s", resources) == "CREATE_COMPLETE"


def test_zones_are_those_of_the_region(cfn: Cfn) -> None:
    cfn.create("s", {"A": thing(X={"Fn::GetAZs": "us-west-1"}, Y={"Fn::GetAZs": ""})})
    made = cfn.world.objects[cfn.resources("s")["A"]]["properties"]
    assert made == {"X": ["us-west-1a", "us-west-1b"], "Y": ["us-east-1a", "us-east-1b"]}
