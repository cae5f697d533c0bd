"""Where a log's lines come from: CloudWatch for a job or an endpoint, a file for the cloud itself."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gluonship.cli.cloud_log import CloudLog
from gluonship.cli.problems import Problem

if TYPE_CHECKING:
    from gluonship.aws.account import Account

_ENDED = ("Completed", "Failed", "Stopped")


def of_container(account: Account, name: str, follow: bool, count: int | None) -> Iterator[str]:
    """The lines of the training job or endpoint `name`, or of what is there only the last `count`.

    With `follow` it goes on until the job has ended or the endpoint is deleted. An endpoint's lines begin
    with their instance's name.
    """
    from gluonship.aws.log_lines import LogFollower

    group, prefix = _place(account, name)
    follower = LogFollower(account, group, prefix)
    if count is not None:
        yield from (_line(each, prefix) for each in follower.last_lines(count))
        if not follow:
            return
    while True:
        over = not follow or _ended(account, name, is_job=bool(prefix))
        yield from (_line(each, prefix) for each in follower.new_lines())
        if over:
            return
        time.sleep(account.poll_seconds)


def _line(written: tuple[str, str], prefix: str) -> str:
    stream, line = written
    return line if prefix else f"[{stream}] {line}"


def of_cloud(path: Path, follow: bool, count: int | None) -> Iterator[str]:
    """The lines of a cloud's own log, or of what is there only the last `count`; with `follow`, also those to
    come. An error is one line: its traceback stays in the file."""
    if not path.is_file():
        raise Problem(f"There is no {path}: no cloud was started there. `gluonship local up` starts one.")
    log = CloudLog(path.name)
    with path.open(encoding="utf-8", errors="replace") as file:
        shown = log.read(file)
        yield from (shown if count is None else deque(shown, maxlen=count))
        while follow:
            time.sleep(0.3)
            follow = path.stat().st_ino == os.fstat(file.fileno()).st_ino  # or a new cloud began its own
            yield from log.read(file)


def _place(account: Account, name: str) -> tuple[str, str]:
    """The log group and the streams' prefix of the training job or endpoint `name`."""
    from gluonship.aws import endpoints, log_lines, training

    if training.exists(account, name):
        return log_lines.TRAINING_GROUP, f"{name}/"
    group = log_lines.endpoint_group(name)
    found = account.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    # The log of a deleted endpoint stays.
    if endpoints.describe(account, name) or any(each["logGroupName"] == group for each in found):
        return group, ""
    raise Problem(f"There is no training job and no endpoint '{name}' here: see `gluonship local status`.")


def _ended(account: Account, name: str, is_job: bool) -> bool:
    if is_job:
        job = account.sagemaker.describe_training_job(TrainingJobName=name)
        return job["TrainingJobStatus"] in _ENDED

    from gluonship.aws import endpoints

    return endpoints.describe(account, name) is None
