"""Alarms on one production variant: errors, latency, no traffic, and how full its instances are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from gluonship_infra.endpoint.metrics import Utilisation, VariantMetrics
from gluonship_infra.endpoint.refusals import InvalidProps, number, whole

_MICROSECONDS_PER_MILLISECOND = 1000
_DAY_SECONDS = 86_400
_ROLLBACK = ("errors-5xx-percent", "errors-5xx-count", "model-latency-p99", "overhead-latency-p99")
_UTILISATION: dict[str, tuple[Utilisation, float]] = {
    "cpu_percent": ("CPUUtilization", 100 * 256),
    "memory_percent": ("MemoryUtilization", 100),
    "gpu_percent": ("GPUUtilization", 100 * 16),
    "gpu_memory_percent": ("GPUMemoryUtilization", 100 * 16),
    "disk_percent": ("DiskUtilization", 100),
}


@dataclass(frozen=True)
class AlarmThresholds:
    """When to raise an alarm; None leaves that alarm out.

    Errors, latencies and utilisation are judged by periods of `period_seconds`: `datapoints_to_alarm` of the
    last `evaluation_periods` must be over. `cpu_percent`, `gpu_percent` and `gpu_memory_percent` count every
    core and every device, as SageMaker does: four busy cores are 400. Periods are whole minutes, as
    SageMaker sends the metrics once a minute where the endpoint's configuration asks for no more
    (https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html).
    """

    errors_5xx_percent: float | None = 1.0
    errors_5xx_count: int | None = 10  # in a period
    errors_4xx_count: int | None = None  # in a period; callers' mistakes, so usually no alarm
    model_latency_p99_milliseconds: float | None = 1000.0
    overhead_latency_p99_milliseconds: float | None = 500.0
    no_traffic_minutes: int | None = 60
    cpu_percent: float | None = None
    memory_percent: float | None = None
    gpu_percent: float | None = None
    gpu_memory_percent: float | None = None
    disk_percent: float | None = 80.0
    period_seconds: int = 60
    evaluation_periods: int = 3
    datapoints_to_alarm: int = 2

    def __post_init__(self) -> None:
        _check(self)

    @property
    def seconds_to_alarm(self) -> int:
        """How long something must be wrong, at the least, before an alarm is raised."""
        return self.datapoints_to_alarm * self.period_seconds


def _check(thresholds: AlarmThresholds) -> None:
    bounds = {
        "errors_5xx_percent": (0, 100, "percent"),
        "errors_5xx_count": (1, 1e9, "errors a period"),
        "errors_4xx_count": (1, 1e9, "errors a period"),
        "model_latency_p99_milliseconds": (0.001, 3_600_000, "milliseconds"),
        "overhead_latency_p99_milliseconds": (0.001, 3_600_000, "milliseconds"),
        "no_traffic_minutes": (1, 1440, "minutes"),
        **{prop: (0.1, most, "percent") for prop, (_, most) in _UTILISATION.items()},
    }
    for prop, (minimum, maximum, unit) in bounds.items():
        value = getattr(thresholds, prop)
        if value is not None:
            number(prop, value, minimum, maximum, unit)
    whole("period_seconds", thresholds.period_seconds, 60, _DAY_SECONDS, "seconds")
    if thresholds.period_seconds % 60:
        raise InvalidProps(
            f"period_seconds is {thresholds.period_seconds}; give a multiple of 60, as SageMaker sends the "
            "metrics once a minute."
        )
    most_periods = _DAY_SECONDS // thresholds.period_seconds
    whole("evaluation_periods", thresholds.evaluation_periods, 1, most_periods, "periods (a day in all)")
    whole(
        "datapoints_to_alarm",
        thresholds.datapoints_to_alarm,
        1,
        thresholds.evaluation_periods,
        "(at most evaluation_periods)",
    )


class VariantAlarms(Construct):
    """The alarms of one variant, in `.by_kind`: errors-5xx-percent, model-latency-p99, no-traffic, ...

    With `name` they are called NAME-KIND, so that who is deployed before them can name them (the alarms of a
    deployment's automatic rollback: `rollback_alarm_names`); else CloudFormation names them.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        metrics: VariantMetrics,
        thresholds: AlarmThresholds,
        topic: sns.ITopic | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        self._metrics = metrics
        self._thresholds = thresholds
        self._action = actions.SnsAction(topic) if topic else None
        self._name = name
        self.by_kind: dict[str, cloudwatch.Alarm] = {}
        self._add_errors()
        self._add_latencies()
        self._add_no_traffic()
        self._add_utilisation()

    @property
    def all(self) -> Sequence[cloudwatch.Alarm]:
        return list(self.by_kind.values())

    @property
    def for_rollback(self) -> Sequence[cloudwatch.Alarm]:
        """Those that speak of a bad version: errors and latency. No traffic is nobody's fault."""
        return [alarm for kind, alarm in self.by_kind.items() if kind in _ROLLBACK]

    def _add_errors(self) -> None:
        limits, period = self._thresholds, self._thresholds.period_seconds
        if limits.errors_5xx_percent is not None:
            share = limits.errors_5xx_percent / 100
            text = f"More than {limits.errors_5xx_percent:g} % of the requests end in a 5XX error"
            self._add("errors-5xx-percent", self._metrics.error_rate("5XX", period), share, text)
        if limits.errors_5xx_count is not None:
            text = f"{limits.errors_5xx_count} or more requests in {period} s end in a 5XX error"
            metric = self._metrics.errors("5XX", period)
            self._add("errors-5xx-count", metric, limits.errors_5xx_count, text, or_equal=True)
        if limits.errors_4xx_count is not None:
            text = f"{limits.errors_4xx_count} or more requests in {period} s end in a 4XX error"
            metric = self._metrics.errors("4XX", period)
            self._add("errors-4xx-count", metric, limits.errors_4xx_count, text, or_equal=True)

    def _add_latencies(self) -> None:
        limits, period = self._thresholds, self._thresholds.period_seconds
        if limits.model_latency_p99_milliseconds is not None:
            text = f"1 % of the requests wait over {limits.model_latency_p99_milliseconds:g} ms for the model"
            threshold = limits.model_latency_p99_milliseconds * _MICROSECONDS_PER_MILLISECOND
            self._add(
                "model-latency-p99", self._metrics.latency("ModelLatency", "p99", period), threshold, text
            )
        if limits.overhead_latency_p99_milliseconds is not None:
            milliseconds = limits.overhead_latency_p99_milliseconds
            text = f"1 % of the requests wait over {milliseconds:g} ms beside the model's own time"
            threshold = milliseconds * _MICROSECONDS_PER_MILLISECOND
            self._add(
                "overhead-latency-p99",
                self._metrics.latency("OverheadLatency", "p99", period),
                threshold,
                text,
            )

    def _add_no_traffic(self) -> None:
        minutes = self._thresholds.no_traffic_minutes
        if minutes is None:
            return
        self._keep(
            "no-traffic",
            cloudwatch.Alarm(
                self,
                "NoTraffic",
                alarm_name=self._called("no-traffic"),
                alarm_description=f"No request for {minutes} minutes. {self._subject}",
                metric=self._metrics.invocations(minutes * 60),
                comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
                threshold=1,
                evaluation_periods=1,
                # Without a request SageMaker sends no datapoint at all.
                treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
            ),
        )

    def _add_utilisation(self) -> None:
        for prop, (metric_name, _) in _UTILISATION.items():
            limit = getattr(self._thresholds, prop)
            if limit is not None:
                kind = prop.replace("_", "-")
                text = f"{metric_name} is over {limit:g} %"
                metric = self._metrics.utilisation(metric_name, self._thresholds.period_seconds)
                self._add(kind, metric, limit, text)

    def _add(
        self, kind: str, metric: cloudwatch.Metric, threshold: float, text: str, *, or_equal: bool = False
    ) -> None:
        operator = cloudwatch.ComparisonOperator
        self._keep(
            kind,
            cloudwatch.Alarm(
                self,
                kind.title().replace("-", ""),
                alarm_name=self._called(kind),
                alarm_description=f"{text}. {self._subject}",
                metric=metric,
                comparison_operator=operator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
                if or_equal
                else operator.GREATER_THAN_THRESHOLD,
                threshold=threshold,
                evaluation_periods=self._thresholds.evaluation_periods,
                datapoints_to_alarm=self._thresholds.datapoints_to_alarm,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            ),
        )

    def _keep(self, kind: str, alarm: cloudwatch.Alarm) -> None:
        if self._action is not None:
            alarm.add_alarm_action(self._action)
            alarm.add_ok_action(self._action)
        self.by_kind[kind] = alarm

    def _called(self, kind: str) -> str | None:
        return f"{self._name}-{kind}" if self._name else None

    @property
    def _subject(self) -> str:
        return f"Endpoint {self._metrics.endpoint_name}, variant {self._metrics.variant_name}."


def rollback_alarm_names(name: str, thresholds: AlarmThresholds) -> list[str]:
    """The names of the alarms for a rollback that `VariantAlarms(name=name, thresholds=thresholds)` makes."""
    values = {
        "errors-5xx-percent": thresholds.errors_5xx_percent,
        "errors-5xx-count": thresholds.errors_5xx_count,
        "model-latency-p99": thresholds.model_latency_p99_milliseconds,
        "overhead-latency-p99": thresholds.overhead_latency_p99_milliseconds,
    }
    return [f"{name}-{kind}" for kind in _ROLLBACK if values[kind] is not None]
