"""What a nested stack is asked to be, from its resource's properties in the parent."""

from __future__ import annotations

from typing import Any

from gluonship.local.cloudformation import capabilities
from gluonship.local.cloudformation.context import Context
from gluonship.local.cloudformation.contract import UNKNOWN, Properties
from gluonship.local.cloudformation.nested_properties import KNOWN, TEXT
from gluonship.local.cloudformation.stacks.events import EventLog
from gluonship.local.cloudformation.stacks.state import Revision, Stack, new_stack_id
from gluonship.local.cloudformation.template import parameters, structure
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.masking import MASK, hidden_parameters
from gluonship.local.cloudformation.transforms import whole_template
from gluonship.local.contracts import Scope


def nested_revision(context: Context, scope: Scope, parent: Revision, properties: Properties) -> Revision:
    """The properties hold the template's text (nested_properties.with_text). Raises TemplateError, and
    InsufficientCapabilitiesException: what was acknowledged for the parent holds for all within it."""
    unknown = sorted(set(properties) - {*KNOWN, TEXT})
    if unknown:
        raise TemplateError(f"Encountered unsupported property {', '.join(unknown)}")
    template = structure.read(properties[TEXT])
    given = properties.get("Parameters") or {}
    if not isinstance(given, dict):
        raise TemplateError("Parameters must be an object")
    values = parameters.resolve(
        template, given, lambda reference: context.surroundings.parameter(scope, reference)
    )
    template = whole_template(context, scope, UNKNOWN, template, values)
    capabilities.check(template, parent.capabilities, expanding=False)
    return Revision(
        template=template,
        parameters=values,
        tags={**parent.tags, **_tags(properties.get("Tags"))},
        capabilities=parent.capabilities,
        notification_arns=tuple(properties.get("NotificationARNs") or ()),
        role_arn=parent.role_arn,
    )


def without_hidden(properties: Properties) -> dict[str, Any]:
    """The properties without the values of the nested template's NoEcho parameters. Raises TemplateError."""
    hidden = hidden_parameters(structure.read(properties[TEXT]))
    given = properties.get("Parameters")
    if not hidden or not isinstance(given, dict):
        return dict(properties)
    shown = {name: MASK if name in hidden else value for name, value in given.items()}
    return {**properties, "Parameters": shown}


def placeholder(parent: Stack, logical_id: str) -> Stack:
    """A nested stack that does not exist yet, for planning it."""
    name = f"{parent.name}-{logical_id}"
    return Stack(parent.scope, name, new_stack_id(parent.scope, name), parent.created, EventLog())


def _tags(listed: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in listed or []}
