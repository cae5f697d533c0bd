"""What Fn::GetAtt can ask of a resource, and what is kept of it for that and for later calls.

CloudFormation gives the read-only properties of a type's schema; of some older types it gives more, which
cfn-lint lists (cfnlint.schema._getatts).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gluonship.local.cloudformation.types.declaration import Call, Read, ResourceType, Tagging
from gluonship.local.cloudformation.types.facts import PLACE
from gluonship.local.cloudformation.types.schema import ResourceSchema
from gluonship.local.cloudformation.types.steps import listed

_EVERY_PROPERTY = frozenset(
    {
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::Subnet",
        "AWS::EC2::VPC",
        "AWS::Events::EventBus",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::SSM::Parameter",
    }
)
_NAMES = frozenset(
    f"AWS::SageMaker::{kind}"
    for kind in (
        "CodeRepository",
        "Endpoint",
        "EndpointConfig",
        "Model",
        "NotebookInstance",
        "NotebookInstanceLifecycleConfig",
    )
)


def has(kind: ResourceType, described: ResourceSchema, attribute: str) -> bool:
    """Whether Fn::GetAtt takes it: of an object, its members only."""
    if attribute in {".".join(path) for path in described.read_only}:
        return True
    if described.type_name in _NAMES:
        return kind.name is not None and attribute == kind.name.property
    if described.type_name not in _EVERY_PROPERTY:
        return False
    *above, last = attribute.split(".")
    found = described.find((*above, last))
    return bool(found) and all("object" not in listed(each.get("type")) for each in found)


def kept(
    kind: ResourceType,
    described: ResourceSchema,
    facts: Mapping[str, Any],
    properties: Mapping[str, Any],
) -> dict[str, Any]:
    """Of all that is known of a resource: its attributes, and what names it in the calls to come.

    The properties themselves are not kept, nor what an API shows of them: a secret may be among them, in the
    clear. The engine has them as the template gives them.
    """
    names = _naming(kind, described)
    if described.type_name in _EVERY_PROPERTY:  # the ones that the API alone tells
        names |= {name.lower() for name in described.properties if name not in properties}
    return {name: value for name, value in facts.items() if name.lower() in names}


def _naming(kind: ResourceType, described: ResourceSchema) -> set[str]:
    """In lower case: APIs spell them as they like."""
    calls = [kind.ref, kind.create, kind.delete, kind.read, kind.update, kind.tagging, kind.snapshot]
    names = {name.split(".")[0] for text in _texts([*calls, kind.attributes]) for name in PLACE.findall(text)}
    names |= {*kind.attributes, *described.primary_identifier}
    names |= {".".join(path) for path in described.read_only}
    if kind.name is not None:
        names.add(kind.name.property)
    return {name.lower() for name in names}


def _texts(value: Any) -> Iterator[str]:
    """The texts among which names of facts stand."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Call, Read)):
        yield from _texts(value.fixed)
    elif isinstance(value, Tagging):
        yield from _texts(value.identity)
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
