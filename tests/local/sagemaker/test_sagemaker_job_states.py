"""Every state of a job and every event, without a process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gluonship.local.contracts import Failure, JobOutcome, JobPhase, JobResult
from gluonship.local.sagemaker.job_states import (
    FAILURE_REASON_LENGTH,
    Effect,
    Ending,
    Entered,
    Event,
    Finished,
    JobState,
    Signal,
    Stage,
    Status,
    created,
    failure_reason,
    secondary_status,
    status,
    step,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)

EVENTS: dict[str, Event] = {
    "e:S": Entered(JobPhase.STARTING),
    "e:D": Entered(JobPhase.DOWNLOADING),
    "e:R": Entered(JobPhase.RUNNING),
    "e:U": Entered(JobPhase.UPLOADING),
    "done": Finished(JobResult(JobOutcome.COMPLETED)),
    "alg": Finished(JobResult(JobOutcome.FAILED, Failure("AlgorithmError", "it raised", 1))),
    "cli": Finished(JobResult(JobOutcome.FAILED, Failure("ClientError", "no data"))),
    "stpd": Finished(JobResult(JobOutcome.STOPPED)),
    "intd": Finished(JobResult(JobOutcome.INTERRUPTED)),
    "STOP": Signal.STOP,
    "INT": Signal.INTERRUPT,
    "CAP": Signal.CAPACITY,
    "RUN": Signal.RUNTIME_EXCEEDED,
    "WAIT": Signal.WAIT_EXCEEDED,
}
STAGES = {
    "S": Stage.STARTING,
    "D": Stage.DOWNLOADING,
    "R": Stage.RUNNING,
    "U": Stage.UPLOADING,
    "W": Stage.WAITING,
    "C": Stage.COMPLETED,
    "F": Stage.FAILED,
    "X": Stage.STOPPED,
}
ENDINGS = {
    "": None,
    "a": Ending.ASKED,
    "r": Ending.RUNTIME,
    "w": Ending.WAIT,
    "i": Ending.INTERRUPTED,
}
EFFECTS = {
    "!": Effect.STOP,
    "#": Effect.INTERRUPT,
    "?": Effect.WAIT,
    ">": Effect.START,
}

# A state is its stage and the reason it was told to end; a cell is the next state and the effect; "." is no
# change. Terminal states have no row: the test below demands that nothing changes them.
TABLE = """
         e:S e:D e:R e:U done alg cli stpd intd STOP INT CAP RUN WAIT
    S    .   D   R   U   C    F   F   X    W?   Sa!  Si# .   Sr! Sw!
    Sa   .   Da  Ra  Ua  Xa   Xa  Fa  Xa   Xa   .    .   .   .   .
    Si   .   Di  Ri  Ui  Ci   Fi  Fi  Xi   W?   Sa!  .   .   Sr! Sw!
    Sr   .   Dr  Rr  Ur  Xr   Xr  Fr  Xr   Xr   .    .   .   .   .
    Sw   .   Dw  Rw  Uw  Xw   Xw  Fw  Xw   Xw   .    .   .   .   .
    D    .   .   R   U   C    F   F   X    W?   Da!  Di# .   Dr! Dw!
    Da   .   .   Ra  Ua  Xa   Xa  Fa  Xa   Xa   .    .   .   .   .
    Di   .   .   Ri  Ui  Ci   Fi  Fi  Xi   W?   Da!  .   .   Dr! Dw!
    Dr   .   .   Rr  Ur  Xr   Xr  Fr  Xr   Xr   .    .   .   .   .
    Dw   .   .   Rw  Uw  Xw   Xw  Fw  Xw   Xw   .    .   .   .   .
    R    .   .   .   U   C    F   F   X    W?   Ra!  Ri# .   Rr! Rw!
    Ra   .   .   .   Ua  Xa   Xa  Fa  Xa   Xa   .    .   .   .   .
    Ri   .   .   .   Ui  Ci   Fi  Fi  Xi   W?   Ra!  .   .   Rr! Rw!
    Rr   .   .   .   Ur  Xr   Xr  Fr  Xr   Xr   .    .   .   .   .
    Rw   .   .   .   Uw  Xw   Xw  Fw  Xw   Xw   .    .   .   .   .
    U    .   .   .   .   C    F   F   X    W?   Ua!  .   .   .   .
    Ua   .   .   .   .   Xa   Xa  Fa  Xa   Xa   .    .   .   .   .
    Ui   .   .   .   .   Ci   Fi  Fi  Xi   W?   Ua!  .   .   .   .
    Ur   .   .   .   .   Xr   Xr  Fr  Xr   Xr   .    .   .   .   .
    Uw   .   .   .   .   Xw   Xw  Fw  Xw   Xw   .    .   .   .   .
    W    .   .   .   .   .    .   .   .    .    Xa   .   S>  .   Xw
