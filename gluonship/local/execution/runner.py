"""Jobs: contracts.JobRunner over a Runtime and a Storage. What a job does is in its plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gluonship.local.contracts import (
    Clock,
    JobListener,
    JobPlan,
    Logs,
    Metrics,
    RunningJob,
    Runtime,
    Scope,
    Storage,
)
from gluonship.local.execution.job import Job


class ProcessJobRunner:
    """`home`/containers/JOB-XXXXXX/ml is a job's root; nothing of it is left when the job has ended."""

    def __init__(
        self,
        runtime: Runtime,
        storage_for: Callable[[Scope], Storage],
        logs: Logs,
        metrics: Metrics,
        clock: Clock,
        home: Path,
        checkpoint_seconds: float = 3.0,
    ) -> None:
        self._runtime = runtime
        self._storage_for = storage_for
        self._logs = logs
        self._metrics = metrics
        self._clock = clock
        self._home = home
        self._checkpoint_seconds = checkpoint_seconds

    def start(self, plan: JobPlan, listener: JobListener) -> RunningJob:
        job = Job(
            plan,
            listener,
            runtime=self._runtime,
            storage_for=self._storage_for,
            logs=self._logs,
            metrics=self._metrics,
            clock=self._clock,
            home=self._home,
            checkpoint_seconds=self._checkpoint_seconds,
        )
        job.start()
        return job
