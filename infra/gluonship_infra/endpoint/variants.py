"""Production variants: which model, on what, with which share of the requests.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aws_cdk import aws_sagemaker as sagemaker

from gluonship_infra.endpoint.models import ServedModel
from gluonship_infra.endpoint.refusals import InvalidProps, matches, number, one_of, sagemaker_name, whole
from gluonship_infra.instance_types import has_local_disk

_ROUTING = ("LEAST_OUTSTANDING_REQUESTS", "RANDOM")


@dataclass(frozen=True)
class Serverless:
    """Serverless inference: no instances, nothing paid while nobody asks, a cold start when somebody does."""

    memory_megabytes: int
    max_concurrency: int
    provisioned_concurrency: int | None = None  # kept warm

    def __post_init__(self) -> None:
        whole("memory_megabytes", self.memory_megabytes, 1024, 6144, "MB")
        if self.memory_megabytes % 1024:
            raise InvalidProps(f"memory_megabytes is {self.memory_megabytes}; AWS takes steps of 1024.")
        whole("max_concurrency", self.max_concurrency, 1, 200, "invocations at once")
        if self.provisioned_concurrency is not None:
            whole(
                "provisioned_concurrency",
                self.provisioned_concurrency,
                1,
                self.max_concurrency,
                "invocations at once (max_concurrency)",
            )


@dataclass(frozen=True)
class Variant:
    """One variant on instances, or serverless. Its share of the requests is weight / sum of the weights."""

    model: ServedModel
    name: str = "AllTraffic"
    weight: float = 1.0
    instance_type: str | None = None
    instance_count: int = 1
    serverless: Serverless | None = None
    volume_gigabytes: int | None = None
    model_data_download_timeout_seconds: int | None = None
    container_startup_timeout_seconds: int | None = None
    routing: Literal["LEAST_OUTSTANDING_REQUESTS", "RANDOM"] | None = None

    def __post_init__(self) -> None:
        where = f"Variant {self.name!r}"
        sagemaker_name("Variant name", self.name)
        number(f"{where}: weight", self.weight, 0, 1e9, "(a share of the weights' sum)")
        if self.routing is not None:
            one_of(f"{where}: routing", self.routing, _ROUTING)
        if self.serverless is not None:
            self._check_serverless(where)
        else:
            self._check_instances(where)

    @property
    def local_storage(self) -> bool:
        """Its instances have NVMe disks of their own, which take no key and no size."""
        return self.instance_type is not None and has_local_disk(self.instance_type)

    @property
    def inferentia_1(self) -> bool:
        return bool(self.instance_type and self.instance_type.startswith("ml.inf1."))

    @property
    def network_isolation(self) -> bool:
        asked = self.model.network_isolation
        return self.serverless is None if asked is None else asked

    def _check_instances(self, where: str) -> None:
        if self.instance_type is None:
            raise InvalidProps(
                f"{where} runs on nothing; give instance_type, as in ml.c5.large, or serverless."
            )
        rule = "write a SageMaker instance type, as in ml.c5.large"
        matches(f"{where}: instance_type", self.instance_type, r"ml\.[a-z0-9-]+\.[a-z0-9]+", rule)
        whole(f"{where}: instance_count", self.instance_count, 1, 1000, "instances")
        seconds = ("model_data_download_timeout_seconds", "container_startup_timeout_seconds")
        for prop in seconds:
            value = getattr(self, prop)
            if value is not None:
                whole(f"{where}: {prop}", value, 60, 3600, "seconds")
        if self.volume_gigabytes is not None:
            whole(f"{where}: volume_gigabytes", self.volume_gigabytes, 1, 512, "GB")
            if self.local_storage:
                raise InvalidProps(
                    f"{where}: volume_gigabytes does not go with {self.instance_type}, whose disks are "
                    "its own; leave it out."
                )

    def _check_serverless(self, where: str) -> None:
        for prop in (
            "instance_type",
            "volume_gigabytes",
            "model_data_download_timeout_seconds",
            "container_startup_timeout_seconds",
            "routing",
        ):
            if getattr(self, prop) is not None:
                raise InvalidProps(f"{where}: {prop} is for instances and does not go with serverless.")
        if self.instance_count != 1:
            raise InvalidProps(f"{where}: instance_count does not go with serverless; see max_concurrency.")
        if self.model.network_isolation:
            raise InvalidProps(f"{where}: serverless inference has no network isolation; leave it out.")
        if self.model.image.names_gpu:
            raise InvalidProps(f"{where}: serverless inference has no GPU; use the -cpu image, or instances.")


def production_variant(
    variant: Variant, model_name: str
) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    """The variant as CloudFormation has it."""
    config = sagemaker.CfnEndpointConfig
    serverless = variant.serverless
    return config.ProductionVariantProperty(
        variant_name=variant.name,
        model_name=model_name,
        initial_variant_weight=variant.weight,
        initial_instance_count=None if serverless else variant.instance_count,
        instance_type=variant.instance_type,
        serverless_config=config.ServerlessConfigProperty(
            memory_size_in_mb=serverless.memory_megabytes,
            max_concurrency=serverless.max_concurrency,
            provisioned_concurrency=serverless.provisioned_concurrency,
        )
        if serverless
        else None,
        volume_size_in_gb=variant.volume_gigabytes,
        model_data_download_timeout_in_seconds=variant.model_data_download_timeout_seconds,
        container_startup_health_check_timeout_in_seconds=variant.container_startup_timeout_seconds,
        routing_config=config.RoutingConfigProperty(routing_strategy=variant.routing)
        if variant.routing
        else None,
    )
