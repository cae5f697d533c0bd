"""AWS Step Functions. Machines really run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN
from gluonship.local.cloudformation.template.values import has_unknown
from gluonship.local.cloudformation.types.declaration import (
    Call,
    Change,
    Flow,
    Name,
    Read,
    Refused,
    Request,
    ResourceType,
    Tagging,
)
from gluonship.local.cloudformation.types.mapping import as_text
from gluonship.local.cloudformation.types.steps import there

_MACHINE = {"stateMachineArn": "{stateMachineArn}"}
_NAMED_ARN = "arn:{partition}:states:{region}:{account}:stateMachine:{StateMachineName}"
_SOURCES = ("Definition", "DefinitionString", "DefinitionS3Location")


def _definition(change: Change) -> Flow:
    """DefinitionString, whichever of the three ways the template gives it, with its substitutions."""
    properties = dict(change.new)
    location = properties.pop("DefinitionS3Location", None)
    given = properties.pop("Definition", None)
    if location is not None:
        where = location if isinstance(location, Mapping) else dict.fromkeys(("Bucket", "Key"), UNKNOWN)
        version = {"VersionId": where["Version"]} if "Version" in where else {}
        answer = yield Request(
            "GetObject", {"Bucket": where["Bucket"], "Key": where["Key"], **version}, service="s3"
        )
        body = answer["Body"]
        properties["DefinitionString"] = UNKNOWN if body is UNKNOWN else body.read().decode("utf-8")
    elif given is not None:
        properties["DefinitionString"] = as_text(given)
    text = properties.get("DefinitionString")
    substitutions = properties.pop("DefinitionSubstitutions", None)
    if substitutions is UNKNOWN:
        return {**properties, "DefinitionString": UNKNOWN}
    for name, value in (substitutions or {}).items():
        if text is UNKNOWN or has_unknown(value):
            text = UNKNOWN
        else:
            text = str(text).replace(f"${{{name}}}", as_text(value))
    properties["DefinitionString"] = text
    return properties


def _one_definition(properties: Mapping[str, Any]) -> str | None:
    given = [name for name in _SOURCES if name in properties]
    if len(given) != 1:
        return f"Properties: exactly one of {', '.join(_SOURCES)} is required; {len(given)} are given"
    text = properties.get("DefinitionString")
    if isinstance(text, str):
        try:
            json.loads(_without_substitutions(text))
        except ValueError as error:
            return f"Properties/DefinitionString: is not JSON: {error}"
    return None


def _without_substitutions(text: str) -> str:
    """`${Name}` stands for a text inside quotes or a number outside of them: 0 is good in both places."""
    parts = text.split("${")
    return parts[0] + "".join("0" + part.partition("}")[2] for part in parts[1:])


MACHINE = ResourceType(
    "stepfunctions",
    create=Call("CreateStateMachine"),
    must_be_new=there("DescribeStateMachine", {"stateMachineArn": _NAMED_ARN}),
    update=(Call("UpdateStateMachine", _MACHINE),),
    delete=Call("DeleteStateMachine", _MACHINE),
    read=Read("DescribeStateMachine", _MACHINE),
    takes=("Definition", "DefinitionString", "DefinitionS3Location", "DefinitionSubstitutions"),
    gather=_definition,
    objection=_one_definition,
    name=Name("StateMachineName", max_length=80),
    ref="{stateMachineArn}",
    members={
        "StateMachineName": "name",
        "StateMachineType": "type",
        "DefinitionString": "definition",
    },
    attributes={
        "Arn": "{stateMachineArn}",
        "Name": "{name}",
        "StateMachineRevisionId": "{revisionId}",
    },
    defaults={"revisionId": "INITIAL"},
    resets={
        "LoggingConfiguration": {"Level": "OFF", "IncludeExecutionData": False, "Destinations": []},
        "TracingConfiguration": {"Enabled": False},
        "EncryptionConfiguration": {"Type": "AWS_OWNED_KEY"},
    },
    recorded={
        "TracingConfiguration": "kept and shown; nothing is traced",
        "EncryptionConfiguration": "kept and shown; nothing is encrypted on this machine's disk",
    },
    tagging=Tagging("TagResource", "UntagResource", {"resourceArn": "{stateMachineArn}"}),
    snapshot={"Tags": Read("ListTagsForResource", {"resourceArn": "{stateMachineArn}"}, "tags")},
    volatile=("revisionId", "updateDate"),
    note="runs, Standard and Express: tasks, choices, maps, waits, retries and catches",
)


def _published(change: Change) -> Flow:
    """The version that the machine's revision has already: publishing it again would give the same one."""
    machine = {"stateMachineArn": change.new["StateMachineArn"]}
    answer = yield Request("DescribeStateMachine", machine)
    revision = answer.get("revisionId")
    answer = yield Request("ListStateMachineVersions", {**machine, "maxResults": 1000})
    for version in answer["stateMachineVersions"]:
        arn = {"stateMachineArn": version["stateMachineVersionArn"]}
        answer = yield Request("DescribeStateMachine", arn, gone_is_fine=True)
        if answer and answer.get("revisionId") == revision:
            return arn
    return None


