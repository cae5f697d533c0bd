"""Endpoint configurations: which models, on how many instances, with which share of the requests."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gluonship.local.contracts import Clock, Handler, Scope
from gluonship.local.sagemaker.endpoint_resources import Records, answered_page, invalid, refused
from gluonship.local.sagemaker.listing import Listed, page
from gluonship.local.sagemaker.models import Models
from gluonship.local.sagemaker.tags import Tags

_log = logging.getLogger(__name__)

# Recorded and echoed; they change neither how requests are answered here nor what a caller gets.
_ECHOED = (
    "KmsKeyId",
    "DataCaptureConfig",
    "ExecutionRoleArn",
    "VpcConfig",
    "EnableNetworkIsolation",
    "MetricsConfig",
    "CrossRegionTrafficConfig",
)
_REFUSED = {
    "AsyncInferenceConfig": "Leave it out and call InvokeEndpoint.",
    "ExplainerConfig": "Leave it out.",
    "ShadowProductionVariants": "Leave them out, or give the model a variant of its own.",
}
_REFUSED_OF_VARIANT = {
    "ServerlessConfig": "Give InstanceType and InitialInstanceCount.",
    "InstancePools": "Give InstanceType and InitialInstanceCount.",
    "AcceleratorPartitionLayouts": "Leave them out.",
}
_ROUTING_HERE = ("LEAST_OUTSTANDING_REQUESTS", "RANDOM")


@dataclass(frozen=True)
class EndpointConfig:
    scope: Scope
    name: str
    arn: str
    created: datetime
    request: dict[str, Any]  # of CreateEndpointConfig, accepted and with its defaults

    @property
    def variants(self) -> list[dict[str, Any]]:
        return list(self.request["ProductionVariants"])


class EndpointConfigs:
    def __init__(self, clock: Clock, tags: Tags, models: Models) -> None:
        self._clock = clock
        self._tags = tags
        self._models = models
        self._records: Records[EndpointConfig] = Records("endpoint configuration", "endpoint-config")

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateEndpointConfig": self.create,
            "DescribeEndpointConfig": self.describe,
            "ListEndpointConfigs": self.list,
            "DeleteEndpointConfig": self.delete,
        }

    def find(self, scope: Scope, name: str) -> EndpointConfig:
        """Raises AwsError."""
        return self._records.find(scope, name)

    def create(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        accepted = _accepted(request)
        for variant in accepted["ProductionVariants"]:
            self._models.find(scope, variant["ModelName"])
        name = request["EndpointConfigName"]
        config = EndpointConfig(scope, name, self._records.arn(scope, name), self._clock.now(), accepted)
        self._records.add(config)
        self._tags.register(config.arn, request.get("Tags"))
        if any(each.get("ManagedInstanceScaling", {}).get("Status") == "ENABLED" for each in config.variants):
            _log.warning(
                "CreateEndpointConfig %s: ManagedInstanceScaling is recorded here, without effect: nothing "
                "scales by itself",
                name,
            )
        return {"EndpointConfigArn": config.arn}

    def describe(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        config = self.find(scope, request["EndpointConfigName"])
        return {
            "EndpointConfigName": config.name,
            "EndpointConfigArn": config.arn,
            "ProductionVariants": config.variants,
            "CreationTime": config.created,
            "EnableNetworkIsolation": False,
            **{member: config.request[member] for member in _ECHOED if member in config.request},
        }

    def list(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        rows = [Listed(c.name, c.created, c.created, "", _summary(c)) for c in self._records.of(scope)]
        return answered_page("EndpointConfigs", *page(rows, request, default_sort_order="Descending"))

    def delete(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Also of a configuration in use, as on AWS: its endpoint lives on, but can no longer be updated."""
        self._tags.forget(self._records.remove(scope, request["EndpointConfigName"]).arn)
        return {}


def _summary(config: EndpointConfig) -> dict[str, Any]:
    return {
        "EndpointConfigName": config.name,
        "EndpointConfigArn": config.arn,
        "CreationTime": config.created,
    }


def _accepted(request: dict[str, Any]) -> dict[str, Any]:
    """The request with its defaults. Raises AwsError for what AWS refuses, and for what cannot run here."""
    for member, instead in _REFUSED.items():
        if request.get(member):
            raise refused(member, instead)
    if request.get("DataCaptureConfig", {}).get("EnableCapture"):
        raise refused("DataCaptureConfig with EnableCapture", "Leave it out, or set EnableCapture to false.")
    variants = [_accepted_variant(variant) for variant in request["ProductionVariants"]]
    names = sorted(variant["VariantName"] for variant in variants)
    twice = [name for name, group in itertools.groupby(names) if len(list(group)) > 1]
    if twice:
        raise invalid(
            f"Variant names must be unique in an endpoint configuration; {twice[0]} is there twice."
        )
    return {**request, "ProductionVariants": variants}


def _accepted_variant(variant: dict[str, Any]) -> dict[str, Any]:
    name = variant["VariantName"]
    for member, instead in _REFUSED_OF_VARIANT.items():
        if variant.get(member):
            raise refused(f"{member} (variant {name})", instead)
    if not variant.get("ModelName"):
        raise refused(f"A variant without ModelName, for inference components ({name})", "Name its model.")
    missing = [member for member in ("InstanceType", "InitialInstanceCount") if not variant.get(member)]
    if missing:
        raise invalid(f"Variant {name} needs {' and '.join(missing)}.")
    strategy = variant.get("RoutingConfig", {}).get("RoutingStrategy", _ROUTING_HERE[0])
    if strategy not in _ROUTING_HERE:
        raise refused(f"RoutingStrategy {strategy} (variant {name})", f"Use {_ROUTING_HERE[0]}.")
    return {"InitialVariantWeight": 1.0, **variant}
