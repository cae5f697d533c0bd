"""What DescribeEndpoint and ListEndpoints answer about an endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gluonship.local.contracts import Scope
from gluonship.local.sagemaker.endpoint_deployments import Deployment, Phase, Variant
from gluonship.local.sagemaker.endpoint_states import Status

_ECHOED_OF_VARIANT = ("ManagedInstanceScaling", "RoutingConfig")


@dataclass(frozen=True)
class Pending:
    """A deployment that is going on."""

    deployment: Deployment
    started: datetime
    phase: Phase = Phase.PROVISION
    phase_started: datetime | None = None


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
    if endpoint.pending and endpoint.pending.phase is Phase.RETIRE:
        shown["VariantStatus"] = [{"Status": Phase.RETIRE.value, "StartTime": endpoint.pending.phase_started}]
    return shown


def _coming(variant: Variant, pending: Pending) -> dict[str, Any]:
    started = pending.phase_started or pending.started
    shown = {
        "VariantName": variant.name,
        "CurrentWeight": variant.weight if pending.phase is not Phase.PROVISION else 0.0,
        "DesiredWeight": variant.weight,
        "CurrentInstanceCount": _running(variant),
        "DesiredInstanceCount": variant.instance_count,
        "InstanceType": variant.settings["InstanceType"],
    }
    if variant.fleet:
        shown["DeployedImages"] = [_image(variant, pending.phase_started)]
    if pending.phase is not Phase.RETIRE:
        shown["VariantStatus"] = [{"Status": pending.phase.value, "StartTime": started}]
    return shown


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
