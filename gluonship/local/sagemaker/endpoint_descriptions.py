"""What DescribeEndpoint and ListEndpoints answer about an endpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gluonship.local.contracts import Scope
from gluonship.local.sagemaker.endpoint_deployments import Deployment, Phase, Step, Variant
from gluonship.local.sagemaker.endpoint_states import Status

_ECHOED_OF_VARIANT = ("ManagedInstanceScaling", "RoutingConfig")


@dataclass(frozen=True)
class Pending:
    """A deployment that is going on."""

    deployment: Deployment
    started: datetime
    step: Step
    step_started: datetime | None = None


@dataclass(frozen=True)
class Endpoint:
    """An endpoint at one moment; replaced, never changed."""

    scope: Scope
    name: str
    arn: str
    config_name: str  # of what serves, or is to serve first
    status: Status
    created: datetime
    modified: datetime
    variants: tuple[Variant, ...] = ()  # that serve
    deployed: datetime | None = None  # when they came into service
    failure_reason: str | None = None
    pending: Pending | None = None
    deployment_config: dict[str, Any] | None = field(default=None)


def description(endpoint: Endpoint) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.config_name,
        "EndpointStatus": endpoint.status.value,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
    }
    if endpoint.failure_reason:
        answer["FailureReason"] = endpoint.failure_reason
    if endpoint.deployment_config:
        answer["LastDeploymentConfig"] = endpoint.deployment_config
    if endpoint.variants:
        answer["ProductionVariants"] = [_serving(v, endpoint) for v in endpoint.variants]
    if endpoint.pending:
        answer["PendingDeploymentSummary"] = {
            "EndpointConfigName": endpoint.pending.deployment.config_name,
            "ProductionVariants": [
                _coming(v, endpoint.pending) for v in endpoint.pending.deployment.variants
            ],
            "StartTime": endpoint.pending.started,
        }
    return answer


def summary(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
        "EndpointStatus": endpoint.status.value,
    }


def _serving(variant: Variant, endpoint: Endpoint) -> dict[str, Any]:
    wanted = variant
    if endpoint.pending:
        by_name = {v.name: v for v in endpoint.pending.deployment.variants}
        wanted = by_name.get(variant.name, variant)
    shown = {
        "VariantName": variant.name,
        "DeployedImages": [_image(variant, endpoint.deployed)],
        "CurrentWeight": variant.weight,
        "DesiredWeight": wanted.weight,
        "CurrentInstanceCount": _running(variant),
        "DesiredInstanceCount": wanted.instance_count,
        **{m: variant.settings[m] for m in _ECHOED_OF_VARIANT if m in variant.settings},
    }
    if endpoint.pending and endpoint.pending.step.phase is Phase.RETIRE:
        shown["VariantStatus"] = [_status(endpoint.pending, _running(variant))]
    return shown


def _coming(variant: Variant, pending: Pending) -> dict[str, Any]:
    """With the instances that AWS has in traffic: of a canary of 30 % of 3 instances, 1."""
    step = pending.step
    active = math.ceil(_running(variant) * step.share - 1e-9)
    shown = {
        "VariantName": variant.name,
        "CurrentWeight": variant.weight if step.phase is not Phase.PROVISION else 0.0,
        "DesiredWeight": variant.weight,
        "CurrentInstanceCount": active,
        "DesiredInstanceCount": variant.instance_count,
        "InstanceType": variant.settings["InstanceType"],
    }
    if variant.fleet:
        shown["DeployedImages"] = [_image(variant, pending.step_started)]
    if step.phase is not Phase.RETIRE:
        number = variant.instance_count if step.phase is Phase.PROVISION else active
        shown["VariantStatus"] = [_status(pending, number)]
    return shown


def _status(pending: Pending, number: int) -> dict[str, Any]:
    """In AWS's words; `number` of instances.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
    """
    step = pending.step
    messages = {
        Phase.PROVISION: f"Launching {number} instance(s).",
        Phase.SHIFT: f"Activating traffic on {step.capacity} capacity of {number} instance(s).",
        Phase.BAKE: f"Baking for {step.seconds:g} seconds ({step.waits_for}) with traffic enabled on "
        f"{step.capacity} capacity of {number} instance(s).",
        Phase.RETIRE: f"Terminating {number} instance(s).",
    }
    return {
        "Status": step.phase.value,
        "StatusMessage": messages[step.phase],
        "StartTime": pending.step_started or pending.started,
    }


def _running(variant: Variant) -> int:
    return len(variant.fleet.instance_ids) if variant.fleet else 0


def _image(variant: Variant, resolved: datetime | None) -> dict[str, Any]:
    # AWS resolves a tag to a digest; here the images table resolves the URI itself.
    image = variant.model.image
    return {
        "SpecifiedImage": image,
        "ResolvedImage": image,
        **({"ResolutionTime": resolved} if resolved else {}),
    }
