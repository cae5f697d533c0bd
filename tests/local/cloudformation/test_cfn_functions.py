"""Functions, conditions, parameters and rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gluonship.local.cloudformation.contract import UNKNOWN
from gluonship.local.cloudformation.template import parameters, rules, structure
from gluonship.local.cloudformation.template.dynamic_references import concealed, revealed, with_parameters
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.functions import Evaluator
from gluonship.local.cloudformation.template.values import NO_VALUE

PSEUDO = {"AWS::Region": "us-east-1", "AWS::NoValue": NO_VALUE, "AWS::AccountId": "123456789012"}


class Outside:
    """Thing is there, Later is not yet; one export; one stored parameter."""

    def resource(self, logical_id: str, attribute: str | None) -> Any:
        if logical_id == "Later":
            return UNKNOWN
        return f"{logical_id}-id" if attribute is None else f"{logical_id}:{attribute}"

    def import_value(self, name: str) -> Any:
        if name != "exported":
            raise TemplateError(f"No export named {name} found.")
        return "imported"

    def availability_zones(self, region: str) -> list[str]:
        return [f"{region}{letter}" for letter in "abc"]

    def dynamic(self, string: str) -> str:
        return with_parameters(string, {"/a": "from ssm"}.__getitem__)


def evaluator(sections: dict[str, Any] | None = None, **values: Any) -> Evaluator:
    types = {name: {"Type": "String"} for name in values}
    document = {
        "Parameters": types,
        "Mappings": {"Sizes": {"us-east-1": {"small": "1", "list": ["a", "b"]}}},
        "Conditions": {
            "Yes": {"Fn::Equals": ["a", "a"]},
            "No": {"Fn::Not": [{"Condition": "Yes"}]},
            "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
            "Either": {"Fn::Or": [{"Condition": "Yes"}, {"Condition": "No"}]},
        },
        "Resources": {"Thing": {"Type": "Test::Thing"}, "Later": {"Type": "Test::Thing"}},
        **(sections or {}),
    }
    return Evaluator(structure.read(json.dumps(document)), values, PSEUDO, Outside())


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "P"}, "p"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "Thing"}, "Thing-id"),
        ({"Fn::GetAtt": ["Thing", "Inner.Arn"]}, "Thing:Inner.Arn"),
        ({"Fn::GetAtt": "Thing.Arn"}, "Thing:Arn"),
        (
            {"Fn::Sub": "${P}/${AWS::Region}/${Thing}/${Thing.Arn}/${!Kept}"},
            "p/us-east-1/Thing-id/Thing:Arn/${Kept}",
        ),
        ({"Fn::Sub": ["${ own }-${P}", {"own": {"Ref": "Thing"}}]}, "Thing-id-p"),
        ({"Fn::Join": [":", ["a", {"Ref": "P"}, 1, True]]}, "a:p:1:true"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "a,b,c"]}]}, "b"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}, "1"),
        ({"Fn::Select": [0, {"Fn::FindInMap": ["Sizes", "us-east-1", "list"]}]}, "a"),
        ({"Fn::GetAZs": ""}, ["us-east-1a", "us-east-1b", "us-east-1c"]),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::Cidr": ["2001:db8::/56", 2, 64]}, ["2001:db8::/64", "2001:db8:0:1::/64"]),
        ({"Fn::ImportValue": {"Fn::Sub": "exported"}}, "imported"),
        ({"Fn::If": ["Yes", "then", "else"]}, "then"),
        ({"Fn::If": ["Both", "then", "else"]}, "else"),
        ({"Fn::If": ["Either", "then", "else"]}, "then"),
        ({"a": {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}, "b": 2}, {"b": 2}),
        (["x", {"Ref": "AWS::NoValue"}], ["x"]),
        ("{{resolve:ssm:/a}} it is", "from ssm it is"),
        ({"Fn::Join": ["", ["{{resolve:ssm:", "/a", "}}"]]}, "from ssm"),
        ("{{resolve:secretsmanager:s:SecretString:k}}", "{{resolve:secretsmanager:s:SecretString:k}}"),
        (
            {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        ),
        ({"Fn::Sub": "${Later}-x"}, UNKNOWN),
        ({"Fn::Join": ["", ["a", {"Ref": "Later"}]]}, UNKNOWN),
        ({"a": [{"Ref": "Later"}]}, {"a": [UNKNOWN]}),
        ({"Fn::Select": [0, {"Ref": "Later"}]}, UNKNOWN),
    ],
)
def test_functions(expression: Any, value: Any) -> None:
    assert evaluator(P="p").value(expression) == value


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ({"Fn::Select": [3, ["a"]]}, "Fn::Select cannot select nonexistent value at index 3"),
        (
            {"Fn::FindInMap": ["Sizes", "eu-west-1", "small"]},
            "Unable to get mapping for Sizes::eu-west-1::small",
        ),
        ({"Fn::Join": "x"}, "Fn::Join requires a list argument with 2 elements"),
        ({"Fn::Join": [1, ["a"]]}, "every Fn::Join object requires two parameters"),
        ({"Fn::ImportValue": "nope"}, "No export named nope found."),
        ({"Fn::If": ["Unheard", 1, 2]}, "unresolved condition dependency Unheard"),
        (
            {"Fn::Sub": ["${a}", {"a": ["x"]}]},
            "variable a in Fn::Sub expression does not resolve to a string",
        ),
        ({"Fn::Length": ["a"]}, "Fn::Length needs the transform AWS::LanguageExtensions"),
        ({"Fn::Cidr": ["10.0.0.0/24", 9, 8]}, "has no 9 ranges"),
        ("{{resolve:ssm-secure:/a}}", "Dynamic references to ssm-secure are not resolved"),
    ],
)
def test_wrong_functions_are_refused_in_words(expression: Any, words: str) -> None:
    with pytest.raises(TemplateError) as caught:
        evaluator().value(expression)
    assert words in caught.value.message


def test_language_extensions_bring_their_functions() -> None:
    extended = evaluator({"Transform": "AWS::LanguageExtensions"})
    assert extended.value({"Fn::Length": ["a", "b"]}) == 2
    assert extended.value({"Fn::ToJsonString": {"a": {"Ref": "Thing"}}}) == '{"a":"Thing-id"}'
    default = [{"Ref": "AWS::AccountId"}, "x", "y", {"DefaultValue": "d"}]
    assert extended.value({"Fn::FindInMap": ["Sizes", *default[1:]]}) == "d"


def test_a_condition_on_what_is_unknown_is_unknown() -> None:
    unknown = evaluator({"Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, "x"]}}}, P=UNKNOWN)
    assert unknown.condition("C") is UNKNOWN
    assert unknown.value({"Fn::If": ["C", 1, 2]}) is UNKNOWN
    either = {"Fn::Or": [{"Condition": "C"}, {"Fn::Equals": ["a", "a"]}]}
    assert unknown.truth(either) is True


def test_secrets_stay_references_until_they_are_revealed() -> None:
    properties = {"Password": "{{resolve:secretsmanager:db:SecretString:password}}", "User": "me"}

    def fetch(name: str, stage: str | None, version: str | None) -> str:
        assert (name, stage, version) == ("db", None, None)
        return '{"password": "swordfish"}'

    assert revealed(properties, fetch) == {"Password": "swordfish", "User": "me"}
    assert concealed(properties) == {"Password": UNKNOWN, "User": "me"}
    arn = "arn:aws:secretsmanager:us-east-1:1:secret:x-AbC"
    whole = revealed(f"{{{{resolve:secretsmanager:{arn}}}}}", lambda name, *_: f"of {name}")
    assert whole == f"of {arn}"
    with pytest.raises(TemplateError, match="JSONKey missing"):
        revealed("{{resolve:secretsmanager:db:SecretString:missing}}", lambda *_: "{}")


# --- parameters and rules --------------------------------------------------------------------------------


def resolved(declared: dict[str, Any], **given: Any) -> parameters.ParameterValues:
    template = structure.read(
        json.dumps({"Parameters": declared, "Resources": {"A": {"Type": "Test::Thing"}}})
    )
    return parameters.resolve(template, given, {"/image": "ami-1"}.__getitem__)


def test_parameters_of_every_kind() -> None:
    values = resolved(
        {
            "S": {"Type": "String", "Default": "x"},
            "N": {"Type": "Number"},
            "L": {"Type": "CommaDelimitedList", "Default": "a, b"},
            "Nets": {"Type": "List<AWS::EC2::Subnet::Id>"},
            "Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image"},
            "Later": {"Type": "String", "AllowedValues": ["x"]},
        },
        N=3,
        Nets="subnet-1,subnet-2",
        Later=UNKNOWN,
    )
    assert values.values == {
        "S": "x",
        "N": "3",
        "L": ["a", "b"],
        "Nets": ["subnet-1", "subnet-2"],
        "Image": "ami-1",
        "Later": UNKNOWN,
    }
    assert values.given["Image"] == "/image"
    assert values.resolved == {"Image": "ami-1"}


@pytest.mark.parametrize(
    ("declaration", "value", "message"),
    [
        ({"AllowedValues": ["a", "b"]}, "c", "Parameter 'P' must be one of AllowedValues [a, b]"),
        ({"AllowedPattern": "[a-z]+"}, "A", "Parameter 'P' must match pattern [a-z]+"),
        (
            {"AllowedPattern": "[a-z]+", "ConstraintDescription": "only letters"},
            "1",
            "Parameter 'P' failed to satisfy constraint: only letters",
        ),
        ({"MinLength": 2}, "a", "Parameter 'P' must contain at least 2 characters"),
        ({"MaxLength": 2}, "aaa", "Parameter 'P' must contain at most 2 characters"),
        ({"Type": "Number"}, "x", "Parameter 'P' must be a number"),
        ({"Type": "Number", "MinValue": 2}, "1", "Parameter 'P' must be a number not less than 2"),
        ({"Type": "Number", "MaxValue": 2}, "3", "Parameter 'P' must be a number not greater than 2"),
        ({"Type": "Text"}, "x", "Template format error: Unrecognized parameter type: Text (parameter P)"),
    ],
)
def test_a_wrong_parameter_is_refused_in_awss_words(
    declaration: dict[str, Any], value: str, message: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        resolved({"P": {"Type": "String", **declaration}}, P=value)
    assert caught.value.message == message


def test_all_wrong_parameters_are_named_at_once() -> None:
    with pytest.raises(TemplateError) as caught:
        resolved({"A": {"Type": "Number"}, "B": {"Type": "String", "MinLength": 9}}, A="x", B="y")
    assert caught.value.message.splitlines() == [
        "Parameter 'A' must be a number",
        "Parameter 'B' must contain at least 9 characters",
    ]
    with pytest.raises(TemplateError, match=r"Parameters: \[A, B\] must have values"):
        resolved({"A": {"Type": "String"}, "B": {"Type": "String"}})
    with pytest.raises(TemplateError, match=r"Parameters: \[C\] do not exist in the template"):
        resolved({"A": {"Type": "String", "Default": ""}}, C="x")


def test_rules_are_assertions_on_parameters() -> None:
    rule = {
        "OnlyInProduction": {
            "RuleCondition": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
            "Assertions": [
                {
                    "Assert": {"Fn::Contains": [["large", "huge"], {"Ref": "Size"}]},
                    "AssertDescription": "production is large",
                },
                {"Assert": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Size"}, "huge"]}]}},
            ],
        }
    }
    sections = {"Rules": rule}
    for stage, size in (("test", "small"), ("prod", "large")):
        one = evaluator(sections, Stage=stage, Size=size)
        rules.check(one.template, one)
    small = evaluator(sections, Stage="prod", Size="small")
    with pytest.raises(TemplateError, match="Rule OnlyInProduction: production is large"):
        rules.check(small.template, small)
