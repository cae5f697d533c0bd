"""One CloudWatch page for an endpoint: traffic, errors, latency, instances, alarms."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from gluonship_infra.endpoint.metrics import Utilisation, VariantMetrics

_WIDTH = 12  # of CloudWatch's 24 columns
_UTILISATION: Sequence[Utilisation] = (
    "CPUUtilization",
    "MemoryUtilization",
    "GPUUtilization",
    "GPUMemoryUtilization",
    "DiskUtilization",
)


class EndpointDashboard(Construct):
    """The page of one endpoint, with a row of graphs for each variant and the alarms' states on top."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        variants: Sequence[VariantMetrics],
        alarms: Sequence[cloudwatch.IAlarm],
        name: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=name)
        self.dashboard.add_widgets(
            cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=2 * _WIDTH, height=3)
        )
        for metrics in variants:
            for row in _rows(metrics):
                self.dashboard.add_widgets(*row)


def _rows(metrics: VariantMetrics) -> list[list[cloudwatch.IWidget]]:
    variant = metrics.variant_name
    quantiles = ("p50", "p90", "p99")
    traffic = _graph(f"{variant}: invocations", "requests a minute", [metrics.invocations()])
    errors = _graph(f"{variant}: errors", "requests a minute", [metrics.errors("4XX"), metrics.errors("5XX")])
    model = _graph(
        f"{variant}: model latency", "µs", [_named(metrics.latency("ModelLatency", q), q) for q in quantiles]
    )
    overhead = _graph(
        f"{variant}: overhead latency",
        "µs",
        [_named(metrics.latency("OverheadLatency", q), q) for q in quantiles],
    )
    instances = _graph(
        f"{variant}: load of an instance", "requests a minute", [metrics.invocations_per_instance()]
    )
    utilisation = _graph(
        f"{variant}: utilisation (CPU and GPU count each core and device)",
        "percent",
        [metrics.utilisation(name) for name in _UTILISATION],
    )
    return [[traffic, errors], [model, overhead], [instances, utilisation]]


def _graph(title: str, unit: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.IWidget:
    axis = cloudwatch.YAxisProps(label=unit, min=0, show_units=False)
    return cloudwatch.GraphWidget(title=title, left=list(metrics), left_y_axis=axis, width=_WIDTH, height=6)


def _named(metric: cloudwatch.Metric, label: str) -> cloudwatch.Metric:
    return metric.with_(label=label)
