"""The metrics of rules in CloudWatch, namespace AWS/Events: TriggeredRules, Invocations, FailedInvocations.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html. An invocation counts once it has
succeeded or failed for good; attempts in between do not.
"""

from __future__ import annotations

import collections
import logging
import threading
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from gluonship.local.contracts import Clients, Scope

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.5
_MOST = 1000  # of one PutMetricData


class InvocationMetrics:
    """Counts, and sends the sums in the background: deliveries do not wait for CloudWatch."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._lock = threading.Lock()
        self._sums: collections.Counter[tuple[Scope, str, str, str]] = collections.Counter()
        self._time: datetime | None = None
        self._timer: threading.Timer | None = None

    def triggered(self, scope: Scope, bus: str, rule: str, time: datetime) -> None:
        self._count(("TriggeredRules",), scope, bus, rule, time)

    def invoked(self, scope: Scope, bus: str, rule: str, time: datetime, success: bool) -> None:
        names = ("Invocations",) if success else ("Invocations", "FailedInvocations")
        self._count(names, scope, bus, rule, time)

    def close(self) -> None:
        """What has not been sent is dropped: nobody could read it."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()

    def _count(self, names: tuple[str, ...], scope: Scope, bus: str, rule: str, time: datetime) -> None:
        with self._lock:
            self._sums.update((scope, bus, rule, name) for name in names)
            self._time = time
            if self._timer is None:
                self._timer = threading.Timer(_PAUSE_SECONDS, self._flush)
                self._timer.daemon = True
                self._timer.start()

    def _flush(self) -> None:
        with self._lock:
            sums, self._sums, self._timer = self._sums, collections.Counter(), None
            time = self._time
        by_scope: dict[Scope, list[dict[str, object]]] = {}
        for (scope, bus, rule, name), value in sums.items():
            dimensions = [{"Name": "RuleName", "Value": rule}]
            if bus != "default":
                dimensions.append({"Name": "EventBusName", "Value": bus})
            datum = {"MetricName": name, "Dimensions": dimensions, "Timestamp": time, "Value": float(value)}
            by_scope.setdefault(scope, []).append({**datum, "Unit": "Count"})
        for scope, data in by_scope.items():
            for start in range(0, len(data), _MOST):
                self._send(scope, data[start : start + _MOST])

    def _send(self, scope: Scope, data: list[dict[str, object]]) -> None:
        try:
            self._clients(scope, "cloudwatch").put_metric_data(Namespace="AWS/Events", MetricData=data)
        except (BotoCoreError, ClientError) as error:
            _log.warning("%d values of AWS/Events did not reach CloudWatch: %s", len(data), error)
