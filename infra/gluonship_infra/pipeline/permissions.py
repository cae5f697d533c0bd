"""What a role may do, each permission with the reason for the wildcard that it needs.

cdk-nag (AwsSolutions-IAM5) wants every wildcard excepted by its own text; here the reason stands where the
wildcard is written, and the text is found from the template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from gluonship_infra import rules


@dataclass(frozen=True)
class Permission:
    """Actions on resources; `because` says why a resource has a wildcard, and is a whole sentence."""

    actions: Sequence[str]
    resources: Sequence[str]
    because: str = ""
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def statement(self) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            actions=list(self.actions), resources=list(self.resources), conditions=self.conditions or None
        )


def grant(role: iam.Role, permissions: Iterable[Permission]) -> None:
    """Gives the permissions, and excepts the role from the rule for exactly their wildcards.

    Raises WeakReason for a wildcard without a reason.
    """
    stack = cdk.Stack.of(role)
    reasons: dict[str, list[str]] = {}
    for permission in permissions:
        role.add_to_policy(permission.statement())
        for resource in permission.resources:
            name = _named_by_nag(stack.resolve(_imported(resource, stack)))
            if "*" in name:
                reasons.setdefault(f"AwsSolutions-IAM5[Resource::{name}]", []).append(permission.because)
    rules.acknowledge(role, {rule: " ".join(dict.fromkeys(texts)) for rule, texts in reasons.items()})


def _imported(resource: str, stack: cdk.Stack) -> str:
    """The ARN with references to other stacks as the imports that they become at the end of the synthesis."""
    for token in cdk.Tokenization.reverse_string(resource).tokens:
        if isinstance(token, cdk.Reference):
            owner = cdk.Stack.of(token.target)
            if owner.node.path != stack.node.path:
                resource = resource.replace(token.to_string(), owner.export_value(token))
    return resource


def _named_by_nag(value: Any) -> str:
    """A resolved ARN as cdk-nag writes it: <LogicalId.Attribute>, <Parameter>, an export's name."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        delimiter, parts = value["Fn::Join"]
        return str(delimiter).join(_named_by_nag(part) for part in parts)
    if "Fn::GetAtt" in value:
        return "<{}.{}>".format(*value["Fn::GetAtt"])
    if "Fn::ImportValue" in value:
        return _named_by_nag(value["Fn::ImportValue"])
    if "Ref" in value:
        return f"<{value['Ref']}>"
    return f"<{next(iter(value))}>"  # Fn::FindInMap, of an account of AWS's
