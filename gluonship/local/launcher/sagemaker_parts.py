"""SageMaker's resources, each handed its partners; and the jobs that run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from botocore.model import StructureShape

from gluonship.local.contracts import (
    Alarms,
    AwsError,
    Clock,
    Events,
    Fleets,
    Handler,
    JobRunner,
    Router,
    ScalableTargets,
    Scope,
    StateChange,
)
from gluonship.local.control.registry import service_model
from gluonship.local.execution.events import EventStream
from gluonship.local.sagemaker import work
from gluonship.local.sagemaker.endpoint_configs import EndpointConfigs
from gluonship.local.sagemaker.endpoints import Endpoints
from gluonship.local.sagemaker.jobs import Jobs
from gluonship.local.sagemaker.model_packages import ModelPackages
from gluonship.local.sagemaker.models import Models
from gluonship.local.sagemaker.processing_jobs import ProcessingJobs
from gluonship.local.sagemaker.search import Search
from gluonship.local.sagemaker.tags import Tags
from gluonship.local.sagemaker.training_jobs import TrainingJobs
from gluonship.local.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SageMaker:
    """What this cloud executes of SageMaker: its handlers, and the jobs for what is beside the API; and what
    it refuses, with what to do instead."""

    operations: Mapping[str, Handler]
    refused: Mapping[str, str]
    training_jobs: TrainingJobs
    processing_jobs: ProcessingJobs
    model_packages: ModelPackages

    @property
    def jobs(self) -> Sequence[Jobs]:
        """Of every kind."""
        return (self.training_jobs, self.processing_jobs)


def sagemaker(
    runner: JobRunner,
    fleets: Fleets,
    router: Router,
    alarms: Alarms,
    targets: ScalableTargets,
    clock: Clock,
    events: Events,
    settings: Settings,
    fallback: Callable[[str], Handler],
) -> SageMaker:
    """The resources and their operations; `fallback` answers for the tags of what is recorded only."""
    tags = Tags()
    training_jobs = TrainingJobs(
        runner,
        clock,
        events,
        tags,
        stop_grace_seconds=settings.stop_grace_seconds,
        memory_limit_bytes=settings.memory_limit_bytes,
    )
    processing_jobs = ProcessingJobs(
        runner,
        clock,
        events,
        tags,
        stop_grace_seconds=settings.stop_grace_seconds,
        memory_limit_bytes=settings.memory_limit_bytes,
    )
    model = service_model("sagemaker")
    searched = model.shape_for("TrainingJob")
    assert isinstance(searched, StructureShape)
    packages = ModelPackages(clock, events, tags)
    models = Models(clock, tags, packages)
    configs = EndpointConfigs(clock, tags, models)
    endpoints = Endpoints(
        models,
        configs,
        fleets,
        router,
        alarms,
        targets,
        clock,
        events,
        tags,
        startup_seconds=settings.endpoint_startup_seconds,
        drain_seconds=settings.drain_seconds,
        memory_limit_bytes=settings.memory_limit_bytes,
    )
    operations = {
        **training_jobs.operations(),
        **processing_jobs.operations(),
        **packages.operations(),
        **models.operations(),
        **configs.operations(),
        **endpoints.operations(),
        **Search(training_jobs, tags, searched).operations(),
        **tags.operations(fallback),
    }
    refused = work.refusals(model.operation_names, operations)
    return SageMaker(operations, refused, training_jobs, processing_jobs, packages)


class ActiveJobs:
    """The jobs that run, by what the stream of state changes tells."""

    _KINDS = ("TrainingJob", "ProcessingJob")

    def __init__(self, events: EventStream) -> None:
        self._changed = threading.Condition()
        self._active: set[tuple[str, Scope, str]] = set()  # kind, scope, name
        events.subscribe(self._hear)

    def _hear(self, change: StateChange) -> None:
        if change.kind not in self._KINDS:
            return
        job = (change.kind, change.scope, change.name)
        with self._changed:
            if change.status in ("InProgress", "Stopping"):
                self._active.add(job)
            else:
                self._active.discard(job)
            self._changed.notify_all()

    def stop(self, kinds: Sequence[Jobs], grace_seconds: float) -> None:
        """Asks all to stop, and waits until they have, at most `grace_seconds`."""
        with self._changed:
            active = list(self._active)
        by_kind = {jobs.kind.name: jobs for jobs in kinds}
        for kind, scope, name in active:
            jobs = by_kind[kind]
            try:
                jobs.stop(scope, {jobs.kind.name_member: name})
            except AwsError as error:
                _log.info("%s: %s", name, error.message)  # it has just ended
        with self._changed:
            self._changed.wait_for(lambda: not self._active, grace_seconds)
