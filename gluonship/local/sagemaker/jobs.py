"""The engine behind every kind of job: keeps the records, asks the runner, watches the clock."""

from __future__ import annotations

import builtins
import threading
from collections import deque
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from gluonship.local.contracts import (
    AwsError,
    Clock,
    Events,
    Handler,
    JobPhase,
    JobResult,
    JobRunner,
    RunningJob,
    Scope,
    StateChange,
    Timer,
)
from gluonship.local.sagemaker.job_kinds import Job, JobKind
from gluonship.local.sagemaker.job_states import (
    INTERRUPTIBLE,
    Effect,
    Entered,
    Event,
    Finished,
    JobState,
    Signal,
    created,
    step,
)
from gluonship.local.sagemaker.listing import Listed, page, to_millisecond
from gluonship.local.sagemaker.tags import Tags

CAPACITY_WAIT_SECONDS = 1.0  # from an interruption to the next spot instance, unless told otherwise


@dataclass(eq=False)
class _Live:
    """A record: the job as it is now, and what runs for it. Guarded by the engine's lock."""

    job: Job
    running: RunningJob | None = None
    owed: Effect = Effect.NOTHING  # asked for before the runner had answered
    capacity_wait_seconds: float = CAPACITY_WAIT_SECONDS
    timers: dict[Signal, Timer] = field(default_factory=dict)


