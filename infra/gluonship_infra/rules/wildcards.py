"""Exceptions from AwsSolutions-IAM5, which wants every wildcard of a policy excepted by its own text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from gluonship_infra.rules.acknowledgements import acknowledge


def acknowledge_wildcards(role: iam.IRole, resources: Iterable[tuple[str, str]]) -> None:
    """Excepts a role from the rule for exactly the wildcards among its resources.

    `resources` are (ARN, the reason for its wildcard): the reason stands where the wildcard is written, and
    the text that the rule goes by is found from the template. An ARN without a wildcard needs no reason.
    Raises WeakReason for one with a wildcard whose reason is not a sentence.
    """
    stack = cdk.Stack.of(role)
    reasons: dict[str, list[str]] = {}
    for resource, reason in resources:
        name = _named_by_nag(stack.resolve(_imported(resource, stack)))
        if "*" in name:
            reasons.setdefault(f"AwsSolutions-IAM5[Resource::{name}]", []).append(reason)
    acknowledge(role, {rule: " ".join(dict.fromkeys(texts)) for rule, texts in reasons.items()})


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
    if "Fn::Sub" in value:
        text = value["Fn::Sub"]
        return re.sub(r"\$\{([^}]+)\}", r"<\1>", text if isinstance(text, str) else text[0])
    if "Ref" in value:
        return f"<{value['Ref']}>"
    return f"<{next(iter(value))}>"  # Fn::FindInMap, of an account of AWS's
