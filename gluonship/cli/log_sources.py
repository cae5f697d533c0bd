"""Where a log's lines come from: CloudWatch for a job or an endpoint, a file for the cloud itself."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gluonship.cli.problems import Problem

if TYPE_CHECKING:
    from gluonship.aws.account import Account

_ENDED = ("Completed", "Failed", "Stopped")


def of_container(account: Account, name: str, follow: bool) -> Iterator[str | None]:
    """The lines of the training job or endpoint `name`; None whenever there is nothing new.

    With `follow` it goes on until the job has ended or the endpoint is deleted. An endpoint's lines begin
    with their instance's name.
    """
    from gluonship.aws.log_lines import LogFollower

    group, prefix = _place(account, name)
    follower = LogFollower(account, group, prefix)
    while True:
        over = not follow or _ended(account, name, is_job=bool(prefix))
        for stream, line in follower.new_lines():
            yield line if prefix else f"[{stream}] {line}"
        if over:
            return
        yield None
        time.sleep(account.poll_seconds)


def of_file(path: Path, follow: bool) -> Iterator[str | None]:
    """The lines of a file; None whenever there is nothing new."""
    if not path.is_file():
        raise Problem(f"There is no {path}: no cloud was started there. `gluonship local up` starts one.")
    with path.open(encoding="utf-8", errors="replace") as file:
        while True:
            for line in file:
                yield line.rstrip("\n")
            if not follow or path.stat().st_ino != os.fstat(file.fileno()).st_ino:
                return  # a new cloud may have begun a log of its own
            yield None
            time.sleep(0.3)


def last(source: Iterator[str | None], count: int | None) -> Iterator[str]:
    """The lines of `source`; of what is there at first (before a None) only the last `count`."""
    present: deque[str] = deque(maxlen=count)
    for line in source:
        if line is None:
            break
        present.append(line)
    yield from present
    yield from (line for line in source if line is not None)


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
