"""CloudWatch metrics of one production variant, as SageMaker publishes them.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

Utilisation = Literal[
    "CPUUtilization", "MemoryUtilization", "GPUUtilization", "GPUMemoryUtilization", "DiskUtilization"
]
Latency = Literal["ModelLatency", "OverheadLatency"]


@dataclass(frozen=True)
class VariantMetrics:
    """What can be measured of a variant of an endpoint, by names."""

    endpoint_name: str
    variant_name: str

    def invocations(self, period_seconds: int = 60) -> cloudwatch.Metric:
        """Requests in a period."""
        return self._of("AWS/SageMaker", "Invocations", "Sum", period_seconds)

    def invocations_per_instance(self, period_seconds: int = 60) -> cloudwatch.Metric:
        """Requests in a period, by instance: what the scaling policy follows, by the minute."""
        return self._of("AWS/SageMaker", "InvocationsPerInstance", "Sum", period_seconds)

    def errors(self, kind: Literal["4XX", "5XX"], period_seconds: int = 60) -> cloudwatch.Metric:
        """Requests answered with an error in a period."""
        return self._of("AWS/SageMaker", f"Invocation{kind}Errors", "Sum", period_seconds)

    def error_rate(self, kind: Literal["4XX", "5XX"], period_seconds: int = 60) -> cloudwatch.Metric:
        """The share of requests answered with an error, 0 to 1: SageMaker sends 1 for an error, else 0."""
        return self._of("AWS/SageMaker", f"Invocation{kind}Errors", "Average", period_seconds)

    def latency(self, name: Latency, statistic: str, period_seconds: int = 60) -> cloudwatch.Metric:
        """In microseconds. ModelLatency is the container's part, OverheadLatency is SageMaker's."""
        return self._of("AWS/SageMaker", name, statistic, period_seconds)

    def utilisation(self, name: Utilisation, period_seconds: int = 60) -> cloudwatch.Metric:
        """Percent. CPU and GPU count every core and every device: four cores reach 400."""
        return self._of("/aws/sagemaker/Endpoints", name, "Average", period_seconds)

    def _of(self, namespace: str, name: str, statistic: str, period_seconds: int) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map={"EndpointName": self.endpoint_name, "VariantName": self.variant_name},
            statistic=statistic,
            period=cdk.Duration.seconds(period_seconds),
        )
