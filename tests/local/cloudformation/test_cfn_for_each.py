"""Fn::ForEach, and names that are functions: what AWS::LanguageExtensions makes of a template."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfn_fakes import Cfn, body, thing
from cfn_wire import Stacks
from local_clouds import LocalCloud

from gluonship.local.contracts import AwsError

EXTENDED = {"TTransform": "AWS::LanguageExtensions", "Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
FAILED = "Transform AWS::LanguageExtensions failed with: "


@pytest.fixture
def cfn() -> Cfn:
    return Cfn()


def of_list(default: str, **more: Any) -> dict[str, Any]:
    return {"Type": "CommaDelimitedList", "Default": default, **more}


def processed(cfn: Cfn, resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The template that the transform leaves; its stack is made."""
    assert cfn.create("s", resources, **EXTENDED, **more) == "CREATE_COMPLETE"
    template: dict[str, Any] = json.loads(cfn("GetTemplate", StackName="s")["TemplateBody"])
    return template


def refused(cfn: Cfn, resources: dict[str, Any], **more: Any) -> str:
    return cfn.refused("CreateStack", StackName="s", **body(resources, {**EXTENDED, **more}))


# --- what loops make ---------------------------------------------------------------------------------------


def test_a_loop_repeats_resources_for_each_item_of_a_list(cfn: Cfn) -> None:
    fragment = {
        "Q${N}": thing(Text={"Ref": "N"}, Sub={"Fn::Sub": "${N}/${AWS::Region}/${!N}"}, Plain="is ${N}"),
        "After${N}": thing(depends="Q${N}", Of={"Fn::GetAtt": ["Q${N}", "Arn"]}, To={"Ref": "Q${N}"}),
    }
    made = processed(cfn, {"Fn::ForEach::Qs": ["N", ["A", "B"], fragment], "Alone": thing()})["Resources"]
    assert list(made) == ["QA", "AfterA", "QB", "AfterB", "Alone"]
    assert made["QB"]["Properties"] == {
        "Text": "B",
        "Sub": {"Fn::Sub": "B/${AWS::Region}/${!N}"},
        "Plain": "is B",
    }
    assert made["AfterA"] == thing(depends="QA", Of={"Fn::GetAtt": ["QA", "Arn"]}, To={"Ref": "QA"})
    assert set(cfn.resources("s")) == set(made)
    assert cfn.trail("s").index("QA CREATE_COMPLETE") < cfn.trail("s").index("AfterA CREATE_IN_PROGRESS")


@pytest.mark.parametrize(
    ("collection", "items"),
    [
        ({"Ref": "Names"}, ["x", "y"]),
        ([{"Ref": "One"}, "two", {"Fn::Sub": "${One}3"}, 4, True], ["one", "two", "one3", "4", "true"]),
        ({"Fn::FindInMap": ["Map", {"Ref": "One"}, "list"]}, ["m", "n"]),
        ({"Fn::FindInMap": ["Map", "none", "list", {"DefaultValue": ["d"]}]}, ["d"]),
        ({"Fn::Split": ["-", "p-q"]}, ["p", "q"]),
        ({"Fn::If": ["IsOne", {"Ref": "Names"}, ["never"]]}, ["x", "y"]),
        ([{"Ref": "AWS::StackName"}], ["s"]),
        ([], []),
    ],
)
def test_what_may_be_looped_over(cfn: Cfn, collection: Any, items: list[str]) -> None:
    made = processed(
        cfn,
        {"Alone": thing(), "Fn::ForEach::L": ["I", collection, {"T${I}": thing(Name={"Ref": "I"})}]},
        TParameters={"Names": of_list("x, y"), "One": {"Type": "String", "Default": "one"}},
        TMappings={"Map": {"one": {"list": ["m", "n"]}}},
        TConditions={"IsOne": {"Fn::Equals": [{"Ref": "One"}, "one"]}},
    )["Resources"]
    assert {name: each["Properties"].get("Name") for name, each in made.items()} == {
        "Alone": None,
        **{f"T{item}": item for item in items},
    }


