"""Templates: text, structure, references."""

from __future__ import annotations

import json

import pytest

from gluonship.local.cloudformation.template import references, structure
from gluonship.local.cloudformation.template.document import Template
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.parsing import parse

THING = "Test::Thing::One"


def read(resources: dict[str, object], **sections: object) -> Template:
    return structure.read(json.dumps({"Resources": resources, **sections}))


def refusal(text: str) -> str:
    with pytest.raises(TemplateError) as caught:
        structure.read(text)
    return caught.value.message


def refused(resources: dict[str, object], **sections: object) -> str:
    return refusal(json.dumps({"Resources": resources, **sections}))


def test_short_forms_are_their_long_forms() -> None:
    short = parse(
        """
        A: !Ref X
        B: !GetAtt Thing.Inner.Arn
        C: !Sub
          - "${a}-${AWS::Region}"
          - a: !Select [0, !Split [",", !Ref L]]
        D: !If [Cond, !Ref "AWS::NoValue", !Condition Other]
        E: !Join ["", [a, !ImportValue x]]
        """
    )
    assert short == {
        "A": {"Ref": "X"},
        "B": {"Fn::GetAtt": ["Thing", "Inner.Arn"]},
        "C": {
            "Fn::Sub": [
                "${a}-${AWS::Region}",
                {"a": {"Fn::Select": [0, {"Fn::Split": [",", {"Ref": "L"}]}]}},
            ]
        },
        "D": {"Fn::If": ["Cond", {"Ref": "AWS::NoValue"}, {"Condition": "Other"}]},
        "E": {"Fn::Join": ["", ["a", {"Fn::ImportValue": "x"}]]},
    }


def test_yaml_keeps_dates_words_and_account_ids_as_strings() -> None:
    parsed = parse(
        "Version: 2012-10-17\nOn: yes\nAccount: 012345678901\nNumber: 12\nTrue: true\nHour: 12:30\nF: 1.5\n"
    )
    assert parsed == {
        "Version": "2012-10-17",
        "On": "yes",
        "Account": "012345678901",
        "Number": 12,
        "True": True,
        "Hour": "12:30",
        "F": 1.5,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "JSON not well-formed. (line 1, column 2"),
        ("a: [b", "YAML not well-formed. (line 2, column 1"),
        ("a: &x 1\nb: *x", "YAML aliases are not allowed (line 2)"),
        ("a: 1\nb: 2\na: 3", "duplicate key 'a' (line 3)"),
        ('{"a": 1, "a": 2}', "duplicate key 'a'"),
        ("just words", "unsupported structure"),
        ("[" * 5000 + "]" * 5000, "nested too deeply"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "nested too deeply"),
        ("", "unsupported structure"),
        ("{}", "At least one Resources member must be defined."),
        ("Resources: {A: 1}", "[/Resources/A] resource definition is malformed"),
        ("Resources: {A: {}}", "[/Resources/A] Every Resources object must contain a Type member."),
        ("Resources: [1]", "Resources must be an object"),
        ("!!python/object/apply:os.system ['true']", "YAML not well-formed"),
    ],
)
def test_a_broken_text_is_refused_with_its_place(text: str, words: str) -> None:
    assert words in refusal(text)


def test_what_is_unknown_is_named() -> None:
    a = {"Type": THING}
    assert refused({"A": a}, Resource={}) == "Invalid template property or properties [Resource]"
    assert "Invalid template resource property 'Propertys' (resource A)" in refused(
        {"A": {**a, "Propertys": {}}}
    )
    assert "Transform [AWS::Serverless-2016-10-31] is not executed" in refused(
        {"A": a}, Transform="AWS::Serverless-2016-10-31"
    )
    assert "Transform [AWS::Serverless-2016-10-31] is not executed" in refused(
        {"A": {"Type": "AWS::Serverless::Function"}},
        Transform=["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"],
        Globals={"Function": {"Timeout": 3}},
    )
    include = {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}
    for including in (
        refused({"A": a}, Transform=include),
        refused({"A": {**a, "Properties": {"Fn::Transform": include}}}),
        refused({"A": a, "Fn::Transform": include}),
    ):
        assert including.startswith("Transform [AWS::Include] is not executed by this local cloud")
    assert "Invalid template property or properties [Globals]" in refused({"A": a}, Globals={})
    assert "Resource name a-b is non alphanumeric" in refused({"a-b": a})
    assert "Unrecognized DeletionPolicy Keep for resource A" in refused(
        {"A": {**a, "DeletionPolicy": "Keep"}}
    )
    assert "Encountered unsupported function: Fn::Mangle" in refused(
        {"A": {**a, "Properties": {"X": {"Fn::Mangle": 1}}}}
    )
    assert "501 is greater than the limit of 500" in refused({f"R{n}": a for n in range(501)})


