"""Rules for endpoints: encrypted, watched, and taken back when a deployment goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gluonship_infra.instance_types import has_local_disk
from gluonship_infra.rules.requests import AtRunTime, Request, requests
from gluonship_infra.rules.rule import Finding, Rule
from gluonship_infra.rules.templates import Resource, Template, as_list, text

_GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg"
_ALARMS = "DeploymentConfig.AutoRollbackConfiguration.Alarms"
_POLICIES = ("BlueGreenUpdatePolicy", "RollingUpdatePolicy")


def _configs(template: Template) -> Iterator[Request]:
    return (request for request in requests(template) if request.operation == "CreateEndpointConfig")


def _storage(template: Template) -> Iterator[Finding]:
    for config in _configs(template):
        variants = config.get("ProductionVariants")
        types = [one.get("InstanceType") for one in variants] if isinstance(variants, list) else []
        known = [type_ for type_ in types if isinstance(type_, str) and not isinstance(type_, AtRunTime)]
        local = [type_ for type_ in known if has_local_disk(type_)]
        if local and config.get("KmsKeyId"):
            message = f"is given, which SageMaker refuses for '{local[0]}' (its disk is local)"
            yield config.finding("KmsKeyId", f"KmsKeyId {message}")
        if not local and not config.get("KmsKeyId"):
            yield config.finding("KmsKeyId", "KmsKeyId is missing")


def _capture(template: Template) -> Iterator[Finding]:
    for config in _configs(template):
        for part, key in (
            ("DataCaptureConfig", "DataCaptureConfig.KmsKeyId"),
            ("AsyncInferenceConfig", "AsyncInferenceConfig.OutputConfig.KmsKeyId"),
        ):
            if config.get(part) and not config.get(key):
                yield config.finding(key, f"{key} is missing")


def _replaceable(template: Template) -> Iterator[Finding]:
    for type_, name in (
        ("AWS::SageMaker::EndpointConfig", "EndpointConfigName"),
        ("AWS::SageMaker::Model", "ModelName"),
    ):
        for resource in template.of_type(type_):
            if name in resource.properties:
                yield Finding(resource.id, f"Properties/{name}", f"{name} is fixed")


def _guardrail(template: Template) -> Iterator[Finding]:
    for request in requests(template):
        # A state machine's createEndpoint has nothing to go back to; CloudFormation's is its update too.
        declared = request.operation == "CreateEndpoint" and request.location == "Properties"
        if not declared and request.operation != "UpdateEndpoint":
            continue
        if not _chosen(request, _ALARMS):
            yield request.finding(_ALARMS, "no alarm takes a deployment back")
        if not any(_chosen(request, f"DeploymentConfig.{policy}") for policy in _POLICIES):
            yield request.finding("DeploymentConfig", "neither a blue/green nor a rolling policy is set")


def _chosen(request: Request, path: str) -> bool:
    """Whether the member at a dotted path is given, or may be by what an execution puts above it."""
    parts = path.split(".")
    above = (request.get(".".join(parts[:depth])) for depth in range(1, len(parts)))
    return bool(request.get(path)) or any(isinstance(value, AtRunTime) for value in above)


def _watched(template: Template) -> Iterator[Finding]:
    watched = {name for alarm in template.of_type("AWS::CloudWatch::Alarm") for name in _endpoints_of(alarm)}
    for endpoint in template.of_type("AWS::SageMaker::Endpoint"):
        names = {f"{{GetAtt {endpoint.id}.EndpointName}}", f"{{Ref {endpoint.id}}}"}
        if given := endpoint.properties.get("EndpointName"):
            names.add(text(given))
        if not names & watched:
            yield Finding(endpoint.id, "Properties", "no alarm of its stack watches it")


def _endpoints_of(alarm: Resource) -> Iterator[str]:
    """The endpoint names among an alarm's dimensions, also those of the metrics in an expression."""
    for one in _dimensions(alarm.properties):
        if one.get("Name") == "EndpointName":
            yield text(one.get("Value"))


def _dimensions(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield from value.get("Dimensions", ())
        for inner in value.values():
            yield from _dimensions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _dimensions(inner)


def _scaling_watched(template: Template) -> Iterator[Finding]:
    """An endpoint that scales here, declared elsewhere, has its alarms here too."""
    alarms = [json.dumps(alarm.properties) for alarm in template.of_type("AWS::CloudWatch::Alarm")]
    for target in template.of_type("AWS::ApplicationAutoScaling::ScalableTarget"):
        if "sagemaker" not in as_list(target.properties.get("ServiceNamespace")):
            continue
        if not any("AWS/SageMaker" in alarm for alarm in alarms):
            yield Finding(
                target.id, "Properties/ResourceId", "the endpoint scales here and no alarm watches it"
            )


def _watch(template: Template) -> Iterator[Finding]:
    yield from _watched(template)
    yield from _scaling_watched(template)


RULES = (
    Rule(
        "EndpointStorageEncryption",
        "Endpoints' volumes are encrypted with the account's own key, where the instance type takes one.",
        "The volume holds the model and what the server writes about requests.",
        "Set KmsKeyId of the endpoint configuration; leave it out for instance types with a local disk.",
        "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html",
        _storage,
    ),
    Rule(
        "CaptureEncryption",
        "Captured requests and asynchronous answers are encrypted with a key of the account's own.",
        "They are the users' own images.",
        "Set KmsKeyId of DataCaptureConfig and of AsyncInferenceConfig.OutputConfig.",
        f"{_GUIDE}/model-monitor-data-capture-endpoint.html",
        _capture,
    ),
    Rule(
        "ReplaceableNames",
        "Models and endpoint configurations have no fixed names.",
        "Neither can be changed: a change is a new one beside the old one, which a fixed name forbids.",
        "Leave the name to CloudFormation.",
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-sagemaker-endpointconfig.html",
        _replaceable,
    ),
    Rule(
        "EndpointGuardrail",
        "An endpoint is updated blue/green or rolling, and alarms take a bad deployment back.",
        "Without an alarm there is no automatic way back.",
        "Set DeploymentConfig with a policy and 1 to 10 AutoRollbackConfiguration.Alarms.",
        f"{_GUIDE}/deployment-guardrails-configuration.html",
        _guardrail,
    ),
    Rule(
        "EndpointAlarm",
        "An endpoint that a stack declares or scales is watched by an alarm of that stack.",
        "Nobody looks at a metric that is fine most of the time.",
        "Add CloudWatch alarms with the endpoint's name as a dimension.",
        f"{_GUIDE}/monitoring-cloudwatch.html",
        _watch,
    ),
)
