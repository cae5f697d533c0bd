"""Stand-ins at the boundary of gluonship.local.contracts: a clock that is moved by hand, a runner that is
driven step by step, a stream that keeps what it is told. And a check of answers against botocore's model."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from gluonship.local.contracts import (
    Failure,
    JobListener,
    JobOutcome,
    JobPhase,
    JobPlan,
    JobResult,
    Scope,
    StateChange,
)
from gluonship.local.sagemaker.tags import Tags
from gluonship.local.sagemaker.training_jobs import TrainingJobs

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SCOPE = Scope("123456789012", "eu-west-1")
MXNET_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38"


@dataclass
class ManualTimer:
    due: datetime
    action: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """Stands still until `advance`; then fires what is due, in order, at its own time."""

    def __init__(self) -> None:
        self._now = START
        self.timers: list[ManualTimer] = []

    def now(self) -> datetime:
        return self._now

    def call_later(self, seconds: float, action: Callable[[], None]) -> ManualTimer:
        timer = ManualTimer(self._now + timedelta(seconds=seconds), action)
        self.timers.append(timer)
        return timer

    @property
    def waiting(self) -> list[ManualTimer]:
        return [timer for timer in self.timers if not timer.cancelled]

    def advance(self, seconds: float) -> None:
        end = self._now + timedelta(seconds=seconds)
        while due := [timer for timer in self.waiting if timer.due <= end]:
            timer = min(due, key=lambda one: one.due)
            self.timers.remove(timer)
            self._now = max(self._now, timer.due)
            timer.action()
        self._now = end


@dataclass
class FakeRun:
    """One started attempt, and what it was asked to do."""

    plan: JobPlan
    listener: JobListener
    graces: list[float] = field(default_factory=list)
    interrupts: int = 0

    def stop(self, grace_seconds: float) -> None:
        self.graces.append(grace_seconds)

    def interrupt(self) -> None:
        self.interrupts += 1

    def enter(self, *phases: JobPhase) -> None:
        for phase in phases:
            self.listener.entered(phase)

    def finish(
        self,
        outcome: JobOutcome,
        failure: Failure | None = None,
        metrics: Mapping[str, tuple[float, datetime]] | None = None,
    ) -> None:
        self.listener.finished(JobResult(outcome, failure, metrics or {}))


class FakeRunner:
    def __init__(self) -> None:
        self.runs: list[FakeRun] = []

    def start(self, plan: JobPlan, listener: JobListener) -> FakeRun:
        self.runs.append(FakeRun(plan, listener))
        return self.runs[-1]

    @property
    def last(self) -> FakeRun:
        return self.runs[-1]


class KeptEvents:
    def __init__(self) -> None:
        self.changes: list[StateChange] = []
        self.listeners: list[Callable[[StateChange], None]] = []

    def publish(self, change: StateChange) -> None:
        self.changes.append(change)
        for listener in self.listeners:
            listener(change)

    def subscribe(self, listener: Callable[[StateChange], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    @property
    def shown(self) -> list[str]:
        return [f"{change.status}/{change.secondary_status}" for change in self.changes]


class House:
    """Training jobs with every partner in hand. `call` runs an operation and checks both of its ends."""

    def __init__(self, **options: Any) -> None:
        self.clock = ManualClock()
        self.runner = FakeRunner()
        self.events = KeptEvents()
        self.tags = Tags()
        self.jobs = TrainingJobs(self.runner, self.clock, self.events, self.tags, **options)
        self._names = itertools.count(1)

    def call(self, operation: str, scope: Scope = SCOPE, **request: Any) -> dict[str, Any]:
        conforms(operation, "input", request)
        answer = self.jobs.operations()[operation](scope, request)
        conforms(operation, "output", answer)
        return answer

    def create(self, scope: Scope = SCOPE, **changes: Any) -> str:
        request = training_request(**changes)
        request.setdefault("TrainingJobName", f"job-{next(self._names)}")
        self.call("CreateTrainingJob", scope, **request)
        return str(request["TrainingJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        return self.call("DescribeTrainingJob", TrainingJobName=name)


def training_request(**changes: Any) -> dict[str, Any]:
    """The least that CreateTrainingJob takes, but for the name; a None leaves a member out."""
    request: dict[str, Any] = {
        "AlgorithmSpecification": {"TrainingImage": MXNET_IMAGE, "TrainingInputMode": "File"},
        "RoleArn": "arn:aws:iam::123456789012:role/nobody-checks-me",
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/results"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }
    request.update(changes)
    return {member: value for member, value in request.items() if value is not None}


def channel(name: str, **changes: Any) -> dict[str, Any]:
    """An input channel from s3://bucket/NAME/; `s3` changes its S3DataSource."""
    s3 = {"S3DataType": "S3Prefix", "S3Uri": f"s3://bucket/{name}/", **changes.pop("s3", {})}
    return {"ChannelName": name, "DataSource": {"S3DataSource": s3}, **changes}


@functools.cache
def _model() -> Any:
    return botocore.session.Session().get_service_model("sagemaker")


def conforms(operation: str, end: str, members: Mapping[str, Any]) -> None:
    """Fails for members that botocore's model does not have, has with another type, or requires."""
    model = _model().operation_model(operation)
    shape = model.input_shape if end == "input" else model.output_shape
    if shape is None:
        assert members == {}, f"{operation} answers nothing on AWS"
        return
    report = ParamValidator().validate(dict(members), shape)
    assert not report.has_errors(), f"{operation} {end}: {report.generate_report()}"
    unknown = set(members) - set(shape.members)
    assert not unknown, f"{operation} {end}: {unknown}"