def test_unresolved_names_in_awss_words() -> None:
    def with_property(value: object, **sections: object) -> str:
        return refused({"A": {"Type": THING, "Properties": {"X": value}}}, **sections)

    unresolved = "Template format error: Unresolved resource dependencies"
    assert with_property({"Ref": "B"}) == f"{unresolved} [B] in the Resources block of the template"
    assert with_property({"Fn::Sub": "${B}"}) == f"{unresolved} [B] in the Resources block of the template"
    assert (
        refused({"A": {"Type": THING}}, Outputs={"O": {"Value": {"Ref": "Nope"}}})
        == f"{unresolved} [Nope] in the Outputs block of the template"
    )
    assert (
        refused({"A": {"Type": THING, "DependsOn": ["B"]}})
        == f"{unresolved} [B] in the Resources block of the template"
    )
    undefined = "Template error: instance of Fn::GetAtt references undefined resource B"
    assert with_property({"Fn::GetAtt": ["B", "Arn"]}) == undefined
    assert with_property({"Fn::Sub": "${B.Arn}"}) == undefined
    assert "Unresolved condition dependency C" in refused({"A": {"Type": THING, "Condition": "C"}})
    assert "Unresolved condition dependency C" in with_property({"Fn::If": ["C", 1, 2]})
    assert "Cannot reference resources in the Conditions block" in with_property(
        1, Conditions={"C": {"Fn::Equals": [{"Ref": "A"}, "x"]}}
    )


def test_names_that_look_like_references_are_none() -> None:
    template = read(
        {
            "A": {
                "Type": THING,
                "Properties": {
                    "Literal": {"Fn::Sub": ["${!NotAName} ${Own} ${AWS::Region}", {"Own": 1}]},
                    "Policy": {"Condition": {"StringEquals": {"a": "b"}}, "Ref": 1, "More": 2},
                },
            }
        }
    )
    assert template.resources["A"].depends_on == ()


def test_a_cycle_is_told_with_its_path() -> None:
    resources = {
        "A": {"Type": THING, "Properties": {"X": {"Ref": "B"}}},
        "B": {"Type": THING, "Properties": {"X": {"Fn::Sub": "${C.Arn}"}}},
        "C": {"Type": THING, "DependsOn": "A"},
        "D": {"Type": THING, "DependsOn": "A"},
    }
    assert refused(resources) == "Circular dependency between resources: [A, B, C] (A -> B -> C -> A)"
    assert "[A] (A -> A)" in refused({"A": {"Type": THING, "Properties": {"X": {"Ref": "A"}}}})


def test_a_long_chain_is_no_problem() -> None:
    resources: dict[str, object] = {"R0": {"Type": THING}}
    for n in range(1, 500):
        resources[f"R{n}"] = {"Type": THING, "Properties": {"X": {"Ref": f"R{n - 1}"}}}
    template = structure.read(json.dumps({"Resources": resources}))
    order = references.ordered(references.dependencies(template, template.resources))
    assert order == [f"R{n}" for n in range(500)]


def test_conditions_in_a_circle_are_refused() -> None:
    conditions = {"C": {"Fn::Not": [{"Condition": "D"}]}, "D": {"Fn::Not": [{"Condition": "C"}]}}
    assert "Circular dependency between conditions: [C -> D -> C]" in refused(
        {"A": {"Type": THING}}, Conditions=conditions
    )
