"""`gluonship local logs`: in order of time over all instances, and a line an error of the cloud's."""

from __future__ import annotations

import io
import logging
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from gluonship.cli.cloud_log import CloudLog
from gluonship.cli.main import run


def test_lines_of_several_instances_are_in_order_of_time(
    cloud: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also across the pages that CloudWatch answers with."""
    name = f"instances-{uuid.uuid4().hex[:6]}"
    group, logs = f"/aws/sagemaker/Endpoints/{name}", cloud.client("logs")
    start = int(time.time() * 1000) - 3_600_000  # CloudWatch refuses what is old
    logs.create_log_group(logGroupName=group)
    for number, stream in enumerate(("one/i-2", "one/i-1", "two/i-1")):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        lines = [{"timestamp": start + 3 * at + number, "message": str(3 * at + number)} for at in range(60)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=lines)
    monkeypatch.setenv("GLUONSHIP_HOME", str(cloud.home))
    monkeypatch.setattr("gluonship.aws.log_lines.PAGE_EVENTS", 7)
    assert run(["local", "logs", name]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.partition("] ")[2] for line in shown] == [str(number) for number in range(180)]
    assert [line.partition("] ")[0] for line in shown[:4]] == ["[one/i-2", "[one/i-1", "[two/i-1", "[one/i-2"]
    assert run(["local", "logs", name, "-n", "4"]) == 0
    assert capsys.readouterr().out.splitlines() == shown[-4:]


def _fail() -> None:
    try:
        raise KeyError("inner")
    except KeyError as error:
        raise ValueError("two lines:\n  of a message\nand a third") from error


def written() -> str:
    """What the cloud's logging writes for a warning, two errors with tracebacks, and a last line."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log = logging.Logger("gluonship.local")
    log.addHandler(handler)
    log.warning("refused: something")
    try:
        _fail()
    except ValueError:
        log.exception("CreateModel failed")
    log.info("between")
    text.write("Exception in thread Thread-7 (run):\n")
    try:
        _fail()
    except ValueError:
        text.write(logging.Formatter().formatException(__import__("sys").exc_info()) + "\n")
    log.info("the last")
    return text.getvalue()


def test_an_error_of_the_cloud_is_one_line_that_says_where_the_rest_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = written()
    (tmp_path / "cloud.log").write_text(text)
    monkeypatch.setenv("GLUONSHIP_HOME", str(tmp_path))
    assert run(["local", "logs"]) == 0
    shown = capsys.readouterr().out.splitlines()
    second = text.splitlines().index("Exception in thread Thread-7 (run):") + 2
    assert [line.partition("gluonship.local: ")[2] or line for line in shown] == [
        "refused: something",
        "CreateModel failed: ValueError: two lines: (line 3 of cloud.log)",
        "between",
        f"Exception in thread Thread-7 (run): ValueError: two lines: (line {second} of cloud.log)",
        "the last",
    ]
    assert run(["local", "logs", "-n", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == shown[-2:]


def test_a_log_that_grows_is_read_on_with_the_right_line_numbers() -> None:
    log, lines = CloudLog("cloud.log"), written().splitlines(keepends=True)
    cut = next(place for place, line in enumerate(lines) if "between" in line)
    together = list(CloudLog("cloud.log").read(lines))
    assert [*log.read(lines[:cut]), *log.read(lines[cut:])] == together
    assert list(log.read([])) == []
