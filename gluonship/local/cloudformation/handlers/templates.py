"""Operations on templates."""

from __future__ import annotations

import json
from typing import Any

from gluonship.local.cloudformation import capabilities
from gluonship.local.cloudformation.descriptions import present
from gluonship.local.cloudformation.handlers.engine import Engine
from gluonship.local.cloudformation.requests import template_text
from gluonship.local.cloudformation.stacks.register import validation_error
from gluonship.local.cloudformation.template import structure
from gluonship.local.cloudformation.template.document import Template
from gluonship.local.cloudformation.template.values import text
from gluonship.local.contracts import AwsError, Handler, Scope


class TemplateHandlers:
    def __init__(self, engine: Engine) -> None:
        self._context = engine.context
        self._register = engine.context.register
        self._sets = engine.change_sets

    def operations(self) -> dict[str, Handler]:
        return {
            "GetTemplate": self.get,
            "GetTemplateSummary": self.summary,
            "ValidateTemplate": self.validate,
        }

    def get(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """As AWS, the text that the transforms leave, unless the original one is asked for."""
        template: Template | None
        if request.get("ChangeSetName"):
            one = self._sets.get(scope, request["ChangeSetName"], request.get("StackName"))
            template = one.plan.revision.template
        elif request.get("StackName"):
            template = self._register.get(scope, request["StackName"]).template
        else:
            raise validation_error("StackName or ChangeSetName must be specified")
        body = template.body if template else "{}"
        if template and template.processed and request.get("TemplateStage") != "Original":
            body = template.processed
        return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}

    def summary(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("StackSetName"):
            message = "StackSets are not executed by this local cloud"
            raise AwsError("StackSetNotFoundException", message, 404)
        template = self._template(scope, request)
        types = sorted({resource.type for resource in template.resources.values()})
        config = request.get("TemplateSummaryConfig") or {}
        unknown = [name for name in types if not self._context.provider.knows(name)]
        if unknown and not config.get("TreatUnrecognizedResourceTypesAsWarnings"):
            unknown = []  # a stack of it is refused, type by type, with the reasons
        return present(
            Parameters=[
                {
                    **_declared(name, declaration, template),
                    "ParameterType": declaration["Type"],
                    "ParameterConstraints": present(
                        AllowedValues=[text(value) for value in declaration["AllowedValues"]]
                        if "AllowedValues" in declaration
                        else None
                    ),
                }
                for name, declaration in template.parameters.items()
            ],
            Description=template.description,
            Capabilities=capabilities.needed(template),
            CapabilitiesReason=capabilities.reason(template),
            ResourceTypes=types,
            Version=template.version,
            Metadata=json.dumps(template.metadata, default=str) if template.metadata else None,
            DeclaredTransforms=list(template.transforms),
            ResourceIdentifierSummaries=[],  # of use for imports alone, which are refused
            Warnings={"UnrecognizedResourceTypes": unknown} if unknown else None,
        )

    def validate(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        template = structure.read(template_text(self._context, scope, request, None))
        return present(
            Parameters=[
                _declared(name, declaration, template) for name, declaration in template.parameters.items()
            ],
            Description=template.description,
            Capabilities=capabilities.needed(template),
            CapabilitiesReason=capabilities.reason(template),
            DeclaredTransforms=list(template.transforms),
        )

    def _template(self, scope: Scope, request: dict[str, Any]) -> Template:
        if request.get("TemplateBody") or request.get("TemplateURL"):
            return structure.read(template_text(self._context, scope, request, None))
        if not request.get("StackName"):
            raise validation_error("One of TemplateBody, TemplateURL or StackName must be specified")
        stack = self._register.get(scope, request["StackName"])
        if stack.template is None:
            raise validation_error(f"Stack {stack.name} has no template yet")
        return stack.template


def _declared(name: str, declaration: Any, template: Template) -> dict[str, Any]:
    return present(
        ParameterKey=name,
        DefaultValue=text(declaration["Default"]) if "Default" in declaration else None,
        NoEcho=template.no_echo(name),
        Description=declaration.get("Description"),
    )
