"""A template as a value: what its sections declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"


@dataclass(frozen=True)
class ResourceDeclaration:
    """One entry of Resources, functions unresolved."""

    logical_id: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    deletion_policy: Any = "Delete"  # an expression where language extensions are on
    update_replace_policy: Any = "Delete"
    waits_for_signals: tuple[str, ...] = ()  # the attributes of it that would


@dataclass(frozen=True)
class OutputDeclaration:
    key: str
    value: Any
    description: str | None = None
    export_name: Any = None  # an expression
    condition: str | None = None


@dataclass(frozen=True)
class Template:
    """A template whose structure is right; `body` is its text as it was given."""

    body: str
    resources: Mapping[str, ResourceDeclaration]
    outputs: Mapping[str, OutputDeclaration] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mappings: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    transforms: tuple[str, ...] = ()
    version: str | None = None
    description: str | None = None
    outline: bool = False  # the language extensions are not applied yet: structure.expanded does that
    processed: str | None = None  # the text that the transforms leave, where it is another one

    @property
    def language_extensions(self) -> bool:
        return LANGUAGE_EXTENSIONS in self.transforms

    def no_echo(self, parameter: str) -> bool:
        """Whether a parameter's value is never shown."""
        return str(self.parameters.get(parameter, {}).get("NoEcho", "")).lower() == "true"