def test_an_ampersand_leaves_letters_and_digits(cfn: Cfn) -> None:
    made = processed(
        cfn,
        {"Fn::ForEach::Nets": ["Cidr", {"Ref": "Blocks"}, {"Net&{Cidr}": thing(Name={"Ref": "Cidr"})}]},
        TParameters={"Blocks": of_list("10.0.2.0/24,10.0.3.0/24")},
    )["Resources"]
    assert made == {"Net1002024": thing(Name="10.0.2.0/24"), "Net1003024": thing(Name="10.0.3.0/24")}


def test_loops_nest_and_stand_in_every_section_and_in_properties(cfn: Cfn) -> None:
    inner = {"${Tier}${Zone}": {**thing(Zone={"Ref": "Zone"}), "Condition": "Has${Tier}"}}
    properties = {"${P}": {"Fn::FindInMap": [{"Ref": "Tier"}, "of", {"Ref": "P"}, {"DefaultValue": "none"}]}}
    resources = {
        "Fn::ForEach::Tiers": [
            "Tier",
            ["Web", "Data"],
            {
                "All${Tier}": thing(**{"Fn::ForEach::Properties": ["P", ["Size", "Kind"], properties]}),
                "Fn::ForEach::Zones": ["Zone", ["a", "b"], inner],
            },
        ]
    }
    outputs = {
        "Fn::ForEach::Made": [
            "T",
            ["Web", "Data"],
            {
                "Fn::ForEach::Of": [
                    "Attribute",
                    ["Arn", "Size"],
                    {
                        "${T}${Attribute}": {
                            "Value": {"Fn::GetAtt": [{"Fn::Sub": "All${T}"}, {"Ref": "Attribute"}]}
                        }
                    },
                ]
            },
        ]
    }
    conditions = {
        "Fn::ForEach::Have": ["C", ["Web", "Data"], {"Has${C}": {"Fn::Equals": [{"Ref": "On"}, "${C}"]}}]
    }
    made = processed(
        cfn,
        resources,
        TOutputs=outputs,
        TConditions=conditions,
        TMappings={"Web": {"of": {"Size": "7"}}, "Data": {"of": {"Kind": "k"}}},
        TParameters={"On": {"Type": "String", "Default": "Data"}},
    )
    assert list(made["Conditions"]) == ["HasWeb", "HasData"]
    assert set(made["Resources"]) == {"AllWeb", "Weba", "Webb", "AllData", "Dataa", "Datab"}
    assert set(cfn.resources("s")) == {"AllWeb", "AllData", "Dataa", "Datab"}
    assert {key: value.partition("-")[0] for key, value in cfn.outputs("s").items()} == {
        "WebArn": "arn:test:s",
        "WebSize": "2",
        "DataArn": "arn:test:s",
        "DataSize": "2",
    }


def test_names_may_be_functions_without_a_loop(cfn: Cfn) -> None:
    resources = {
        "BlueThing": thing(),
        "A": {
            **thing(To={"Ref": {"Fn::Sub": "${Colour}Thing"}}),
            "DependsOn": [{"Fn::Sub": "${Colour}Thing"}],
        },
        "B": {
            **thing(Arn={"Fn::GetAtt": [{"Fn::Join": ["", [{"Ref": "Colour"}, "Thing"]]}, "Arn"]}),
            "Condition": {
                "Fn::FindInMap": ["M", "a", {"Ref": "Colour"}, {"DefaultValue": {"Ref": "AWS::NoValue"}}]
            },
        },
        "C": {**thing(), "Condition": {"Fn::Sub": "Not${Colour}"}},
    }
    made = processed(
        cfn,
        resources,
        TParameters={"Colour": {"Type": "String", "Default": "Blue"}},
        TMappings={"M": {"a": {"Red": "NotBlue"}}},
        TConditions={"NotBlue": {"Fn::Equals": ["a", "b"]}},
    )["Resources"]
    assert made["A"] == thing(depends=["BlueThing"], To={"Ref": "BlueThing"})
    assert made["B"] == thing(Arn={"Fn::GetAtt": ["BlueThing", "Arn"]})
    assert set(cfn.resources("s")) == {"BlueThing", "A", "B"}


