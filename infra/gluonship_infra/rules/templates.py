"""A synthesised template as the rules read it: resources, and texts that intrinsic functions are part of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One resource of a template, by its logical id."""

    id: str
    type: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """The resources of one stack's template."""

    resources: tuple[Resource, ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Template:
        """The template of a parsed CloudFormation document."""
        found = document.get("Resources", {})
        return cls(tuple(Resource(id, one["Type"], one.get("Properties", {})) for id, one in found.items()))

    @classmethod
    def read(cls, path: Path) -> Template:
        """The template in a file that the CDK wrote."""
        return cls.of(json.loads(path.read_text(encoding="utf-8")))

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of these CloudFormation types, in the template's order."""
        return (resource for resource in self.resources if resource.type in types)


def text(value: Any) -> str:
    """A value as one string; what only CloudFormation will know stands in braces: `{Ref Key}`.

    The braces hold neither quotes nor backslashes, so that a JSON text with such values inside stays JSON.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping) or len(value) != 1:
        return json.dumps(value)
    ((name, argument),) = value.items()
    function = str(name)
    if function == "Fn::Join":
        separator, parts = argument
        return text(separator).join(text(part) for part in parts)
    if function == "Fn::Sub":
        return text(argument if isinstance(argument, str) else argument[0])
    if function == "Ref":
        return f"{{Ref {argument}}}"
    if function == "Fn::GetAtt":
        return f"{{GetAtt {argument if isinstance(argument, str) else '.'.join(map(text, argument))}}}"
    return "{" + function.removeprefix("Fn::") + "}"


def as_list(value: Any) -> list[Any]:
    """A policy's Action or Resource as a list: AWS takes one value or several."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
