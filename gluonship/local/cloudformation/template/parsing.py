"""A template's text to plain data: JSON, and YAML with CloudFormation's short forms (!Ref, !Sub, ...).

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html: YAML 1.1 without
aliases, hash merges and time stamps.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml  # type: ignore[import-untyped] # PyYAML carries no types

from gluonship.local.cloudformation.template.bounds import DEPTH, depth_of
from gluonship.local.cloudformation.template.errors import TemplateError

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is some ten times faster
_PLAIN_TAGS = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:int"}


class _Loader(_BASE):  # type: ignore[misc] # libyaml's loader has no static type
    """Dates stay strings, only true and false are booleans, and 012345678901 is no octal number."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise TemplateError(f"Template format error: a key is no string (line {line})")
            if key.tag == "tag:yaml.org,2002:merge":
                raise TemplateError(f"Template format error: YAML merges, <<, are not allowed (line {line})")
            if key.value in seen:
                raise TemplateError(f"Template format error: duplicate key {key.value!r} (line {line})")
            seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return {key if isinstance(key, str) else str(key): value for key, value in mapping.items()}


_Loader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0] not in _PLAIN_TAGS]
    for first, resolvers in _BASE.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789")
)


def _short_form(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """!Name value, as its long form {"Fn::Name": value}."""
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def parse(body: str) -> dict[str, Any]:
    """The text as data, functions in their long forms. Raises TemplateError with the place of the mistake."""
    try:
        looks_like_json = body.lstrip().startswith("{")
        document = _json(body) if looks_like_json else _yaml(body)
    except RecursionError:
        raise TemplateError("Template format error: nested too deeply") from None
    if not isinstance(document, dict):
        raise TemplateError("Template format error: unsupported structure.")
    if depth_of(document) > DEPTH:
        raise TemplateError(f"Template format error: nested too deeply, over {DEPTH}")
    return document


def _json(body: str) -> Any:
    try:
        return json.loads(body, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        try:
            return _yaml(body)  # a YAML flow mapping may hold short forms
        except TemplateError:
            place = f"line {error.lineno}, column {error.colno}"
            message = f"Template format error: JSON not well-formed. ({place}: {error.msg})"
            raise TemplateError(message) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise TemplateError(f"Template format error: duplicate key {', '.join(map(repr, twice))}")
    return members


def _check_events(body: str) -> None:
    """libyaml composes by recursion in C, without a limit, and follows aliases: both are refused before."""
    depth = 0
    for event in yaml.parse(body, Loader=_Loader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise TemplateError(f"Template error: YAML aliases are not allowed (line {line})")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH:
            raise TemplateError(f"Template format error: nested too deeply, over {DEPTH} (line {line})")


def _yaml(body: str) -> Any:
    try:
        _check_events(body)
        return yaml.load(body, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "unknown place"
        message = f"Template format error: YAML not well-formed. ({place}: {error.problem})"
        raise TemplateError(message) from None
    except (yaml.YAMLError, ValueError) as error:
        raise TemplateError(f"Template format error: YAML not well-formed. ({error})") from None