def test_another_value_of_a_parameter_is_an_update(cfn: Cfn) -> None:
    loop = {"Fn::ForEach::L": ["I", {"Ref": "Names"}, {"T${I}": thing(policy="Delete", Name={"Ref": "I"})}]}
    more = {"TParameters": {"Names": of_list("a,b")}, **EXTENDED}
    assert cfn.create("s", loop, **more) == "CREATE_COMPLETE"
    names = {"ParameterKey": "Names", "ParameterValue": "b,c"}
    cfn(
        "UpdateStack",
        StackName="s",
        UsePreviousTemplate=True,
        Parameters=[names],
        Capabilities=["CAPABILITY_AUTO_EXPAND"],
    )
    assert cfn.wait("s") == "UPDATE_COMPLETE"
    assert cfn.resources("s") == {"Tb": "b", "Tc": "c"}
    original = cfn("GetTemplate", StackName="s", TemplateStage="Original")["TemplateBody"]
    assert json.loads(original)["Resources"] == loop


def test_a_change_set_shows_what_loops_come_to(cfn: Cfn) -> None:
    loop = {"Fn::ForEach::L": ["I", ["a", "b"], {"T${I}": thing(Text={"Ref": "I"})}]}
    request = body(loop, {"TTransform": EXTENDED["TTransform"]})
    cfn("CreateChangeSet", StackName="s", ChangeSetName="c", ChangeSetType="CREATE", **request)
    changes = cfn("DescribeChangeSet", StackName="s", ChangeSetName="c")["Changes"]
    assert [each["ResourceChange"]["LogicalResourceId"] for each in changes] == ["Ta", "Tb"]
    shown = json.loads(cfn("GetTemplate", StackName="s", ChangeSetName="c")["TemplateBody"])
    assert shown["Resources"] == {"Ta": thing(Text="a"), "Tb": thing(Text="b")}


def test_a_template_is_described_before_its_loops_run(cfn: Cfn) -> None:
    loops = {
        "Fn::ForEach::Roles": ["R", {"Ref": "Names"}, {"Role${R}": {"Type": "AWS::IAM::Role"}}],
        "T": thing(),
    }
    request = body(loops, {**EXTENDED, "TParameters": {"Names": {"Type": "CommaDelimitedList"}}})
    del request["Capabilities"]
    summary = cfn("GetTemplateSummary", **request)
    assert summary["ResourceTypes"] == ["AWS::IAM::Role", "Test::Thing::One"]
    assert summary["Capabilities"] == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    assert summary["DeclaredTransforms"] == ["AWS::LanguageExtensions"]
    (parameter,) = cfn("ValidateTemplate", **request)["Parameters"]
    assert parameter["ParameterKey"] == "Names"


