"""Execution histories in CloudWatch Logs, as a machine's loggingConfiguration asks.

AWS: "Using CloudWatch Logs to log execution history in Step Functions".
"""

from __future__ import annotations

import hashlib
import json
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from gluonship.local.contracts import AwsError, Clients, Clock, Scope
from gluonship.local.stepfunctions.history import ENDS
from gluonship.local.stepfunctions.machines import Chosen

_log = logging.getLogger(__name__)
_FATAL = tuple(kind for kind in ENDS if kind != "ExecutionSucceeded")
_MOST_LINES = 10_000  # of one PutLogEvents
_ENOUGH_CHARACTERS = 128 * 1024  # and one more line: of any alphabet, below its 1 MiB
_DATA = ("input", "inputDetails", "output", "outputDetails", "parameters")


def checked_logging(configuration: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration itself. Raises AwsError InvalidLoggingConfiguration."""
    destinations = configuration.get("destinations", [])
    if configuration.get("level", "OFF") != "OFF" and len(destinations) != 1:
        raise AwsError(
            "InvalidLoggingConfiguration",
            "Invalid Logging Configuration: Must specify exactly one Log Destination.",
        )
    for destination in destinations:
        arn = destination.get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
        if ":log-group:" not in arn or not arn.endswith(":*"):
            raise AwsError(
                "InvalidLoggingConfiguration",
                f"Invalid Logging Configuration: the log group's ARN must end with :*, not {arn!r}.",
            )
    return configuration


def delivery(
    clients: Clients, scope: Scope, chosen: Chosen, arn: str, clock: Clock
) -> Callable[[Mapping[str, Any]], None] | None:
    """What delivers the events of one execution, or None where nothing is to be logged."""
    settings = chosen.revision.logging
    level = settings.get("level", "OFF")
    if level == "OFF":
        return None
    group = settings["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"].split(":log-group:")[1][:-2]
    mark = hashlib.sha256(arn.encode()).hexdigest()[:8]
    stream = f"states/{chosen.machine.name}/{clock.now():%Y-%m-%d-%H-%M}/{mark}"
    with_data = settings.get("includeExecutionData", False)
    writer = _Writer(clients, scope, group, stream)

    def deliver(event: Mapping[str, Any]) -> None:
        kind = event["type"]
        if (
            level == "ALL"
            or kind in _FATAL
            or (level == "ERROR" and kind.endswith(("Failed", "TimedOut", "Aborted")))
        ):
            writer.add(event["timestamp"], _message(event, arn, with_data))
        if kind in ENDS:
            writer.end()

    return deliver


def _message(event: Mapping[str, Any], arn: str, with_data: bool) -> str:
    details: Mapping[str, Any] = next(
        (value for name, value in event.items() if name.endswith("EventDetails")), {}
    )
    return json.dumps(
        {
            "id": str(event["id"]),
            "type": event["type"],
            "details": {name: value for name, value in details.items() if with_data or name not in _DATA},
            "previous_event_id": str(event["previousEventId"]),
            "event_timestamp": str(_milliseconds(event["timestamp"])),
            "execution_arn": arn,
        },
        separators=(",", ":"),
    )


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)


class _Writer:
    """Writes one stream, on a thread of its own: no state waits for its log."""

    def __init__(self, clients: Clients, scope: Scope, group: str, stream: str) -> None:
        self._clients, self._scope, self._group, self._stream = clients, scope, group, stream
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, time: datetime, message: str) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="states-log", daemon=True)
            self._thread.start()
        self._lines.put({"timestamp": _milliseconds(time), "message": message})

    def end(self) -> None:
        self._lines.put(None)

    def _run(self) -> None:
        try:
            logs = self._clients(self._scope, "logs")
            logs.create_log_stream(logGroupName=self._group, logStreamName=self._stream)
            while (batch := self._batch()) is not None:
                logs.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=batch)
        except (ClientError, BotoCoreError) as error:  # AWS delivers on best effort too
            _log.warning("the log of executions cannot be written to %s: %s", self._group, error)

    def _batch(self) -> list[dict[str, Any]] | None:
        """What waits, at least one line; None at the end."""
        line = self._lines.get()
        if line is None:
            return None
        batch, size = [line], len(line["message"])
        while len(batch) < _MOST_LINES and size < _ENOUGH_CHARACTERS and not self._lines.empty():
            line = self._lines.get()
            if line is None:
                self._lines.put(None)
                break
            batch.append(line)
            size += len(line["message"])
        return batch