VERSION = ResourceType(
    "stepfunctions",
    create=Call("PublishStateMachineVersion"),
    must_be_new=_published,
    delete=Call(
        "DeleteStateMachineVersion", {"stateMachineVersionArn": "{stateMachineVersionArn}"}, only_fixed=True
    ),
    read=Read("DescribeStateMachine", {"stateMachineArn": "{stateMachineVersionArn}"}),
    ref="{stateMachineVersionArn}",
    members={"StateMachineRevisionId": "revisionId"},
    attributes={"Arn": "{stateMachineVersionArn}"},
    note="published of the machine as it is then; a revision has one version",
)

_ALIAS = {"stateMachineAliasArn": "{stateMachineAliasArn}"}


def _routing(properties: dict[str, Any]) -> dict[str, Any]:
    """A preference for all at once is a routing of everything to its version."""
    preference = properties.pop("DeploymentPreference", None)
    if preference is None:
        return properties
    version = preference["StateMachineVersionArn"] if isinstance(preference, Mapping) else UNKNOWN
    return {**properties, "RoutingConfiguration": [{"StateMachineVersionArn": version, "Weight": 100}]}


def _one_routing(properties: Mapping[str, Any]) -> str | None:
    given = [name for name in ("RoutingConfiguration", "DeploymentPreference") if name in properties]
    if len(given) != 1:
        return f"Properties: exactly one of {' and '.join(given)} is required"
    routing = properties.get("RoutingConfiguration")
    weights = [each["Weight"] for each in routing] if isinstance(routing, list) else [100]
    if UNKNOWN not in weights and sum(weights) != 100:
        return f"Properties/RoutingConfiguration: the weights are {sum(weights)} in all, and must be 100"
    return None


def _named_alias(change: Change) -> Flow:
    """An alias is of the machine that its versions are of."""
    routing = change.new["RoutingConfiguration"][0]
    machine = routing["StateMachineVersionArn"].rpartition(":")[0]
    arn = {"stateMachineAliasArn": f"{machine}:{change.new['Name']}"}
    return (yield Request("DescribeStateMachineAlias", arn, gone_is_fine=True))


_AT_ONCE = "leave it out: ALL_AT_ONCE has no steps"

ALIAS = ResourceType(
    "stepfunctions",
    create=Call("CreateStateMachineAlias"),
    must_be_new=_named_alias,
    update=(Call("UpdateStateMachineAlias", _ALIAS),),
    delete=Call("DeleteStateMachineAlias", _ALIAS),
    read=Read("DescribeStateMachineAlias", _ALIAS),
    takes=("DeploymentPreference", "StateMachineArn"),
    name=Name("Name", max_length=80),
    ref="{stateMachineAliasArn}",
    attributes={"Arn": "{stateMachineAliasArn}"},
    prepare=_routing,
    objection=_one_routing,
    resets={"Description": ""},
    recorded={"DeploymentPreference.Alarms": "kept with the stack only; all at once leaves nothing to watch"},
    refused={
        "DeploymentPreference.Type": Refused(
            "versions are not shifted step by step here; use ALL_AT_ONCE", ("ALL_AT_ONCE",)
        ),
        "DeploymentPreference.Interval": _AT_ONCE,
        "DeploymentPreference.Percentage": _AT_ONCE,
    },
    note="starts the version, or one of two by weight",
)

TYPES: Mapping[str, ResourceType] = {
    "AWS::StepFunctions::StateMachine": MACHINE,
    "AWS::StepFunctions::StateMachineAlias": ALIAS,
    "AWS::StepFunctions::StateMachineVersion": VERSION,
}
