"""The values that templates are made of: strings as CloudFormation writes them, and the two marks."""

from __future__ import annotations

from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN, Unknown
from gluonship.local.cloudformation.template.errors import TemplateError


class NoValue:
    """AWS::NoValue: where it stands, the property is as if it were not written."""

    def __repr__(self) -> str:
        return "AWS::NoValue"


NO_VALUE = NoValue()


def text(value: Any) -> str:
    """A scalar as CloudFormation puts it into a string. Raises TemplateError for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Unknown):
        return str(value)
    what = {list: "a list", dict: "an object", type(None): "null"}.get(type(value), str(value))
    raise TemplateError(f"Template error: {what} stands where a string is needed")


def has_unknown(value: Any) -> bool:
    """Whether UNKNOWN stands anywhere in it."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN
