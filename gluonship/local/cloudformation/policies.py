"""DeletionPolicy and UpdateReplacePolicy.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
"""

from __future__ import annotations

from typing import Any

from gluonship.local.cloudformation.template.document import ResourceDeclaration
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.functions import Evaluator

KEEPING = ("Retain", "RetainExceptOnCreate")
_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")


def policy_of(evaluator: Evaluator, expression: Any) -> str:
    """A policy's value; it may be an expression. Raises TemplateError."""
    policy = evaluator.value(expression)
    if policy not in _POLICIES:
        raise TemplateError(f"Template format error: Unrecognized policy {policy!r}: one of {_POLICIES}")
    return str(policy)


def policy_objection(evaluator: Evaluator, declaration: ResourceDeclaration) -> None:
    """Raises TemplateError for a policy that the resource's type cannot follow here."""
    for attribute, expression in (
        ("deletion", declaration.deletion_policy),
        ("update replace", declaration.update_replace_policy),
    ):
        if isinstance(expression, dict) and not _extended(evaluator):
            raise TemplateError(
                f"Template error: a function in a {attribute} policy needs language extensions"
            )
        policy = policy_of(evaluator, expression)
        if policy == "Snapshot":
            what = f"resource type {declaration.type} does not support {attribute} policy Snapshot"
            raise TemplateError(f"Template error: {what}: this local cloud takes no snapshots")
        if policy == "RetainExceptOnCreate" and attribute == "update replace":
            raise TemplateError("Template error: UpdateReplacePolicy cannot be RetainExceptOnCreate")


def _extended(evaluator: Evaluator) -> bool:
    return evaluator.template.language_extensions
