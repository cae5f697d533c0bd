"""Parameters: given values against what a template declares.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN
from gluonship.local.cloudformation.template.document import Template
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.user_patterns import all_match
from gluonship.local.cloudformation.template.values import text

_SSM_VALUE = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
_TYPE = re.compile(
    r"String|Number|CommaDelimitedList|List<(Number|String)>"
    r"|(List<)?AWS::(EC2|Route53)::[A-Za-z0-9:]+>?"
    r"|AWS::SSM::Parameter::Name|AWS::SSM::Parameter::Value<.+>"
)
_VALUE_BYTES = 4096
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


@dataclass(frozen=True)
class ParameterValues:
    """given: as they were written, by name, defaults included; values: what Ref gives; resolved: what
    Systems Manager had for those that name a parameter of it."""

    given: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    resolved: Mapping[str, str] = field(default_factory=dict)


def resolve(template: Template, given: Mapping[str, Any], fetch: Callable[[str], str]) -> ParameterValues:
    """The parameters of a template; a given value may be UNKNOWN. `fetch` answers Systems Manager's value.

    Raises TemplateError with all that is wrong, in CloudFormation's words.
    """
    unknown = sorted(set(given) - set(template.parameters))
    if unknown:
        raise TemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [
        name
        for name, declaration in template.parameters.items()
        if name not in given and "Default" not in declaration
    ]
    if missing:
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    problems: list[str] = []
    written: dict[str, Any] = {}
    values: dict[str, Any] = {}
    resolved: dict[str, str] = {}
    for name, declaration in template.parameters.items():
        value = given.get(name, declaration.get("Default"))
        if value is UNKNOWN:
            written[name] = values[name] = UNKNOWN
            continue
        string = ",".join(map(text, value)) if isinstance(value, list) else text(value)
        written[name] = string
        found = list(_objections(name, declaration, string))
        problems += found
        if found:
            continue
        stored = _SSM_VALUE.fullmatch(declaration["Type"])
        if stored is not None:
            string = resolved[name] = fetch(string)
        values[name] = _value(stored[1] if stored else declaration["Type"], string)
    if problems:
        raise TemplateError("\n".join(problems))
    return ParameterValues(written, values, resolved)


def _value(type_name: str, string: str) -> Any:
    if type_name == "CommaDelimitedList" or type_name.startswith("List<"):
        return [item.strip() for item in string.split(",")]
    return string


def _objections(name: str, declaration: Mapping[str, Any], value: str) -> Iterator[str]:
    kind = declaration["Type"]
    if not _TYPE.fullmatch(kind):
        yield f"Template format error: Unrecognized parameter type: {kind} (parameter {name})"
        return
    found = next(_violations(declaration, value), None)
    if found is not None:
        described = declaration.get("ConstraintDescription")
        yield (
            f"Parameter '{name}' failed to satisfy constraint: {described}"
            if described
            else f"Parameter '{name}' {found}"
        )


def _violations(declaration: Mapping[str, Any], value: str) -> Iterator[str]:
    kind = declaration["Type"]
    listed = kind == "CommaDelimitedList" or kind.startswith("List<")
    members = [item.strip() for item in value.split(",")] if listed else [value]
    if len(value.encode()) > _VALUE_BYTES:
        yield f"must have at most {_VALUE_BYTES} bytes"
        return
    if "AllowedValues" in declaration:
        if not isinstance(declaration["AllowedValues"], list):
            raise TemplateError("Template format error: AllowedValues must be a list")
        allowed = [text(item) for item in declaration["AllowedValues"]]
        if any(member not in allowed for member in members):
            yield f"must be one of AllowedValues [{', '.join(allowed)}]"
    if "AllowedPattern" in declaration:
        pattern = text(declaration["AllowedPattern"])
        if not all_match(pattern, tuple(members)):
            yield f"must match pattern {pattern}"
    if "MinLength" in declaration and len(value) < _limit(declaration, "MinLength"):
        yield f"must contain at least {declaration['MinLength']} characters"
    if "MaxLength" in declaration and len(value) > _limit(declaration, "MaxLength"):
        yield f"must contain at most {declaration['MaxLength']} characters"
    if kind in ("Number", "List<Number>"):
        yield from _number_violations(declaration, members)


def _number_violations(declaration: Mapping[str, Any], members: list[str]) -> Iterator[str]:
    if not all(_NUMBER.fullmatch(member) for member in members):
        yield "must be a number"
        return
    numbers = [float(member) for member in members]
    if "MinValue" in declaration and min(numbers) < _limit(declaration, "MinValue"):
        yield f"must be a number not less than {declaration['MinValue']}"
    if "MaxValue" in declaration and max(numbers) > _limit(declaration, "MaxValue"):
        yield f"must be a number not greater than {declaration['MaxValue']}"


def _limit(declaration: Mapping[str, Any], name: str) -> float:
    """MinLength and its like, which may be written as strings."""
    limit = declaration[name]
    if isinstance(limit, bool) or not isinstance(limit, int | float | str):
        raise TemplateError(f"Template format error: {name} must be a number")
    if not _NUMBER.fullmatch(text(limit)):
        raise TemplateError(f"Template format error: {name} {limit!r} is not a number")
    return float(limit)
