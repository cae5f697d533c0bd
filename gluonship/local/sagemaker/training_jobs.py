"""Training jobs: CreateTrainingJob, Describe, List, Stop, Delete; one kind of job, declared."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from gluonship.local.contracts import Clock, Events, JobRunner
from gluonship.local.sagemaker.job_kinds import STATUS_WORDS, Job, JobKind, Limits, Operations
from gluonship.local.sagemaker.job_states import JobState, Transition, secondary_status, status
from gluonship.local.sagemaker.jobs import CAPACITY_WAIT_SECONDS, Jobs
from gluonship.local.sagemaker.tags import Tags
from gluonship.local.sagemaker.training_jobs_plan import model_uri, plan
from gluonship.local.sagemaker.training_jobs_request import accept

_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Interrupted": "Training job interrupted: the spot instance was taken back",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
}


_NOT_DESCRIBED = frozenset({"SessionChainingConfig"})  # Describe has no such member


class TrainingJobs(Jobs):
    """The training jobs of all scopes."""

    def __init__(
        self,
        runner: JobRunner,
        clock: Clock,
        events: Events,
        tags: Tags,
        *,
        stop_grace_seconds: float = 120.0,
        memory_limit_bytes: int | None = None,
        capacity_wait_seconds: float = CAPACITY_WAIT_SECONDS,
    ) -> None:
        super().__init__(
            training_job_kind(memory_limit_bytes=memory_limit_bytes),
            runner,
            clock,
            events,
            tags,
            stop_grace_seconds=stop_grace_seconds,
            capacity_wait_seconds=capacity_wait_seconds,
        )


def training_job_kind(*, memory_limit_bytes: int | None = None) -> JobKind:
    """The declaration. `memory_limit_bytes`: over all processes of a job's container."""
    return JobKind(
        name="TrainingJob",
        title="training job",
        name_member="TrainingJobName",
        arn_member="TrainingJobArn",
        arn_prefix="training-job",
        summaries_member="TrainingJobSummaries",
        operations=Operations(
            create="CreateTrainingJob",
            describe="DescribeTrainingJob",
            list="ListTrainingJobs",
            stop="StopTrainingJob",
            delete="DeleteTrainingJob",
        ),
        accept=accept,
        plan=partial(plan, memory_limit_bytes=memory_limit_bytes),
        describe=describe,
        summarise=summarise,
        limits=limits,
        selected=selected,
        already_exists=(
            "Training job names must be unique within an AWS account and region, "
            "and a training job with this name already exists ({arn})"
        ),
    )


def limits(request: Mapping[str, Any]) -> Limits:
    condition = request["StoppingCondition"]
    return Limits(
        runtime_seconds=condition["MaxRuntimeInSeconds"],
        wait_seconds=condition.get("MaxWaitTimeInSeconds"),
        spot=request["EnableManagedSpotTraining"],
    )


def describe(job: Job) -> dict[str, Any]:
    """What DescribeTrainingJob answers, beyond name, ARN and creation time."""
    state = job.state
    answer = {
        **{member: value for member, value in job.request.items() if member not in _NOT_DESCRIBED},
        "ModelArtifacts": {"S3ModelArtifacts": model_uri(job)},
        "TrainingJobStatus": STATUS_WORDS[status(state)],
        "SecondaryStatus": secondary_status(state),
        "SecondaryStatusTransitions": [_transition(transition) for transition in state.transitions],
        "LastModifiedTime": state.modified,
        "ProfilingStatus": "Disabled",
        **_times(state),
    }
    if state.failure_reason is not None:
        answer["FailureReason"] = state.failure_reason
    if state.metrics:
        answer["FinalMetricDataList"] = [
            {"MetricName": name, "Value": value, "Timestamp": time}
            for name, (value, time) in state.metrics.items()
        ]
    return answer


def summarise(job: Job) -> dict[str, Any]:
    """One TrainingJobSummary, beyond name, ARN and creation time."""
    state = job.state
    summary = {
        "LastModifiedTime": state.modified,
        "TrainingJobStatus": STATUS_WORDS[status(state)],
        "SecondaryStatus": secondary_status(state),
    }
    return {**summary, "TrainingEndTime": state.ended} if state.ended is not None else summary


def selected(job: Job, request: Mapping[str, Any]) -> bool:
    """No job here has a warm pool or a training plan, so these filters leave none."""
    return not (request.get("WarmPoolStatusEquals") or request.get("TrainingPlanArnEquals"))


def _transition(transition: Transition) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Status": transition.secondary,
        "StartTime": transition.start,
        "StatusMessage": _MESSAGES[transition.secondary],
    }
    return shown if transition.end is None else {**shown, "EndTime": transition.end}


def _times(state: JobState) -> dict[str, Any]:
    """Start, end and what is paid for. Training time is from the first instance to the end; billed are the
    seconds on an instance, so waiting after an interruption is free. AWS counts at least one second."""
    if state.started is None:
        return {} if state.ended is None else {"TrainingEndTime": state.ended}
    if state.ended is None:
        return {"TrainingStartTime": state.started}
    return {
        "TrainingStartTime": state.started,
        "TrainingEndTime": state.ended,
        "TrainingTimeInSeconds": max(1, round((state.ended - state.started).total_seconds())),
        "BillableTimeInSeconds": max(1, round(state.ran_seconds)),
    }