def test_what_a_loop_makes_is_acknowledged_like_anything_else(cfn: Cfn) -> None:
    properties = {"Fn::ForEach::P": ["K", ["RoleName"], {"${K}": "named"}]}
    role = {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}
    request = body(role, {**EXTENDED, "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]})
    with pytest.raises(AwsError) as caught:
        cfn("CreateStack", StackName="s", **request)
    assert caught.value.message == "Requires capabilities : [CAPABILITY_NAMED_IAM]"


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resources", "sections", "words"),
    [
        ({"Fn::ForEach::L": "x"}, {}, "[/Resources/Fn::ForEach::L] resource definition is malformed"),
        (
            {"A": thing(**{"Fn::ForEach::L": ["P", ["a"], {"${P}": 1}]})},
            {},
            "Fn::ForEach::L needs the transform",
        ),
        (
            {"A": thing()},
            {"TOutputs": {"Fn::ForEach::L": ["O", ["a"], {"${O}": {"Value": 1}}]}},
            "needs the tr",
        ),
    ],
)
def test_a_loop_needs_its_transform(
    cfn: Cfn, resources: dict[str, Any], sections: dict[str, Any], words: str
) -> None:
    for operation, more in (("CreateStack", {"StackName": "s"}), ("ValidateTemplate", {})):
        message = cfn.refused(operation, **body(resources, sections), **more)
        assert message.startswith("Template format error: ")
        assert words in message
        assert "AWS::LanguageExtensions" in message


LOOP = ["I", ["a", "b"], {"T${I}": thing()}]
WRONG: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("no list", {"Fn::ForEach::L": {"I": []}}, {}, "Fn::ForEach layout is incorrect"),
    ("two members", {"Fn::ForEach::L": LOOP[:2]}, {}, "Fn::ForEach layout is incorrect"),
    ("no object", {"Fn::ForEach::L": [*LOOP[:2], "T"]}, {}, "Fn::ForEach layout is incorrect"),
    ("no name", {"Fn::ForEach": LOOP}, {}, "Fn::ForEach layout is incorrect"),
    ("a name with a dash", {"Fn::ForEach::a-b": LOOP}, {}, "Fn::ForEach layout is incorrect"),
    ("an identifier with a dash", {"Fn::ForEach::L": ["a-b", *LOOP[1:]]}, {}, "the identifier must be"),
    ("a string", {"Fn::ForEach::L": ["I", "ab", LOOP[2]]}, {}, "Fn::ForEach layout is incorrect"),
    ("a resource", {"X": thing(), "Fn::ForEach::L": ["I", [{"Ref": "X"}], LOOP[2]]}, {},
     "Could not find a collection or could not be resolved for Fn::ForEach (Fn::ForEach::L: resource X"),
    ("an attribute", {"X": thing(), "Fn::ForEach::L": ["I", {"Fn::GetAtt": "X.Arn"}, LOOP[2]]}, {},
     "Could not find a collection"),
    ("no list of strings", {"Fn::ForEach::L": ["I", [["a"]], LOOP[2]]}, {}, "Could not find a collection"),
    ("a parameter of one value", {"Fn::ForEach::L": ["I", {"Ref": "P"}, LOOP[2]]},
     {"TParameters": {"P": {"Type": "String", "Default": "a"}}}, "it is no list"),
    ("the stack's id", {"Fn::ForEach::L": ["I", [{"Ref": "AWS::StackId"}], LOOP[2]]}, {}, "it is not known"),
    ("a secret", {"Fn::ForEach::L": ["I", {"Ref": "P"}, LOOP[2]]},
     {"TParameters": {"P": of_list("a,b", NoEcho=True)}}, "the NoEcho parameter P"),
    ("a condition in a circle", {"Fn::ForEach::L": ["I", {"Fn::If": ["C", [], []]}, LOOP[2]]},
     {"TConditions": {"C": {"Fn::Not": [{"Condition": "D"}]}, "D": {"Fn::Not": [{"Condition": "C"}]}}},
     "Circular dependency between conditions: [C]"),
    ("a condition that is not there", {"Fn::ForEach::L": ["I", {"Fn::If": ["C", [], []]}, LOOP[2]]},
     {"TConditions": {"C": {"Condition": "Nope"}}}, "unresolved condition dependency Nope"),
    ("one key", {"Fn::ForEach::L": ["I", ["a", "b"], {"T": thing()}]}, {},
     "Duplicate key 'T' when merging keys to parent object in Fn::ForEach"),
    ("a key that is there", {"Ta": thing(), "Fn::ForEach::L": LOOP}, {}, "Duplicate key 'Ta' when merging"),
    ("the same after &{}", {"Fn::ForEach::L": ["I", ["a.b", "ab"], {"T&{I}": thing()}]}, {},
     "Duplicate key 'Tab'"),
    ("a parameter's name", {"Fn::ForEach::L": LOOP},
     {"TParameters": {"I": {"Type": "String", "Default": ""}}},
     "the identifier I is that of a parameter or a resource"),
    ("a resource's name", {"L": thing(), "Fn::ForEach::L": LOOP}, {}, "the loop's name L is that of"),
    ("a name twice", {"Fn::ForEach::L": LOOP}, {"TOutputs": {"Fn::ForEach::L": ["O", [], {}]}},
     "another loop"),
    ("an identifier within itself", {"Fn::ForEach::L": ["I", ["a"], {"Fn::ForEach::M": LOOP}]}, {},
     "identifier I is that of the loop around it"),
    ("in Mappings", {"A": thing()}, {"TMappings": {"M": {"k": {"Fn::ForEach::L": LOOP}}}},
     "Fn::ForEach cannot be used in Mappings, only in Conditions, Resources, Outputs"),
    ("in Metadata", {"A": thing()}, {"TMetadata": {"Fn::ForEach::L": LOOP}}, "cannot be used in Metadata"),
    ("a name that is not known", {"X": thing(), "A": thing(To={"Ref": {"Fn::GetAtt": ["X", "Arn"]}})}, {},
     "resource X is not known before it is made"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("resources", "sections", "words"), [row[1:] for row in WRONG], ids=[r[0] for r in WRONG]
)
def test_a_wrong_loop_is_refused_in_awss_words(
    cfn: Cfn, resources: dict[str, Any], sections: dict[str, Any], words: str
) -> None:
    message = refused(cfn, resources, **sections)
    assert words in message
    assert message.startswith(FAILED) or "is not known before it is made" in message


def test_what_loops_make_is_held_to_all_that_holds_for_templates(cfn: Cfn) -> None:
    dash = refused(cfn, {"Fn::ForEach::L": ["I", ["a-b"], {"T${I}": thing()}]})
    assert dash == "Template format error: Resource name Ta-b is non alphanumeric."
    lost = refused(cfn, {"Fn::ForEach::L": ["I", ["a"], {"T${I}": thing(To={"Ref": "U${I}"})}]})
    assert "Unresolved resource dependencies [Ua] in the Resources block" in lost
    many = refused(cfn, {"Fn::ForEach::L": ["I", [f"r{n}" for n in range(501)], {"T${I}": thing()}]})
    assert "501 is greater than the limit of 500" in many


# --- bounds ------------------------------------------------------------------------------------------------


def nested(levels: int, fragment: dict[str, Any]) -> dict[str, Any]:
    """Loops in each other, over ten items each."""
    for level in range(levels):
        fragment = {f"Fn::ForEach::L{level}": [f"I{level}", [str(item) for item in range(10)], fragment]}
    return fragment


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"Alone": thing(), **nested(9, {})}, "the loops of this template have over 10000 passes"),
        (nested(3, {"T${I0}${I1}${I2}": thing(Text="x" * 2000)}), "make it longer than 1048576 characters"),
        (nested(3, {"T${I0}${I1}${I2}": thing(List=[0] * 1000)}), "make it longer than 1048576 characters"),
        ({"Fn::ForEach::L": ["I", ["y" * 9000], {"T": thing(Text="${I}" * 9000)}]}, "longer than 1048576"),
        ({"Fn::ForEach::L": ["I", ["y" * 9000], {"T": thing(List=[{"Ref": "I"}] * 3000)}]}, "longer than"),
    ],
)
def test_loops_multiply_within_bounds(cfn: Cfn, resources: dict[str, Any], words: str) -> None:
    assert words in refused(cfn, resources)