"""
HEAD, *LINES = [line.split() for line in TABLE.strip("\n").splitlines()]
ROWS = {line[0]: dict(zip(HEAD, line[1:], strict=True)) for line in LINES}

# "Provides detailed information about the state of the training job", botocore's model, SecondaryStatus;
# and Uploading while Stopping, which AWS shows when a stopped job's artifacts are saved.
PAIRS = {
    Status.IN_PROGRESS: {"Starting", "Downloading", "Training", "Interrupted", "Uploading"},
    Status.STOPPING: {"Stopping", "Uploading"},
    Status.COMPLETED: {"Completed"},
    Status.FAILED: {"Failed"},
    Status.STOPPED: {"Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded"},
}


def code_of(state: JobState) -> str:
    stage = next(code for code, stage in STAGES.items() if stage is state.stage)
    return stage + next(code for code, ending in ENDINGS.items() if ending is state.ending)


def state_of(code: str) -> JobState:
    return JobState(
        created=T0,
        modified=T0,
        stage=STAGES[code[0]],
        ending=ENDINGS[code[1:]],
        started=T0,
        attempt_started=T0,
    )


@pytest.mark.parametrize("row", ROWS)
def test_every_event_in_every_live_state(row: str) -> None:
    assert set(HEAD) == set(EVENTS)
    state = state_of(row)
    for name, cell in ROWS[row].items():
        taken = step(state, EVENTS[name], T0)
        effect = EFFECTS.get(cell[-1], Effect.NOTHING)
        expected = row if cell == "." else cell.rstrip("".join(EFFECTS))
        assert (code_of(taken.state), taken.effect) == (expected, effect), f"{row} at {name}"


def reachable() -> dict[str, JobState]:
    found: dict[str, JobState] = {}
    waiting = [created(T0)]
    while waiting:
        state = waiting.pop()
        if code_of(state) not in found:
            found[code_of(state)] = state
            waiting.extend(step(state, event, T0).state for event in EVENTS.values())
    return found


def test_the_table_has_every_live_state_that_can_be_reached() -> None:
    assert {code for code, state in reachable().items() if not state.terminal} == set(ROWS)


def test_nothing_changes_a_terminal_state() -> None:
    terminal = [state for state in reachable().values() if state.terminal]
    assert {state.stage for state in terminal} == {Stage.COMPLETED, Stage.FAILED, Stage.STOPPED}
    for state in terminal:
        for event in EVENTS.values():
            taken = step(state, event, T0 + timedelta(days=1))
            assert taken.state is state
            assert taken.effect is Effect.NOTHING


def test_every_state_shows_a_pair_of_statuses_that_aws_documents() -> None:
    shown = {(status(state), secondary_status(state)) for state in reachable().values()}
    assert shown == {(first, second) for first, seconds in PAIRS.items() for second in seconds}


def walk(*names: str) -> JobState:
    """The state after these events, one second apart."""
    state, now = created(T0), T0
    for name in names:
        now += timedelta(seconds=1)
        state = step(state, EVENTS[name], now).state
    return state


def spans(state: JobState) -> list[tuple[str, float, float | None]]:
    def seconds(moment: datetime) -> float:
        return (moment - T0).total_seconds()

    return [
        (one.secondary, seconds(one.start), None if one.end is None else seconds(one.end))
        for one in state.transitions
    ]


def test_transitions_follow_each_other_without_gaps_and_the_last_is_open() -> None:
    assert spans(walk("e:S", "e:D", "e:R")) == [
        ("Starting", 0, 2),
        ("Downloading", 2, 3),
        ("Training", 3, None),
    ]


def test_a_finished_job_has_every_transition_closed() -> None:
    assert spans(walk("e:D", "e:R", "e:U", "done"))[-2:] == [("Uploading", 3, 4), ("Completed", 4, 4)]


def test_a_stopped_job_stops_and_then_uploads() -> None:
    assert [name for name, _, _ in spans(walk("e:D", "e:R", "STOP", "e:U", "stpd"))] == [
        "Starting",
        "Downloading",
        "Training",
        "Stopping",
        "Uploading",
        "Stopped",
    ]


def test_stopping_during_the_upload_changes_the_status_but_adds_no_transition() -> None:
    before, after = walk("e:D", "e:R", "e:U"), walk("e:D", "e:R", "e:U", "STOP")
    assert spans(after) == spans(before)
    assert status(after) is Status.STOPPING
    assert after.modified == before.modified + timedelta(seconds=1)


def test_an_interrupted_job_goes_through_its_stages_again() -> None:
    state = walk("e:D", "e:R", "INT", "intd", "CAP", "e:D", "e:R", "e:U", "done")
    assert [name for name, _, _ in spans(state)] == [
        "Starting",
        "Downloading",
        "Training",
        "Interrupted",
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert state.attempt == 2


def test_time_on_an_instance_leaves_out_the_waiting() -> None:
    # On an instance from 1 to 4 and from 7 to 9 s; waiting for one from 4 to 7 s.
    state = walk("e:D", "e:R", "INT", "intd", "e:S", "CAP", "e:D", "e:R", "done")
    assert (state.started, state.ended) == (T0 + timedelta(seconds=1), T0 + timedelta(seconds=9))
    assert state.ran_seconds == 5


def test_the_time_on_an_instance_grows_while_it_runs() -> None:
    assert walk("e:D").ran(T0 + timedelta(seconds=11)) == 10


def test_metrics_of_a_later_attempt_replace_those_of_an_earlier_one() -> None:
    def finished(outcome: JobOutcome, **values: float) -> Finished:
        return Finished(JobResult(outcome, metrics={name: (value, T0) for name, value in values.items()}))

    state = step(walk("e:D"), finished(JobOutcome.INTERRUPTED, a=1, b=2), T0).state
    state = step(state, Signal.CAPACITY, T0).state
    state = step(state, finished(JobOutcome.COMPLETED, a=3), T0).state
    assert {name: value for name, (value, _) in state.metrics.items()} == {"a": 3, "b": 2}


def test_a_failure_says_its_kind_and_exit_code() -> None:
    assert failure_reason(Failure("AlgorithmError", "boom", 1)) == "AlgorithmError: boom, exit code: 1"
    assert failure_reason(Failure("ClientError", "no such image")) == "ClientError: no such image"
    assert failure_reason(None).startswith("InternalServerError: ")


@pytest.mark.parametrize("length", [900, 998, 999, 1000, 5000])
def test_a_long_failure_keeps_its_first_and_its_last_words(length: int) -> None:
    message = "first words" + "." * (length - 20) + "last word"
    reason = failure_reason(Failure("AlgorithmError", message, 137))
    assert len(reason) <= FAILURE_REASON_LENGTH
    assert reason.startswith("AlgorithmError: first words")
    assert reason.endswith("last word, exit code: 137")
    assert (" [...] " in reason) == (len(f"AlgorithmError: {message}, exit code: 137") > 1024)
