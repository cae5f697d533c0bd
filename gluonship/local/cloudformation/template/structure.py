"""From plain data to a Template: sections, attributes, names and limits.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gluonship.local.cloudformation.template import language_extensions, references
from gluonship.local.cloudformation.template.document import (
    LANGUAGE_EXTENSIONS,
    OutputDeclaration,
    ResourceDeclaration,
    Template,
)
from gluonship.local.cloudformation.template.errors import TemplateError, no_macro
from gluonship.local.cloudformation.template.parsing import parse

_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Rules",
    "Resources",
    "Outputs",
    "Transform",
}
_ATTRIBUTES = {
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "Metadata",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Description",
}
_SIGNALS = {"CreationPolicy", "UpdatePolicy"}
_LIMITS = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")


def read(body: str) -> Template:
    """The template of a text. Raises TemplateError for whatever can be seen without parameters.

    Where language extensions change it, this is its outline only; `expanded` gives the whole.
    """
    document = parse(body)
    if LANGUAGE_EXTENSIONS not in _transforms(document):
        language_extensions.refuse_loops(document)
    elif language_extensions.uses_them(document):
        return replace(_template(body, language_extensions.outline(document)), outline=True)
    template = _template(body, document)
    references.check(template)
    return template


def expanded(template: Template, resolve: language_extensions.Resolve) -> Template:
    """The whole of a template that was read. Raises TemplateError."""
    if not template.outline:
        return template
    document = language_extensions.expanded(parse(template.body), resolve)
    whole = replace(_template(template.body, document), processed=json.dumps(document))
    references.check(whole)
    return whole


def _template(body: str, document: Mapping[str, Any]) -> Template:
    unknown = sorted(set(document) - _SECTIONS)
    if unknown:
        raise TemplateError(f"Invalid template property or properties [{', '.join(unknown)}]")
    for name in ("Parameters", "Mappings", "Conditions", "Rules", "Resources", "Outputs", "Metadata"):
        _section(document, name)
    if not document.get("Resources"):
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    return Template(
        body=body,
        version=_version(document),
        description=_description(document),
        transforms=_transforms(document),
        metadata=_section(document, "Metadata"),
        parameters=_parameters(document),
        mappings=_mappings(document),
        conditions=_section(document, "Conditions"),
        rules=_rules(document),
        resources={name: _resource(name, value) for name, value in _section(document, "Resources").items()},
        outputs={name: _output(name, value) for name, value in _section(document, "Outputs").items()},
    )


def _section(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise TemplateError(f"Template format error: {name} must be an object.")
    limit = _LIMITS.get(name)
    if limit is not None and len(section) > limit:
        found = f"{len(section)} is greater than the limit of {limit}"
        raise TemplateError(f"Template format error: Number of {name.lower()}, {found}")
    return section


def _version(document: Mapping[str, Any]) -> str | None:
    version = document.get("AWSTemplateFormatVersion")
    if version is not None and str(version) != "2010-09-09":
        raise TemplateError(f"Template format error: {version} is not a supported value.")
    return None if version is None else str(version)


def _description(document: Mapping[str, Any]) -> str | None:
    description = document.get("Description")
    if description is None:
        return None
    if not isinstance(description, str):
        raise TemplateError("Template format error: Description must be a string.")
    if len(description.encode()) > 1024:
        raise TemplateError("Template format error: 'Description' length is greater than 1024.")
    return description


def _transforms(document: Mapping[str, Any]) -> tuple[str, ...]:
    declared = document.get("Transform", [])
    names = declared if isinstance(declared, list) else [declared]
    refused = [name for name in names if name != LANGUAGE_EXTENSIONS]
    if refused:
        raise no_macro(*refused)
    return tuple(names)


def _parameters(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    parameters = _section(document, "Parameters")
    for name, declaration in parameters.items():
        _alphanumeric("Parameter", name)
        if not isinstance(declaration, dict) or not isinstance(declaration.get("Type"), str):
            where = f"[/Parameters/{name}]"
            raise TemplateError(f"Template format error: {where} Every Parameters object needs a Type.")
    return parameters


def _mappings(document: Mapping[str, Any]) -> dict[str, Any]:
    mappings = _section(document, "Mappings")
    for name, keys in mappings.items():
        if not isinstance(keys, dict) or not all(isinstance(values, dict) for values in keys.values()):
            raise TemplateError(f"Template format error: Every Mappings attribute must be a map: {name}")
    return mappings


def _rules(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    rules = _section(document, "Rules")
    for name, rule in rules.items():
        assertions = rule.get("Assertions") if isinstance(rule, dict) else None
        if not isinstance(assertions, list) or not all(
            isinstance(item, dict) and "Assert" in item for item in assertions
        ):
            raise TemplateError(f"Template format error: [/Rules/{name}] every rule needs Assertions")
    return rules


def _resource(name: str, declared: Any) -> ResourceDeclaration:
    if name == "Fn::Transform":
        raise no_macro(declared)
    _alphanumeric("Resource", name)
    where = f"[/Resources/{name}]"
    if not isinstance(declared, dict):
        raise TemplateError(f"Template format error: {where} resource definition is malformed")
    if not isinstance(declared.get("Type"), str):
        message = "Every Resources object must contain a Type member."
        raise TemplateError(f"Template format error: {where} {message}")
    unknown = sorted(set(declared) - _ATTRIBUTES - _SIGNALS)
    if unknown:
        quoted = ", ".join(f"'{attribute}'" for attribute in unknown)
        raise TemplateError(f"Invalid template resource property {quoted} (resource {name})")
    properties = declared.get("Properties") or {}
    if not isinstance(properties, dict):
        raise TemplateError(f"Template format error: {where} Properties must be an object.")
    condition = declared.get("Condition")
    if condition is not None and not isinstance(condition, str):
        raise TemplateError(f"Template format error: {where} Condition must be a string.")
    return ResourceDeclaration(
        logical_id=name,
        type=declared["Type"],
        properties=properties,
        depends_on=_depends_on(where, declared.get("DependsOn")),
        condition=condition,
        metadata=declared.get("Metadata") or {},
        deletion_policy=_policy(name, "DeletionPolicy", declared),
        update_replace_policy=_policy(name, "UpdateReplacePolicy", declared),
        waits_for_signals=tuple(sorted(set(declared) & _SIGNALS)),
    )


def _depends_on(where: str, declared: Any) -> tuple[str, ...]:
    names = [] if declared is None else declared if isinstance(declared, list) else [declared]
    if not all(isinstance(name, str) for name in names):
        raise TemplateError(f"Template format error: {where} DependsOn must name resources.")
    return tuple(names)


def _policy(name: str, attribute: str, declared: Mapping[str, Any]) -> Any:
    policy = declared.get(attribute, "Delete")
    if not isinstance(policy, dict) and policy not in _POLICIES:
        raise TemplateError(f"Template format error: Unrecognized {attribute} {policy} for resource {name}")
    return policy


def _output(name: str, declared: Any) -> OutputDeclaration:
    _alphanumeric("Output", name)
    where = f"[/Outputs/{name}]"
    if not isinstance(declared, dict) or "Value" not in declared:
        raise TemplateError(f"Template format error: {where} Every Outputs member must contain a Value.")
    unknown = sorted(set(declared) - {"Value", "Description", "Export", "Condition"})
    if unknown:
        raise TemplateError(f"Template format error: {where} unsupported {', '.join(unknown)}")
    export = declared.get("Export")
    if export is not None and (not isinstance(export, dict) or set(export) != {"Name"}):
        raise TemplateError(f"Template format error: {where} Export must contain only a Name.")
    for member in ("Description", "Condition"):
        if not isinstance(declared.get(member, ""), str):
            raise TemplateError(f"Template format error: {where} {member} must be a string.")
    return OutputDeclaration(
        key=name,
        value=declared["Value"],
        description=declared.get("Description"),
        export_name=export["Name"] if export else None,
        condition=declared.get("Condition"),
    )


def _alphanumeric(kind: str, name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9]{1,255}", name):
        raise TemplateError(f"Template format error: {kind} name {name} is non alphanumeric.")
