"""What Ref and Fn::GetAtt give for a resource that exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.stacks.state import Resource
from gluonship.local.cloudformation.template.errors import TemplateError


def value_of(resource: Resource, attribute: str | None) -> Any:
    """Raises TemplateError for an attribute that the resource does not have."""
    if attribute is None:
        return resource.physical_id
    for source in (resource.made.attributes, resource.properties):
        found, value = _at(source, attribute)
        if found:
            return value
    raise no_such_attribute(resource.logical_id, attribute)


def no_such_attribute(logical_id: str, attribute: str) -> TemplateError:
    return TemplateError(
        f"Template error: resource {logical_id} does not support attribute type {attribute} in Fn::GetAtt"
    )


def _at(source: Mapping[str, Any], attribute: str) -> tuple[bool, Any]:
    """The member of that name, or the one at that path."""
    if attribute in source:
        return True, source[attribute]
    value: Any = source
    for part in attribute.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False, None
        value = value[part]
    return True, value
