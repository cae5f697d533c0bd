"""Rules for what roles may do: no whole service, no bare `*` without need, and roles passed on with care."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from gluonship_infra.rules.rule import Finding, Rule
from gluonship_infra.rules.templates import Resource, Template, as_list

# Actions without resource-level permissions: AWS has no other resource for them than `*`. By service, from
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
# and for log deliveries from https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
WITHOUT_RESOURCE = frozenset(
    {
        "cloudwatch:PutMetricData",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpcs",
        "ecr:GetAuthorizationToken",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
        "sagemaker:ListEndpointConfigs",
        "sagemaker:ListEndpoints",
        "sagemaker:ListModelPackages",
        "sagemaker:ListModels",
        "sagemaker:ListProcessingJobs",
        "sagemaker:ListTrainingJobs",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
)
_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide"


def statements(resource: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The allowing statements of an identity's policies, each with its place in the resource."""
    found: list[tuple[str, Any]] = []
    if resource.type in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        found.append(("Properties/PolicyDocument", resource.properties.get("PolicyDocument", {})))
    elif resource.type in ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group"):
        for index, policy in enumerate(resource.properties.get("Policies", [])):
            found.append((f"Properties/Policies/{index}/PolicyDocument", policy.get("PolicyDocument", {})))
    for place, document in found:
        for index, statement in enumerate(as_list(document.get("Statement"))):
            if statement.get("Effect") == "Allow":
                yield f"{place}/Statement/{index}", statement


def _whole_service(template: Template) -> Iterator[Finding]:
    for resource in template.resources:
        for place, statement in statements(resource):
            if "NotAction" in statement:
                yield Finding(resource.id, f"{place}/NotAction", "NotAction allows all that it does not name")
            for action in as_list(statement.get("Action")):
                if action == "*" or str(action).endswith(":*"):
                    yield Finding(resource.id, f"{place}/Action", f"'{action}' allows a whole service")


def _bare_resource(template: Template) -> Iterator[Finding]:
    for resource in template.resources:
        for place, statement in statements(resource):
            if "*" not in as_list(statement.get("Resource")):
                continue
            narrow = [one for one in as_list(statement.get("Action")) if one not in WITHOUT_RESOURCE]
            if narrow:
                yield Finding(resource.id, f"{place}/Resource", f"'*' for {', '.join(map(str, narrow))}")


def _passed_role(template: Template) -> Iterator[Finding]:
    for resource in template.resources:
        for place, statement in statements(resource):
            actions = as_list(statement.get("Action"))
            if not any(fnmatchcase("iam:PassRole", str(action)) for action in actions):
                continue
            conditions = statement.get("Condition", {})
            if not any("iam:PassedToService" in keys for keys in conditions.values()):
                yield Finding(resource.id, place, "iam:PassRole does not name the service that gets the role")


RULES = (
    Rule(
        "NoWholeService",
        "No policy allows `*` or `service:*`.",
        "It also allows what AWS adds to the service tomorrow.",
        "Name the actions that are needed.",
        f"{_IAM}/best-practices.html#grant-least-privilege",
        _whole_service,
    ),
    Rule(
        "NoBareResource",
        "No policy allows an action on `*` where AWS lets a resource be named.",
        "A name's prefix is enough to keep one project's role from another project's data.",
        "Name the resources, if need be by a prefix; give actions without resources their own statement.",
        "https://docs.aws.amazon.com/service-authorization/latest/reference/"
        "reference_policies_actions-resources-contextkeys.html",
        _bare_resource,
    ),
    Rule(
        "PassedRole",
        "Whoever may pass a role may pass it to a named service only.",
        "Else the role's rights can be had through any service that takes a role.",
        "Add the condition iam:PassedToService.",
        f"{_IAM}/id_roles_use_passrole.html",
        _passed_role,
    ),
)
