"""Processing jobs: CreateProcessingJob, Describe, List, Stop, Delete; one kind of job, declared."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from gluonship.local.contracts import Clock, Events, JobRunner
from gluonship.local.sagemaker.job_kinds import STATUS_WORDS, Job, JobKind, Limits, Operations
from gluonship.local.sagemaker.job_states import JobState, status
from gluonship.local.sagemaker.jobs import Jobs
from gluonship.local.sagemaker.processing_jobs_plan import plan
from gluonship.local.sagemaker.processing_jobs_request import accept
from gluonship.local.sagemaker.tags import Tags


class ProcessingJobs(Jobs):
    """The processing jobs of all scopes."""

    def __init__(
        self,
        runner: JobRunner,
        clock: Clock,
        events: Events,
        tags: Tags,
        *,
        stop_grace_seconds: float = 120.0,
        memory_limit_bytes: int | None = None,
    ) -> None:
        kind = processing_job_kind(memory_limit_bytes=memory_limit_bytes)
        super().__init__(kind, runner, clock, events, tags, stop_grace_seconds=stop_grace_seconds)


def processing_job_kind(*, memory_limit_bytes: int | None = None) -> JobKind:
    """The declaration. `memory_limit_bytes`: over all processes of a job's container."""
    return JobKind(
        name="ProcessingJob",
        title="processing job",
        name_member="ProcessingJobName",
        arn_member="ProcessingJobArn",
        arn_prefix="processing-job",
        summaries_member="ProcessingJobSummaries",
        operations=Operations(
            create="CreateProcessingJob",
            describe="DescribeProcessingJob",
            list="ListProcessingJobs",
            stop="StopProcessingJob",
            delete="DeleteProcessingJob",
        ),
        accept=accept,
        plan=partial(plan, memory_limit_bytes=memory_limit_bytes),
        describe=describe,
        summarise=summarise,
        limits=limits,
        has_secondary_status=False,
        already_exists=(
            "Job name must be unique within an AWS account and region, "
            "and a job with this name already exists ({arn})"
        ),
        missing="Could not find requested job with name: {name}",
    )


def limits(request: Mapping[str, Any]) -> Limits:
    return Limits(runtime_seconds=request["StoppingCondition"]["MaxRuntimeInSeconds"])


def describe(job: Job) -> dict[str, Any]:
    """What DescribeProcessingJob answers, beyond name, ARN and creation time."""
    started = {} if job.state.started is None else {"ProcessingStartTime": job.state.started}
    return {**job.request, **_shown(job.state), **started}


def summarise(job: Job) -> dict[str, Any]:
    """One ProcessingJobSummary, beyond name, ARN and creation time."""
    return _shown(job.state)


def _shown(state: JobState) -> dict[str, Any]:
    shown = {
        "ProcessingJobStatus": STATUS_WORDS[status(state)],
        "LastModifiedTime": state.modified,
        "ProcessingEndTime": state.ended,
        "FailureReason": state.failure_reason,
        "ExitMessage": state.exit_message,
    }
    return {member: value for member, value in shown.items() if value is not None}
