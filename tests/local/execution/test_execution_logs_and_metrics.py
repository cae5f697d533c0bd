"""CloudWatch Logs and CloudWatch over HTTP, and what is kept on disk."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from execution_parts import REGION, SCOPE, Clients, eventually

from gluonship.local.contracts import MetricDefinition
from gluonship.local.execution import log_batches
from gluonship.local.execution.log_batches import Event, batches, events
from gluonship.local.execution.logs import CloudWatchLogs
from gluonship.local.execution.metric_lines import MetricReader
from gluonship.local.execution.metrics import CloudWatchMetrics

GROUP = "/aws/sagemaker/TrainingJobs"


def messages(clients: Clients, stream: str) -> list[str]:
    client = clients("logs", REGION)
    found: list[str] = []
    token: dict[str, Any] = {}
    while True:
        page = client.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True, **token)
        found += [each["message"] for each in page["events"]]
        if not page["events"]:
            return found
        token = {"nextToken": page["nextForwardToken"]}


def test_a_log_is_in_cloudwatch_and_on_disk(clients: Clients, tmp_path: Path) -> None:
    logs = CloudWatchLogs(clients, tmp_path)
    stream = logs.open(SCOPE, GROUP, "job/algo-1-1")
    lines = [f"line {number} é" for number in range(12_000)]  # more than one batch
    for line in lines:
        stream.write(line)
    stream.write("")
    stream.close()
    stream.close()  # a second time does no harm
    assert messages(clients, "job/algo-1-1") == lines
    file = logs.file_of(SCOPE, GROUP, "job/algo-1-1")
    assert file.is_relative_to(tmp_path)
    assert file.read_text().splitlines() == [*lines, ""]


def test_a_log_can_be_followed(clients: Clients, tmp_path: Path) -> None:
    stream = CloudWatchLogs(clients, tmp_path).open(SCOPE, GROUP, "live/algo-1-1")
    stream.write("first words")
    assert eventually(lambda: messages(clients, "live/algo-1-1") == ["first words"], 3.0)
    stream.close()


def test_a_log_above_the_cap_is_cut_and_says_where_it_is(clients: Clients, tmp_path: Path) -> None:
    logs = CloudWatchLogs(clients, tmp_path, cap_bytes=10_000)
    stream = logs.open(SCOPE, GROUP, "long/algo-1-1")
    lines = [f"{number:06d}" + "x" * 94 for number in range(1000)]
    started = time.monotonic()
    for line in lines:
        stream.write(line)
    assert time.monotonic() - started < 1.0
    stream.close()
    seen = messages(clients, "long/algo-1-1")
    head = [line for line in seen if not line.startswith("gluonship: ")]
    assert head[:79] == lines[:79]  # 126 bytes each, as CloudWatch counts
    assert head[79:] == lines[-20:]
    file = logs.file_of(SCOPE, GROUP, "long/algo-1-1")
    assert seen[79] == f"gluonship: this log is too long for here; all of it is in {file}"
    assert file.read_text().splitlines() == lines


def test_a_stream_deleted_meanwhile_does_not_end_the_job(clients: Clients, tmp_path: Path) -> None:
    logs = CloudWatchLogs(clients, tmp_path)
    stream = logs.open(SCOPE, GROUP, "gone/algo-1-1")
    clients("logs", REGION).delete_log_stream(logGroupName=GROUP, logStreamName="gone/algo-1-1")
    stream.write("words")
    stream.close()
    assert logs.file_of(SCOPE, GROUP, "gone/algo-1-1").read_text() == "words\n"


@pytest.mark.parametrize("stream", ["../../../x", "a/../../b", "/x"])
def test_names_stay_in_the_home(clients: Clients, tmp_path: Path, stream: str) -> None:
    file = CloudWatchLogs(clients, tmp_path).file_of(SCOPE, GROUP, stream)
    assert file.resolve().is_relative_to(tmp_path / "logs")


def test_batches_keep_the_limits() -> None:
    long = "é" * 400_000  # 800 kB: four events
    waiting = [*events(1, long), *(Event(2, "x") for _ in range(25_000)), *events(3, "")]
    made = list(batches(waiting))
    assert [event for batch in made for event in batch] == waiting
    assert "".join(event.message for event in events(1, long)) == long
    for batch in made:
        assert len(batch) <= 10_000
        assert sum(len(event.message.encode()) + 26 for event in batch) <= 1_048_576
        assert all(len(event.message.encode()) + 26 <= log_batches.MAX_EVENT_BYTES for event in batch)


def test_metrics_reach_cloudwatch(clients: Clients) -> None:
    metrics = CloudWatchMetrics(clients)
    now = datetime.now(UTC)
    for value in (0.25, float("nan"), 0.75):
        metrics.put(SCOPE, GROUP, "train:loss", value, now, {"TrainingJobName": "j"})
    metrics.flush()
    answer = clients("cloudwatch", REGION).get_metric_statistics(
        Namespace=GROUP,
        MetricName="train:loss",
        Dimensions=[{"Name": "TrainingJobName", "Value": "j"}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=600,
        Statistics=["SampleCount", "Average"],
    )
    (point,) = answer["Datapoints"]
    assert (point["SampleCount"], point["Average"]) == (2.0, 0.5)


def test_metrics_flush_by_themselves(clients: Clients) -> None:
    metrics = CloudWatchMetrics(clients)
    metrics.put(SCOPE, "Mine", "m", 1.0, datetime.now(UTC), {})
    client = clients("cloudwatch", REGION)
    assert eventually(lambda: bool(client.list_metrics(Namespace="Mine")["Metrics"]), 3.0)


class Measured:
    """A reader's log and what it found in it; time passes by a second a line."""

    def __init__(self, *definitions: MetricDefinition) -> None:
        self.found: list[tuple[str, float]] = []
        self.times: list[datetime] = []
        self.said: list[str] = []
        self.clock = datetime(2026, 1, 2, tzinfo=UTC)
        self.reader = MetricReader(definitions, self._found, self.said.append, self._now, "job")

    def read(self, lines: Iterable[str]) -> list[tuple[str, float]]:
        for line in lines:
            self.reader.read(line)
        self.reader.finish()
        return self.found

    def _found(self, name: str, value: float, time: datetime) -> None:
        self.found.append((name, value))
        self.times.append(time)

    def _now(self) -> datetime:
        self.clock += timedelta(seconds=1)
        return self.clock


LOSS = MetricDefinition("loss", "loss=([0-9.eE+-]+)")


def test_metric_lines() -> None:
    measured = Measured(LOSS, MetricDefinition("whole", "[0-9]+%"), MetricDefinition("word", "is (\\w+)"))
    lines = ["epoch=1 loss=0.5 val loss=1e-3 is bad", "is 7", "nothing", "loss=2 is 3"]
    assert measured.read(lines) == [
        ("loss", 0.5),
        ("loss", 1e-3),
        ("word", 7.0),
        ("loss", 2.0),
        ("word", 3.0),
    ]
    assert [time.second for time in measured.times] == [1, 1, 2, 4, 4]
    with pytest.raises(ValueError, match="metric 'm' is not valid"):
        Measured(MetricDefinition("m", "("))


def test_a_long_log_is_read_in_order_and_whole() -> None:
    measured = Measured(LOSS)
    lines = [f"loss={number} {'x' * (number % 50)}" for number in range(20_000)]
    lines[7] = "x" * 8000 + " loss=7 " + "x" * 300_000 + "loss=8"  # what comes so late is not searched
    lines[9:9] = [""] * 40_000
    assert measured.read(lines) == [("loss", number) for number in range(20_000)]
    assert measured.said == []
