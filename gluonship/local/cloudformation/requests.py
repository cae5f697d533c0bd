"""From a request's members to what a stack is asked to be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation import capabilities
from gluonship.local.cloudformation.context import Context
from gluonship.local.cloudformation.stacks.register import validation_error
from gluonship.local.cloudformation.stacks.state import Options, Revision, Stack
from gluonship.local.cloudformation.template import parameters, structure
from gluonship.local.cloudformation.template.document import Template
from gluonship.local.cloudformation.transforms import whole_template
from gluonship.local.contracts import Scope

TEMPLATE_BODY_BYTES = 51_200
_STACK_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
_TOPIC = re.compile(r"arn:aws:sns:[a-z0-9-]+:\d{12}:.+")


def check_stack_name(name: str) -> None:
    if not _STACK_NAME.fullmatch(name):
        raise validation_error(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]* and have at most "
            "128 characters"
        )


def template_text(context: Context, scope: Scope, request: Mapping[str, Any], stack: Stack | None) -> str:
    """The text that TemplateBody, TemplateURL or UsePreviousTemplate stands for."""
    body, url = request.get("TemplateBody"), request.get("TemplateURL")
    if body and url:
        raise validation_error("You must specify TemplateBody or TemplateURL, but not both.")
    if request.get("UsePreviousTemplate"):
        if stack is None or stack.template is None:
            raise validation_error("UsePreviousTemplate: the stack has no template yet")
        return stack.template.body
    if url:
        return context.surroundings.template(scope, url)
    if not body:
        raise validation_error("Either Template URL or Template Body must be specified.")
    if len(body.encode()) > TEMPLATE_BODY_BYTES:
        raise validation_error(
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must "
            f"have length less than or equal to {TEMPLATE_BODY_BYTES}; larger ones go by TemplateURL"
        )
    return str(body)


def revision_of(context: Context, scope: Scope, request: Mapping[str, Any], stack: Stack | None) -> Revision:
    """What CreateStack, UpdateStack or CreateChangeSet asks for. `stack` is there for an update.

    Raises AwsError with CloudFormation's words for what is wrong.
    """
    _refuse(request)
    template = structure.read(template_text(context, scope, request, stack))
    previous = stack.revision if stack else None
    values = parameters.resolve(
        template,
        _given(request, previous),
        lambda reference: context.surroundings.parameter(scope, reference),
    )
    name = stack.name if stack else request["StackName"]
    template = whole_template(context, scope, name, template, values)
    acknowledged = tuple(request.get("Capabilities") or ())
    capabilities.check(template, acknowledged, expanding="ChangeSetName" not in request)
    _check_resource_types(template, request.get("ResourceTypes"))
    return Revision(
        template=template,
        parameters=values,
        tags=_tags(request, previous),
        capabilities=acknowledged,
        notification_arns=_notification_arns(request, previous),
        role_arn=request.get("RoleARN") or (previous.role_arn if previous else None),
    )


def options_of(request: Mapping[str, Any], *, default: str = "ROLLBACK") -> Options:
    """How the operation is to deal with failure."""
    config = request.get("DeploymentConfig") or {}
    disabled = bool(request.get("DisableRollback") or config.get("DisableRollback"))
    on_failure = request.get("OnFailure") or request.get("OnStackFailure")
    if on_failure and request.get("DisableRollback"):
        raise validation_error("You can specify either DisableRollback or OnFailure, but not both.")
    return Options(
        on_failure="DO_NOTHING" if disabled else on_failure or default,
        retain_except_on_create=bool(request.get("RetainExceptOnCreate")),
    )


def _refuse(request: Mapping[str, Any]) -> None:
    """What this cloud would not do is not accepted.

    ImportExistingResources passes: the CDK bootstraps with it. A resource whose name is taken still fails,
    by its own error, as without it.
    """
    rollback = request.get("RollbackConfiguration") or {}
    if rollback.get("RollbackTriggers") or rollback.get("MonitoringTimeInMinutes"):
        raise validation_error("RollbackConfiguration: this local cloud watches no alarms after a deployment")
    if (request.get("DeploymentConfig") or {}).get("Mode") == "EXPRESS":
        raise validation_error("DeploymentConfig: this local cloud has no EXPRESS mode; use STANDARD")
    if request.get("ChangeSetType") == "IMPORT" or request.get("ResourcesToImport"):
        raise validation_error("ResourcesToImport: this local cloud does not import resources into stacks")
    if request.get("DeploymentMode"):
        raise validation_error("DeploymentMode: this local cloud does not revert drift")
    for name in ("StackPolicyURL", "StackPolicyDuringUpdateURL"):
        if request.get(name):
            raise validation_error(f"{name} is not read by this local cloud: give the policy's body")


def _check_resource_types(template: Template, allowed: list[str] | None) -> None:
    if not allowed:
        return
    patterns = [re.escape(name).replace(r"\*", ".*") for name in allowed]
    refused = sorted(
        {
            resource.type
            for resource in template.resources.values()
            if not any(re.fullmatch(pattern, resource.type) for pattern in patterns)
        }
    )
    if refused:
        raise validation_error(
            f"Resource type {', '.join(refused)} is not allowed by parameter ResourceTypes"
        )


def _given(request: Mapping[str, Any], previous: Revision | None) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for parameter in request.get("Parameters") or []:
        key = parameter.get("ParameterKey")
        if not key:
            raise validation_error("Every parameter needs a ParameterKey")
        if not parameter.get("UsePreviousValue"):
            given[key] = parameter.get("ParameterValue", "")
        elif previous is None or key not in previous.parameters.given:
            raise validation_error(
                f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true for a "
                "parameter key not in the previous template"
            )
        else:
            given[key] = previous.parameters.given[key]
    return given


def _tags(request: Mapping[str, Any], previous: Revision | None) -> dict[str, str]:
    listed = request.get("Tags")
    if listed is None:
        return dict(previous.tags) if previous else {}
    tags = {tag["Key"]: tag["Value"] for tag in listed}
    if any(key.lower().startswith("aws:") for key in tags):
        raise validation_error("aws: prefixed tag key names are not allowed for external use.")
    if len(tags) > 50:
        raise validation_error("Tags: at most 50 are allowed")
    return tags


def _notification_arns(request: Mapping[str, Any], previous: Revision | None) -> tuple[str, ...]:
    arns = request.get("NotificationARNs")
    if arns is None:
        return previous.notification_arns if previous else ()
    wrong = [arn for arn in arns if not _TOPIC.fullmatch(arn)]
    if wrong:
        raise validation_error(f"NotificationARNs: not an SNS topic's ARN: {', '.join(wrong)}")
    return tuple(arns)
