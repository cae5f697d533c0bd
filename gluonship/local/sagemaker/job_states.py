"""The states of a job, as data and pure functions: (state, event, now) -> (state, what is to be done).

Every kind of job walks these stages; a kind says only which of AWS's words it shows for them (job_kinds.py).
Nothing here starts, stops or waits for anything: the engine (jobs.py) does what a `Step` asks for.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from gluonship.local.contracts import Failure, JobOutcome, JobPhase, JobResult

FAILURE_REASON_LENGTH = 1024  # "FailureReason", botocore's model of SageMaker


class Stage(enum.Enum):
    """Where a job is. The first four are the runner's phases of one attempt."""

    STARTING = "starting"
    DOWNLOADING = "downloading"
    RUNNING = "running"
    UPLOADING = "uploading"
    WAITING = "waiting"  # its spot instance was taken back; another has not come yet
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


ATTEMPT = (Stage.STARTING, Stage.DOWNLOADING, Stage.RUNNING, Stage.UPLOADING)
TERMINAL = frozenset({Stage.COMPLETED, Stage.FAILED, Stage.STOPPED})
INTERRUPTIBLE = frozenset({Stage.STARTING, Stage.DOWNLOADING, Stage.RUNNING})

_STAGE_OF = {
    JobPhase.STARTING: Stage.STARTING,
    JobPhase.DOWNLOADING: Stage.DOWNLOADING,
    JobPhase.RUNNING: Stage.RUNNING,
    JobPhase.UPLOADING: Stage.UPLOADING,
}


class Ending(enum.Enum):
    """Why the container of a live attempt was told to end, or a stopped job was stopped."""

    ASKED = "asked"  # by a Stop operation
    RUNTIME = "runtime"  # MaxRuntimeInSeconds
    WAIT = "wait"  # MaxWaitTimeInSeconds
    INTERRUPTED = "interrupted"  # a spot instance was taken back


class Status(enum.Enum):
    """A job's primary status, before a kind puts it into AWS's word for it."""

    IN_PROGRESS = "in progress"
    STOPPING = "stopping"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


# --- events ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entered:
    """The runner came to a phase."""

    phase: JobPhase


@dataclass(frozen=True)
class Finished:
    """The runner is done with an attempt."""

    result: JobResult


class Signal(enum.Enum):
    """What comes from outside the runner."""

    STOP = "stop"  # a Stop operation
    INTERRUPT = "interrupt"  # the spot instance is taken back
    CAPACITY = "capacity"  # another spot instance has come
    RUNTIME_EXCEEDED = "runtime exceeded"
    WAIT_EXCEEDED = "wait exceeded"


Event = Entered | Finished | Signal


# --- states ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Transition:
    """One stay in a secondary status; it lasts while `end` is None."""

    secondary: str
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True)
class JobState:
    """All that time and events have made of a job. `created` and `modified` are set from its creation on."""

    created: datetime
    modified: datetime
    stage: Stage = Stage.STARTING
    ending: Ending | None = None
    attempt: int = 1  # counts the starts: a spot job has another after each interruption
    transitions: tuple[Transition, ...] = ()
    started: datetime | None = None  # the first attempt's instance was ready
    attempt_started: datetime | None = None  # the present attempt's
    ran_seconds: float = 0.0  # of the attempts that have ended
    ended: datetime | None = None
    failure_reason: str | None = None
    exit_message: str | None = None
    metrics: Mapping[str, tuple[float, datetime]] = field(default_factory=dict)

    @property
    def terminal(self) -> bool:
        return self.stage in TERMINAL

    def ran(self, now: datetime) -> float:
        """Seconds on an instance until `now`, all attempts together; waiting for one does not count."""
        if self.attempt_started is None:
            return self.ran_seconds
        return self.ran_seconds + (now - self.attempt_started).total_seconds()


class Effect(enum.Enum):
    """What the engine is to do after a step."""

    NOTHING = "nothing"
    STOP = "stop"  # ask the container to end
    INTERRUPT = "interrupt"  # kill the container
    WAIT = "wait"  # for another spot instance
    START = "start"  # another attempt


@dataclass(frozen=True)
class Step:
    state: JobState
    effect: Effect = Effect.NOTHING


# --- what is shown ---------------------------------------------------------------------------------------

_SECONDARY_OF_STAGE = {
    Stage.STARTING: "Starting",
    Stage.DOWNLOADING: "Downloading",
    Stage.RUNNING: "Training",
    Stage.UPLOADING: "Uploading",
    Stage.WAITING: "Interrupted",
    Stage.COMPLETED: "Completed",
    Stage.FAILED: "Failed",
}
_SECONDARY_OF_STOPPED = {
    Ending.RUNTIME: "MaxRuntimeExceeded",
    Ending.WAIT: "MaxWaitTimeExceeded",
}
_STATUS_OF_TERMINAL = {
    Stage.COMPLETED: Status.COMPLETED,
    Stage.FAILED: Status.FAILED,
    Stage.STOPPED: Status.STOPPED,
}


def status(state: JobState) -> Status:
    """The primary status."""
    if state.stage in _STATUS_OF_TERMINAL:
        return _STATUS_OF_TERMINAL[state.stage]
    return Status.STOPPING if _told_to_stop(state) else Status.IN_PROGRESS


