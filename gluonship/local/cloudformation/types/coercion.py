"""Scalars as the schema has them. CloudFormation takes "3" for 3, "true" for true and 3 for "3"; the value
that is compared and sent is the schema's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN, Properties
from gluonship.local.cloudformation.types.patterns import matches
from gluonship.local.cloudformation.types.schema import ResourceSchema

_INTEGER = re.compile(r"[+-]?\d+(\.0*)?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def coerce(schema: ResourceSchema, properties: Properties) -> dict[str, Any]:
    """The properties with every scalar in the type its schema asks for; what cannot be made so stays."""
    return {
        name: _coerced(schema, schema.properties.get(name, {}), value) for name, value in properties.items()
    }


def _coerced(schema: ResourceSchema, subschema: Mapping[str, Any], value: Any) -> Any:
    if value is UNKNOWN:
        return value
    subschema = schema.resolve(subschema)
    value = _of_type(_types(subschema), value)
    if isinstance(value, Mapping):
        return {key: _coerced(schema, _property(subschema, key), each) for key, each in value.items()}
    if isinstance(value, list):
        return [_coerced(schema, subschema.get("items", {}), each) for each in value]
    for branch in _typed_branches(schema, subschema):
        changed = _of_type(_types(branch), value)
        if changed is not value:
            return changed
    return value


def _typed_branches(schema: ResourceSchema, subschema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Alternatives that ask for another scalar, but only where none takes the value as it is."""
    branches = [schema.resolve(each) for each in (*subschema.get("anyOf", ()), *subschema.get("oneOf", ()))]
    return branches if branches and all(_types(each) for each in branches) else []


def _property(subschema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = subschema.get("properties", {}).get(name)
    if found is None:
        patterns = subschema.get("patternProperties", {})
        found = next((each for pattern, each in patterns.items() if matches(pattern, name)), None)
    if found is None:
        for keyword in ("oneOf", "anyOf"):
            for branch in subschema.get(keyword, ()):
                found = branch.get("properties", {}).get(name, found)
    return found if isinstance(found, Mapping) else {}


def _types(subschema: Mapping[str, Any]) -> list[str]:
    given = subschema.get("type", [])
    return [given] if isinstance(given, str) else list(given)


def is_type(name: str, value: Any) -> bool:
    """JSON Schema's types."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "object": isinstance(value, Mapping),
        "array": isinstance(value, list),
        "integer": number and float(value).is_integer() if number else False,
        "number": number,
        "null": value is None,
    }.get(name, True)


def _of_type(types: list[str], value: Any) -> Any:
    if not types or any(is_type(name, value) for name in types):
        return int(value) if isinstance(value, float) and types == ["integer"] else value
    for name in types:
        if name == "string" and isinstance(value, bool):
            return "true" if value else "false"
        if name == "string" and isinstance(value, (int, float)):
            return str(value)
        if isinstance(value, str):
            changed = _from_text(name, value)
            if changed is not None:
                return changed
    return value


def _from_text(name: str, text: str) -> Any:
    if name == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if name in ("integer", "number") and _INTEGER.fullmatch(text):
        return int(float(text))
    if name == "number" and _NUMBER.fullmatch(text):
        return float(text)
    if name == "object" and text.lstrip().startswith("{"):  # a policy given as JSON text
        try:
            return json.loads(text)
        except ValueError:
            return None
    return None
