"""Properties as they may be shown: with **** where a NoEcho parameter's value would stand.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html, NoEcho

As on AWS, what a resource makes of such a value (its attributes, and so outputs) is not masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.template.document import Template
from gluonship.local.cloudformation.template.functions import Evaluator
from gluonship.local.cloudformation.template.references import references
from gluonship.local.contracts import AwsError

MASK = "****"


def hidden_parameters(template: Template) -> frozenset[str]:
    """The names of those that are never shown."""
    return frozenset(name for name in template.parameters if template.no_echo(name))


def masked(
    evaluator: Evaluator, declared: Mapping[str, Any], properties: Mapping[str, Any]
) -> dict[str, Any]:
    """`properties` are what `declared` evaluates to; those that are made of a hidden value, masked."""
    hidden = hidden_parameters(evaluator.template)
    if not hidden or not _mentions(declared, hidden):
        return dict(properties)
    blind = evaluator.with_values(dict.fromkeys(hidden, MASK))
    if set(declared) != set(properties) and any(name.startswith("Fn::") for name in declared):
        whole = _value(blind, dict(declared))
        return whole if isinstance(whole, dict) else dict.fromkeys(properties, MASK)
    return {
        name: _value(blind, declared[name]) if _mentions(declared.get(name), hidden) else value
        for name, value in properties.items()
    }


def _mentions(expression: Any, hidden: frozenset[str]) -> bool:
    return any(reference.name in hidden for reference in references(expression))


def _value(blind: Evaluator, expression: Any) -> Any:
    """What can be made of the mask; only the mask, where that is nothing (the second part of ****)."""
    try:
        return blind.value(expression)
    except AwsError:
        return MASK
