""".sync: a task that starts a job and ends with it. Nobody polls: jobs tell the stream of state changes.

AWS: "Run a Job (.sync)". When the state is stopped, so is its job: by its TimeoutSeconds, by StopExecution,
by the failure of another branch.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gluonship.local.contracts import StateChange
from gluonship.local.stepfunctions.failures import TASK_FAILED, StatesError
from gluonship.local.stepfunctions.frames import Run
from gluonship.local.stepfunctions.halting import Halt, HaltedError, wait
from gluonship.local.stepfunctions.json_text import compact
from gluonship.local.stepfunctions.resources import Resource
from gluonship.local.stepfunctions.service_calls import ServiceCall

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A kind of job: how to ask for one, and when it has ended."""

    kind: str  # StateChange's
    key: str  # the member that names one in Describe and Stop
    from_answer: str  # the member of the submission's answer that holds the key; "" when it is the request's
    describe: str
    stop: str
    status: str
    good: str
    bad: frozenset[str]


_TEXTS: tuple[str, ...] = ("Input", "Output")
_ENDED_BADLY = frozenset(("Failed", "Stopped"))
JOBS: Mapping[str, Job] = {
    "CreateTrainingJob": Job(
        "TrainingJob",
        "TrainingJobName",
        "",
        "DescribeTrainingJob",
        "StopTrainingJob",
        "TrainingJobStatus",
        "Completed",
        _ENDED_BADLY,
    ),
    "CreateProcessingJob": Job(
        "ProcessingJob",
        "ProcessingJobName",
        "",
        "DescribeProcessingJob",
        "StopProcessingJob",
        "ProcessingJobStatus",
        "Completed",
        _ENDED_BADLY,
    ),
    "StartExecution": Job(
        "StateMachineExecution",
        "executionArn",
        "ExecutionArn",
        "DescribeExecution",
        "StopExecution",
        "Status",
        "SUCCEEDED",
        frozenset(("FAILED", "ABORTED", "TIMED_OUT")),
    ),
}


class Watch:
    """Listens for the end of one job. Begun before the job, so that no change is missed."""

    def __init__(self, run: Run, job: Job) -> None:
        self._run = run
        self._job = job
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._name: str | None = None
        self._heard: set[str] = set()
        self._leave = run.around.events.subscribe(self._hear)

    def follow(self, name: str) -> None:
        """The job has this name (an execution its ARN)."""
        with self._lock:
            self._name = name
            if name in self._heard:
                self._ended.set()

    def wait(self, halt: Halt) -> None:
        wait(self._ended, halt)

    def close(self) -> None:
        self._leave()

    def _hear(self, change: StateChange) -> None:
        if change.kind != self._job.kind or change.scope != self._run.scope:
            return
        if change.status != self._job.good and change.status not in self._job.bad:
            return
        with self._lock:
            if self._name is None:
                self._heard.update((change.name, change.arn))
            elif self._name in (change.name, change.arn):
                self._ended.set()


def finish(
    resource: Resource,
    call: ServiceCall,
    watch: Watch,
    request: Mapping[str, Any],
    answer: Mapping[str, Any],
    halt: Halt,
) -> dict[str, Any]:
    """The job's description when it has ended well. Raises StatesError States.TaskFailed with the description
    as its cause, HaltedError when the job was stopped with its state, and what Describe raises."""
    job = JOBS[resource.operation]
    name = str(answer[job.from_answer] if job.from_answer else request[job.key])
    watch.follow(name)
    try:
        described = call.described(job.describe, {job.key: name})
        if not _ended(job, described):
            watch.wait(halt)
            described = call.described(job.describe, {job.key: name})
    except (HaltedError, StatesError):  # nobody would follow the job any more
        _stop(call, job, name)
        raise
    shown = _shown(resource, described)
    if described.get(job.status) != job.good:
        raise StatesError(TASK_FAILED, compact(shown))
    return shown


def _ended(job: Job, described: Mapping[str, Any]) -> bool:
    return described.get(job.status) == job.good or described.get(job.status) in job.bad


def _shown(resource: Resource, described: dict[str, Any]) -> dict[str, Any]:
    """sync:2 gives an execution's input and output as JSON, sync as texts."""
    if resource.pattern != "sync:2":
        return described
    parsed: dict[str, Any] = {name: json.loads(described[name]) for name in _TEXTS if name in described}
    return {**described, **parsed}


def _stop(call: ServiceCall, job: Job, name: str) -> None:
    try:
        call.call(job.stop, {job.key: name})
    except StatesError as error:
        _log.info("%s of %s: %s", job.stop, name, error.cause)  # it has just ended