def test_an_item_that_looks_like_a_variable_is_none(cfn: Cfn) -> None:
    made = processed(
        cfn, {"Fn::ForEach::L": ["I", ["${AWS::Region}"], {"T&{I}": thing(Text={"Fn::Sub": "<${I}>"})}]}
    )
    assert made["Resources"] == {"TAWSRegion": thing(Text={"Fn::Sub": "<${!AWS::Region}>"})}


# --- nested stacks, and over the wire ----------------------------------------------------------------------


def test_a_nested_stack_loops_over_what_its_parent_knows(cfn: Cfn) -> None:
    loop = {"Fn::ForEach::L": ["I", {"Ref": "Names"}, {"T&{I}": thing(Text={"Ref": "I"})}]}
    child = body(loop, {"TTransform": EXTENDED["TTransform"], "TParameters": {"Names": of_list("unused")}})
    cfn.answers.objects["b", "child.json"] = child["TemplateBody"]

    def parent(names: Any) -> dict[str, Any]:
        properties = {"TemplateURL": "https://b.s3.amazonaws.com/child.json", "Parameters": {"Names": names}}
        return {"A": thing(), "Child": {"Type": "AWS::CloudFormation::Stack", "Properties": properties}}

    later = cfn.refused("CreateStack", StackName="s", **body(parent({"Ref": "A"}), EXTENDED))
    assert "Fn::ForEach::L: it is not known before anything is made" in later
    assert cfn.create("s", parent("x,y"), Capabilities=EXTENDED["Capabilities"]) == "CREATE_COMPLETE"
    child_id = cfn.resources("s")["Child"]
    assert set(cfn.resources(child_id)) == {"Tx", "Ty"}
    known = parent({"Ref": "A"})  # by now
    assert cfn.update("s", known, Capabilities=EXTENDED["Capabilities"]) == "UPDATE_COMPLETE"
    assert set(cfn.resources(child_id)) == {"T" + cfn.resources("s")["A"].replace("-", "")}


