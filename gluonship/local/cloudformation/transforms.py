"""A template as its transforms leave it: they know its parameters and mappings, and no resource yet."""

from __future__ import annotations

from typing import Any

from gluonship.local.cloudformation.context import Context
from gluonship.local.cloudformation.contract import UNKNOWN
from gluonship.local.cloudformation.template import structure
from gluonship.local.cloudformation.template.document import Template
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.functions import Evaluator
from gluonship.local.cloudformation.template.masking import hidden_parameters
from gluonship.local.cloudformation.template.parameters import ParameterValues
from gluonship.local.cloudformation.template.references import references
from gluonship.local.contracts import Scope


def whole_template(
    context: Context, scope: Scope, stack_name: Any, template: Template, parameters: ParameterValues
) -> Template:
    """The template that they leave. `stack_name` is UNKNOWN for a nested stack's. Raises
    TemplateError."""
    if not template.outline:
        return template
    pseudo = {
        **context.surroundings.pseudo_parameters(scope, stack_name, "", ()),
        "AWS::StackId": UNKNOWN,
        "AWS::NotificationARNs": UNKNOWN,
    }
    evaluator = Evaluator(template, parameters.values, pseudo, _NothingYet())
    hidden = hidden_parameters(template)

    def resolve(expression: Any) -> Any:
        shown = sorted({each.name for each in references(expression)} & hidden)
        if shown:
            raise TemplateError(f"the NoEcho parameter {', '.join(shown)} would be shown in the template")
        return evaluator.value(expression)

    return structure.expanded(template, resolve)


class _NothingYet:
    """template.functions.Outside."""

    def resource(self, logical_id: str, attribute: str | None) -> Any:
        raise TemplateError(f"resource {logical_id} is not known before it is made")

    def import_value(self, name: str) -> Any:
        raise TemplateError("Fn::ImportValue cannot stand here")

    def availability_zones(self, region: str) -> list[str]:
        raise TemplateError("Fn::GetAZs cannot stand here")

    def dynamic(self, string: str) -> str:
        return string