class Jobs:
    """All jobs of one kind. Thread-safe; never holds its lock while it calls one of its partners."""

    def __init__(
        self,
        kind: JobKind,
        runner: JobRunner,
        clock: Clock,
        events: Events,
        tags: Tags,
        *,
        stop_grace_seconds: float = 120.0,
        capacity_wait_seconds: float = CAPACITY_WAIT_SECONDS,
    ) -> None:
        self.kind = kind
        self._runner = runner
        self._clock = clock
        self._events = events
        self._tags = tags
        self._stop_grace_seconds = stop_grace_seconds
        self._capacity_wait_seconds = capacity_wait_seconds
        self._lock = threading.Lock()
        self._records: dict[tuple[Scope, str], _Live] = {}
        self._outbox: deque[StateChange] = deque()
        self._publishing = False
        self._closed = False

    # --- the API -----------------------------------------------------------------------------------------

    def operations(self) -> dict[str, Handler]:
        names = self.kind.operations
        handlers: dict[str, Handler] = {
            names.create: self.create,
            names.describe: self.describe,
            names.list: self.list,
            names.stop: self.stop,
        }
        if names.delete is not None:
            handlers[names.delete] = self.delete
        return handlers

    def create(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        kind, name, now = self.kind, str(request[self.kind.name_member]), self._now()
        arn = kind.arn(scope, name)
        job = Job(scope, name, arn, kind.accept(request), created(now))
        kind.plan(job, now)  # a request that gives no plan is refused here, at the call
        live = _Live(job, capacity_wait_seconds=self._capacity_wait_seconds)
        with self._lock:
            if self._closed:
                raise AwsError("ServiceUnavailable", "The local cloud is shutting down.", 503)
            if (scope, name) in self._records:
                message = kind.already_exists.format(title=kind.title, name=name, arn=arn)
                raise AwsError("ResourceInUse", message)
            self._tags.register(arn, request.get("Tags"))
            self._records[scope, name] = live
            self._announce(job)
        self._publish()
        wait_seconds = kind.limits(job.request).wait_seconds
        if wait_seconds is not None:
            self._arm(live, Signal.WAIT_EXCEEDED, wait_seconds)
        self._start(live)
        return {kind.arn_member: arn}

    def describe(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        return self._description(self.find(scope, request[self.kind.name_member]))

    def list(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        rows = [self._row(job) for job in self._of(scope) if self.kind.selected(job, request)]
        summaries, token = page(rows, request, default_sort_order=self.kind.default_sort_order)
        return {self.kind.summaries_member: summaries, **({"NextToken": token} if token else {})}

    def stop(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        live = self._live(scope, request[self.kind.name_member])
        job = live.job
        if job.state.terminal:
            word, _ = self.kind.shown(job)
            raise AwsError(
                "ValidationException",
                f"The request was rejected because the {self.kind.title} is in status {word}.",
            )
        self._take(live, Signal.STOP)
        return {}

    def delete(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        name = request[self.kind.name_member]
        live = self._live(scope, name)
        with self._lock:
            job = live.job
            if job.state.terminal:
                self._records.pop((scope, name), None)
        if not job.state.terminal:
            word, _ = self.kind.shown(job)
            raise AwsError(
                "ResourceInUse",
                f"The {self.kind.title} {name} is in status {word}: only one that has ended can be deleted.",
            )
        self._tags.forget(job.arn)
        return {}

    # --- beside the API ----------------------------------------------------------------------------------

    def find(self, scope: Scope, name: str) -> Job:
        """The job as it is now. Raises AwsError."""
        return self._live(scope, name).job

    def descriptions(self, scope: Scope) -> builtins.list[dict[str, Any]]:
        """What Describe answers now, of all jobs."""
        return [self._description(job) for job in self._of(scope)]

    def all(self) -> Sequence[Job]:
        """Of all accounts and regions, as they are now."""
        with self._lock:
            return [live.job for live in self._records.values()]

    def interrupt(self, scope: Scope, name: str, capacity_wait_seconds: float | None = None) -> None:
        """Takes the job's spot instance back; another comes after `capacity_wait_seconds` (of the clock).

        Raises AwsError for a job that is none of managed spot training, or has no instance to lose.
        """
        live = self._live(scope, name)
        job = live.job
        if not self.kind.limits(job.request).spot:
            raise AwsError(
                "ValidationException",
                f"The {self.kind.title} {name} does not use managed spot training, so its instance is never "
                "taken back. Create it with EnableManagedSpotTraining (and MaxWaitTimeInSeconds).",
            )
        if job.state.stage not in INTERRUPTIBLE or job.state.ending is not None:
            word, secondary = self.kind.shown(job)
            raise AwsError(
                "ValidationException",
                f"The {self.kind.title} {name} is in status {word} ({secondary}): there is no spot instance "
                "to take back.",
            )
        if capacity_wait_seconds is not None:
            live.capacity_wait_seconds = capacity_wait_seconds
        self._take(live, Signal.INTERRUPT)

    def close(self) -> None:
        """The cloud goes down: every container is killed, nothing is started again. Returns at once."""
        with self._lock:
            self._closed = True
            lives = list(self._records.values())
        for live in lives:
            self._disarm(live, *list(live.timers))
            if live.running is not None and not live.job.state.terminal:
                live.running.interrupt()

    # --- steps -------------------------------------------------------------------------------------------

    def _take(self, live: _Live, event: Event, attempt: int | None = None) -> None:
        """One step of a job's state, and all that follows from it; late events of an older attempt are
        dropped."""
        with self._lock:
            before = live.job
            if attempt is not None and attempt != before.state.attempt:
                return
            taken = step(before.state, event, self._now())
            live.job = replace(before, state=taken.state)
            if taken.state.terminal or taken.effect in (Effect.WAIT, Effect.START):
                live.running, live.owed = None, Effect.NOTHING  # what ran is gone; the next is told itself
            if self.kind.shown(before) != self.kind.shown(live.job):
                self._announce(live.job)
        self._publish()
        self._watch_runtime(live, before.state, taken.state)
        self._do(live, taken.effect)

    def _do(self, live: _Live, effect: Effect) -> None:
        if effect is Effect.WAIT and not self._closed:
            self._arm(live, Signal.CAPACITY, live.capacity_wait_seconds)
        elif effect is Effect.START and not self._closed:
            self._start(live)
        elif effect in (Effect.STOP, Effect.INTERRUPT):
            with self._lock:
                running = live.running
                if running is None:
                    live.owed = effect
            if running is not None:
                self._end(running, effect)

    def _start(self, live: _Live) -> None:
        job = live.job
        plan = self.kind.plan(job, self._clock.now())
        running = self._runner.start(plan, _Listener(self._take, live, job.state.attempt))
        with self._lock:
            state = live.job.state
            if (
                state.terminal or state.attempt != job.state.attempt
            ):  # it is over; the next one may run already
                return
            live.running, owed = running, live.owed
        if owed is not Effect.NOTHING:
            self._end(running, owed)
        elif self._closed:
            running.interrupt()

    def _end(self, running: RunningJob, effect: Effect) -> None:
        if effect is Effect.STOP:
            running.stop(self._stop_grace_seconds)
        else:
            running.interrupt()

    # --- time --------------------------------------------------------------------------------------------

    def _watch_runtime(self, live: _Live, before: JobState, after: JobState) -> None:
        if after.terminal:
            self._disarm(live, *list(live.timers))
        elif before.attempt_started is None and after.attempt_started is not None:
            left = self.kind.limits(live.job.request).runtime_seconds - after.ran(after.attempt_started)
            self._arm(live, Signal.RUNTIME_EXCEEDED, left, after.attempt)
        elif before.attempt_started is not None and after.attempt_started is None:
            self._disarm(live, Signal.RUNTIME_EXCEEDED)

    def _now(self) -> datetime:
        return to_millisecond(self._clock.now())

    def _arm(self, live: _Live, signal: Signal, seconds: float, attempt: int | None = None) -> None:
        timer = self._clock.call_later(max(seconds, 0.0), partial(self._take, live, signal, attempt))
        with self._lock:
            live.timers[signal] = timer

    def _disarm(self, live: _Live, *signals: Signal) -> None:
        with self._lock:
            timers = [live.timers.pop(signal) for signal in signals if signal in live.timers]
        for timer in timers:
            timer.cancel()

    # --- what is told ------------------------------------------------------------------------------------

    def _announce(self, job: Job) -> None:
        """Queues the job's present state for the listeners; the lock is held, so the order is right."""
        word, secondary = self.kind.shown(job)
        self._outbox.append(
            StateChange(
                scope=job.scope,
                kind=self.kind.name,
                name=job.name,
                arn=job.arn,
                status=word,
                secondary_status=secondary,
                time=job.state.modified,
                detail=self._description(job),
            )
        )

    def _publish(self) -> None:
        """Delivers what is queued, in order. One thread at a time does it for all, without the lock: a
        listener may come back into this object."""
        with self._lock:
            if self._publishing:
                return
            self._publishing = True
        try:
            while True:
                with self._lock:
                    if not self._outbox:
                        self._publishing = False
                        return
                    change = self._outbox.popleft()
                self._events.publish(change)
        except BaseException:
            with self._lock:
                self._publishing = False
            raise

    def _description(self, job: Job) -> dict[str, Any]:
        return deepcopy({**self._identity(job), **self.kind.describe(job)})  # the record stays ours

    def _row(self, job: Job) -> Listed:
        word, _ = self.kind.shown(job)
        summary = {**self._identity(job), **self.kind.summarise(job)}
        return Listed(job.name, job.state.created, job.state.modified, word, summary)

    def _identity(self, job: Job) -> dict[str, Any]:
        kind = self.kind
        return {kind.name_member: job.name, kind.arn_member: job.arn, "CreationTime": job.state.created}

    def _of(self, scope: Scope) -> builtins.list[Job]:
        with self._lock:
            return [live.job for (owner, _), live in self._records.items() if owner == scope]

    def _live(self, scope: Scope, name: str) -> _Live:
        with self._lock:
            live = self._records.get((scope, name))
        if live is None:
            raise AwsError(self.kind.missing_code, self.kind.missing.format(name=name))
        return live


class _Listener:
    """Hears the runner for one attempt of one job."""

    def __init__(self, take: Callable[[_Live, Event, int], None], live: _Live, attempt: int) -> None:
        self._take = take
        self._live = live
        self._attempt = attempt

    def entered(self, phase: JobPhase) -> None:
        self._take(self._live, Entered(phase), self._attempt)

    def finished(self, result: JobResult) -> None:
        self._take(self._live, Finished(result), self._attempt)