def secondary_status(state: JobState) -> str:
    """The secondary status in the words of training jobs ("SecondaryStatus", botocore's model)."""
    if state.stage is Stage.STOPPED:
        return _SECONDARY_OF_STOPPED.get(state.ending or Ending.ASKED, "Stopped")
    if state.terminal:
        return _SECONDARY_OF_STAGE[state.stage]
    if state.ending is Ending.INTERRUPTED:
        return "Interrupted"
    if _told_to_stop(state) and state.stage is not Stage.UPLOADING:
        return "Stopping"
    return _SECONDARY_OF_STAGE[state.stage]


def _told_to_stop(state: JobState) -> bool:
    return state.ending in (Ending.ASKED, Ending.RUNTIME, Ending.WAIT)


# --- transitions -----------------------------------------------------------------------------------------


def created(now: datetime) -> JobState:
    """A job that was accepted just now; its first attempt is to be started."""
    return _shown(None, JobState(created=now, modified=now), now)


def step(state: JobState, event: Event, now: datetime) -> Step:
    """What `event` makes of a job. Events that come too late, or mean nothing here, change nothing."""
    if state.terminal:
        return Step(state)
    if isinstance(event, Entered):
        taken = Step(_entered(state, _STAGE_OF[event.phase], now))
    elif isinstance(event, Finished):
        taken = _finished(state, event.result, now)
    else:
        taken = _signalled(state, event, now)
    return replace(taken, state=_shown(state, taken.state, now))


def _entered(state: JobState, stage: Stage, now: datetime) -> JobState:
    if state.stage not in ATTEMPT or ATTEMPT.index(stage) <= ATTEMPT.index(state.stage):
        return state
    return replace(
        state,
        stage=stage,
        started=state.started or now,
        attempt_started=state.attempt_started or now,
    )


def _signalled(state: JobState, signal: Signal, now: datetime) -> Step:
    if signal is Signal.STOP:
        return _told(state, Ending.ASKED, now)
    if signal is Signal.WAIT_EXCEEDED and state.stage is not Stage.UPLOADING:
        return _told(state, Ending.WAIT, now)
    if signal is Signal.RUNTIME_EXCEEDED and state.stage in INTERRUPTIBLE:
        return _told(state, Ending.RUNTIME, now)
    if signal is Signal.INTERRUPT and state.stage in INTERRUPTIBLE and state.ending is None:
        return Step(replace(state, ending=Ending.INTERRUPTED), Effect.INTERRUPT)
    if signal is Signal.CAPACITY and state.stage is Stage.WAITING:
        return Step(replace(state, stage=Stage.STARTING, attempt=state.attempt + 1), Effect.START)
    return Step(state)


def _told(state: JobState, ending: Ending, now: datetime) -> Step:
    """Told to end. The first reason stays, but for an interruption, which would start it again."""
    if state.stage is Stage.WAITING:
        return Step(_ended(replace(state, ending=ending), Stage.STOPPED, now))
    if _told_to_stop(state):
        return Step(state)
    return Step(replace(state, ending=ending), Effect.STOP)


def _finished(state: JobState, result: JobResult, now: datetime) -> Step:
    if state.stage not in ATTEMPT:
        return Step(state)
    state = replace(state, metrics={**state.metrics, **result.metrics}, exit_message=result.exit_message)
    if result.outcome is JobOutcome.FAILED and not _died_of_the_signal(state, result):
        reason = failure_reason(result.failure)
        return Step(_ended(replace(state, failure_reason=reason), Stage.FAILED, now))
    if _told_to_stop(state) or result.outcome is JobOutcome.STOPPED:
        return Step(_ended(state, Stage.STOPPED, now))
    if result.outcome is JobOutcome.INTERRUPTED:
        waiting = replace(
            state, stage=Stage.WAITING, ending=None, ran_seconds=state.ran(now), attempt_started=None
        )
        return Step(waiting, Effect.WAIT)
    return Step(_ended(state, Stage.COMPLETED, now))


def _died_of_the_signal(state: JobState, result: JobResult) -> bool:
    """A script that was told to end may exit as it likes; a lost upload or download is still a failure."""
    return _told_to_stop(state) and result.failure is not None and result.failure.kind == "AlgorithmError"


def _ended(state: JobState, stage: Stage, now: datetime) -> JobState:
    return replace(state, stage=stage, ended=now, ran_seconds=state.ran(now), attempt_started=None)


def _shown(before: JobState | None, after: JobState, now: datetime) -> JobState:
    """`after` with its time of change and its transitions up to date with what it shows."""
    secondary = secondary_status(after)
    if before is not None and status(before) is status(after) and secondary_status(before) == secondary:
        return after
    transitions = after.transitions
    if not transitions or transitions[-1].secondary != secondary:
        closed = tuple(replace(last, end=now) for last in transitions[-1:])
        transitions = (*transitions[:-1], *closed, Transition(secondary, now))
    if after.terminal:
        transitions = (*transitions[:-1], replace(transitions[-1], end=now))
    return replace(after, modified=now, transitions=transitions)


def failure_reason(failure: Failure | None) -> str:
    """ "AlgorithmError: ..., exit code: 1", at most 1,024 characters; of a longer one the middle is left out,
    since a traceback's last words say the most."""
    if failure is None:
        return "InternalServerError: the job's runner gave no reason."
    ending = "" if failure.exit_code is None else f", exit code: {failure.exit_code}"
    whole = f"{failure.kind}: {failure.message}{ending}"
    if len(whole) <= FAILURE_REASON_LENGTH:
        return whole
    gap = " [...] "
    head = FAILURE_REASON_LENGTH // 4
    return whole[:head] + gap + whole[len(whole) - (FAILURE_REASON_LENGTH - head - len(gap)) :]
