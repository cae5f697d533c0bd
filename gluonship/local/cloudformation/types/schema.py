"""CloudFormation's own resource schemas, as cfn-lint carries them: https://docs.aws.amazon.com/cloudformation-cli/
latest/userguide/resource-type-schema.html says what their keywords mean.

Read from cfn-lint's data files, without importing cfn-lint (4 s). Every schema is read when first asked for.
"""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN
from gluonship.local.cloudformation.types.patterns import portable

PropertyPath = tuple[str, ...]
"""Where a property lies: its names from the top; `*` is any element of a list."""

_REGION = "us-east-1"  # the region with the most types; a local cloud has the same ones in all


@functools.cache
def _folder() -> Path:
    found = importlib.util.find_spec("cfnlint")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(
            "CloudFormation's resource schemas come with cfn-lint: install gluonship[local]"
        )
    return Path(found.submodule_search_locations[0]) / "data" / "schemas"


@functools.cache
def _files() -> dict[str, str]:
    listed: dict[str, str] = json.loads((_folder() / "providers" / f"{_REGION}.json").read_text("utf-8"))
    return listed


def type_names() -> list[str]:
    """Every resource type of AWS."""
    return sorted(_files())


@functools.cache
def load(type_name: str) -> ResourceSchema | None:
    """The schema of a type; None where AWS has no such type."""
    file = _files().get(type_name)
    if file is None:
        return None
    text = (_folder() / "resources" / f"{file}.json").read_text("utf-8")
    return ResourceSchema(json.loads(text, object_hook=_with_portable_patterns))


def _with_portable_patterns(found: dict[str, Any]) -> dict[str, Any]:
    """patternProperties whose patterns every reader of the schema can use as they are."""
    patterns = found.get("patternProperties")
    if isinstance(patterns, dict):
        found["patternProperties"] = {portable(pattern): each for pattern, each in patterns.items()}
    return found


class ResourceSchema:
    """One type's schema, with its pointers read."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.type_name: str = raw["typeName"]
        self.properties: dict[str, Any] = raw.get("properties", {})
        self.create_only = _paths(raw, "createOnlyProperties")
        self.conditionally_create_only = _paths(raw, "conditionalCreateOnlyProperties")
        self.read_only = _paths(raw, "readOnlyProperties")
        self.write_only = _paths(raw, "writeOnlyProperties")
        self.primary_identifier = tuple(path[0] for path in _paths(raw, "primaryIdentifier"))
        tagging = raw.get("tagging", {})
        pointer: str | None = tagging.get("tagProperty") if tagging.get("taggable") else None
        self.tag_property = pointer.split("/")[-1] if pointer else None

    @property
    def writable(self) -> list[str]:
        """The top-level properties that a template can give."""
        read_only = {path[0] for path in self.read_only if len(path) == 1}
        return [name for name in self.properties if name not in read_only]

    def resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """A subschema with its $ref followed."""
        while "$ref" in schema:
            found: Any = self.raw
            for key in schema["$ref"].split("/")[1:]:
                found = found[key.replace("~1", "/").replace("~0", "~")]
            schema = {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
        return schema

    def property_schema(self, name: str) -> Mapping[str, Any]:
        return self.resolve(self.properties.get(name, {}))

    def find(self, path: PropertyPath) -> list[Mapping[str, Any]]:
        """The subschemas of what lies at `path`: several where there are alternatives, none where nothing."""
        schemas: list[Mapping[str, Any]] = [self.raw]
        for step in path:
            schemas = [found for each in schemas for found in self._step(each, step)]
        return schemas

    def names_below(self, path: PropertyPath) -> set[str]:
        """The names of the properties that an object at `path` can have."""
        return {
            name
            for each in self.find(path)
            for branch in self._branches(each)
            for name in branch.get("properties", {})
        }

    def is_list(self, path: PropertyPath) -> bool:
        return any("items" in branch for each in self.find(path) for branch in self._branches(each))

    def _step(self, schema: Mapping[str, Any], step: str) -> Iterator[Mapping[str, Any]]:
        for each in self._branches(schema):
            if step in each.get("properties", {}):
                yield self.resolve(each["properties"][step])
            elif "items" in each and (step == "*" or step.isdigit()):
                yield self.resolve(each["items"])

    def _branches(self, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        schema = self.resolve(schema)
        yield schema
        for keyword in ("oneOf", "anyOf", "allOf"):
            for branch in schema.get(keyword, ()):
                yield from self._branches(branch)


def _paths(raw: Mapping[str, Any], keyword: str) -> list[PropertyPath]:
    return [tuple(pointer.split("/")[2:]) for pointer in raw.get(keyword, [])]


def at(value: Any, path: PropertyPath) -> Any:
    """What lies at a path; None where nothing does. A path into a list gives the whole list."""
    for step in path:
        if step == "*" or not isinstance(value, Mapping):
            return value
        value = value.get(step)
    return value


def differs(one: Any, other: Any) -> bool:
    """Not equal; an unknown value differs from everything."""
    if one is UNKNOWN or other is UNKNOWN:
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return set(one) != set(other) or any(differs(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) != len(other) or any(map(differs, one, other))
    if isinstance(one, bool) is not isinstance(other, bool):
        return True
    return bool(one != other)
