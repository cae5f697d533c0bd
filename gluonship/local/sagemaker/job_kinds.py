"""What a kind of job is: a declaration. The states (job_states.py) and the engine (jobs.py) do the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from gluonship.local.contracts import JobPlan, Scope
from gluonship.local.sagemaker.job_states import JobState, Status, secondary_status, status

STATUS_WORDS: Mapping[Status, str] = {
    Status.IN_PROGRESS: "InProgress",
    Status.STOPPING: "Stopping",
    Status.COMPLETED: "Completed",
    Status.FAILED: "Failed",
    Status.STOPPED: "Stopped",
}
"""AWS's words for the statuses of training, processing and transform jobs."""


@dataclass(frozen=True)
class Job:
    """A job at one moment: what was asked for, with AWS's defaults filled in, and what became of it."""

    scope: Scope
    name: str
    arn: str
    request: Mapping[str, Any]
    state: JobState


@dataclass(frozen=True)
class Limits:
    """How long a job may take. `spot`: it may be interrupted, and is started again afterwards."""

    runtime_seconds: float
    wait_seconds: float | None = None  # from its creation on, waiting for instances included
    spot: bool = False


@dataclass(frozen=True)
class Operations:
    """The AWS operations of a kind, by their names; None where AWS has none."""

    create: str
    describe: str
    list: str
    stop: str
    delete: str | None = None


@dataclass(frozen=True)
class JobKind:
    """A kind of job of SageMaker.

    accept: the request, valid by botocore's model, to what is kept of it: checked as AWS does at the call,
        with AWS's defaults filled in. Raises AwsError.
    plan: what an attempt that starts now does on this machine. Pure.
    describe, summarise: the members of the Describe operation's answer and of the List operation's summary,
        but for the name, the ARN and the creation time, which every kind has.
    limits: from what `accept` kept.
    selected: the List operation's filters beyond those that all kinds have.
    """

    name: str  # "TrainingJob", as StateChange.kind
    title: str  # "training job", in messages
    name_member: str  # "TrainingJobName"
    arn_member: str  # "TrainingJobArn"
    arn_prefix: str  # "training-job"
    summaries_member: str  # "TrainingJobSummaries"
    operations: Operations
    accept: Callable[[Mapping[str, Any]], dict[str, Any]]
    plan: Callable[[Job, datetime], JobPlan]
    describe: Callable[[Job], dict[str, Any]]
    summarise: Callable[[Job], dict[str, Any]]
    limits: Callable[[Mapping[str, Any]], Limits]
    selected: Callable[[Job, Mapping[str, Any]], bool] = lambda job, request: True
    status_words: Mapping[Status, str] = field(default_factory=lambda: STATUS_WORDS)
    has_secondary_status: bool = True
    default_sort_order: Literal["Ascending", "Descending"] = "Ascending"
    already_exists: str = "A {title} with the name {name} already exists ({arn})"
    missing_code: str = "ValidationException"
    missing: str = "Requested resource not found."

    def arn(self, scope: Scope, name: str) -> str:
        return scope.arn("sagemaker", f"{self.arn_prefix}/{name}")

    def shown(self, job: Job) -> tuple[str, str | None]:
        """The job's status in AWS's words, and its secondary status where the kind has one."""
        secondary = secondary_status(job.state) if self.has_secondary_status else None
        return self.status_words[status(job.state)], secondary