def test_loops_over_the_wire(cloud: LocalCloud) -> None:
    template = """
    Transform: AWS::LanguageExtensions
    Parameters:
      Names: {Type: CommaDelimitedList}
    Resources:
      'Fn::ForEach::Queues':
        - N
        - !Ref Names
        - 'Q${N}':
            Type: AWS::SQS::Queue
            DeletionPolicy: !If [Kept, Retain, Delete]
            Properties: {QueueName: !Sub 'looped-${N}', VisibilityTimeout: 47}
    Conditions:
      Kept: !Equals [a, b]
    Outputs:
      'Fn::ForEach::Out':
        - O
        - !Ref Names
        - 'Arn${O}': {Value: !GetAtt [!Sub 'Q${O}', Arn]}
      Count: {Value: {"Fn::Length": !Ref Names}}
    """
    stacks = Stacks(cloud)
    stacks.api.create_stack(
        StackName="looped",
        TemplateBody=template,
        Parameters=[{"ParameterKey": "Names", "ParameterValue": "one,two"}],
        Capabilities=["CAPABILITY_AUTO_EXPAND"],
    )
    assert stacks.wait("looped") == "CREATE_COMPLETE"
    arn = "arn:aws:sqs:us-east-1:123456789012:looped-"
    assert stacks.outputs("looped") == {"Arnone": f"{arn}one", "Arntwo": f"{arn}two", "Count": "2"}
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="looped-two")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert attributes == {"VisibilityTimeout": "47"}
    shown = stacks.api.get_template(StackName="looped")["TemplateBody"]
    assert set(shown["Resources"]) == {"Qone", "Qtwo"}
    original = stacks.api.get_template(StackName="looped", TemplateStage="Original")["TemplateBody"]
    assert original == template
    assert stacks.delete("looped") == "DELETE_COMPLETE"
    assert sqs.list_queues(QueueNamePrefix="looped-").get("QueueUrls", []) == []
