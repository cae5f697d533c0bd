"""Metric values to CloudWatch, in the background: contracts.Metrics."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from gluonship.local.contracts import Scope

_log = logging.getLogger(__name__)

_FLUSH_SECONDS = 0.5
_MAX_DATA = 1000  # of one PutMetricData
_MAX_WAITING = 100_000  # a script that prints metrics without end must not fill the memory


class CloudWatchMetrics:
    def __init__(self, clients: Callable[[str, str], Any]) -> None:
        self._clients = clients
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._waiting: dict[tuple[str, str], list[dict[str, Any]]] = {}  # by region and namespace
        self._count = 0
        self._timer: threading.Timer | None = None

    def put(
        self,
        scope: Scope,
        namespace: str,
        name: str,
        value: float,
        time: datetime,
        dimensions: Mapping[str, str],
    ) -> None:
        if not math.isfinite(value):
            return  # CloudWatch takes neither NaN nor infinities
        datum = {
            "MetricName": name,
            "Value": value,
            "Timestamp": time,
            "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
        }
        with self._lock:
            if self._count >= _MAX_WAITING:
                _log.warning("too many metric values wait: one of %s is dropped", name)
                return
            self._waiting.setdefault((scope.region, namespace), []).append(datum)
            self._count += 1
            if self._timer is None:
                self._timer = threading.Timer(_FLUSH_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        with self._sending:  # so that it also waits for what another thread has under way
            with self._lock:
                waiting, self._waiting, self._count = self._waiting, {}, 0
                timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
            for (region, namespace), data in waiting.items():
                for start in range(0, len(data), _MAX_DATA):
                    self._send(region, namespace, data[start : start + _MAX_DATA])

    def _send(self, region: str, namespace: str, data: list[dict[str, Any]]) -> None:
        try:
            self._clients("cloudwatch", region).put_metric_data(Namespace=namespace, MetricData=data)
        except (ClientError, BotoCoreError) as error:
            _log.warning("%d metric values of %s did not reach CloudWatch: %s", len(data), namespace, error)
