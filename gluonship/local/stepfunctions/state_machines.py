"""Running a machine: state after state, from StartAt to an end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from gluonship.local.stepfunctions.branches import run_map, run_parallel
from gluonship.local.stepfunctions.failures import QUERY, RUNTIME, StatesError
from gluonship.local.stepfunctions.frames import Frame
from gluonship.local.stepfunctions.halting import HaltedError, pause
from gluonship.local.stepfunctions.json_text import compact, parsed_timestamp, timestamp, within_limit
from gluonship.local.stepfunctions.jsonata_visits import JsonataVisit
from gluonship.local.stepfunctions.jsonpath_visits import JsonPathVisit
from gluonship.local.stepfunctions.retries import with_retries
from gluonship.local.stepfunctions.tasks import run_task
from gluonship.local.stepfunctions.visits import JSONATA, JSONPATH, Move, Visit

_MOST_SECONDS = 99_999_999  # AWS: of a Wait
_ABORTABLE = ("Task", "Wait", "Parallel", "Map")  # the states for which AWS has a ...StateAborted event


def run_machine(machine: Mapping[str, Any], frame: Frame, data: Any, language: str = "") -> Any:
    """The output of a machine, or of a branch of one. Raises StatesError, HaltedError."""
    spoken = machine.get("QueryLanguage") or language or JSONPATH
    name: str | None = machine["StartAt"]
    while name is not None:
        frame.halt.check()
        move = run_state(name, machine["States"][name], frame, data, spoken)
        name, data = move.next, move.output
    return data


def run_state(name: str, state: Mapping[str, Any], frame: Frame, data: Any, language: str) -> Move:
    """One visit of one state. Raises StatesError, HaltedError."""
    kind = state["Type"]
    entered = frame.record(f"{kind}StateEntered", {"name": name, "input": compact(data), **_WHOLE_INPUT})
    frame.state = {"EnteredTime": timestamp(frame.run.around.clock.now()), "Name": name}
    spoken = state.get("QueryLanguage") or language
    visit = (JsonataVisit if spoken == JSONATA else JsonPathVisit)(name, state, frame, data, spoken)
    before = frame.variables.all()
    try:
        move = _KINDS[kind](visit, entered)
        within_limit(move.output, f"The state/task '{name}'")
    except StatesError as error:
        raise error.placed(name, entered) from error
    except HaltedError:
        if kind in _ABORTABLE:
            frame.record(f"{kind}StateAborted")
        raise
    if kind != "Fail":
        details = {"name": name, "output": compact(move.output), **_WHOLE_OUTPUT}
        frame.record(f"{kind}StateExited", {**details, **_assigned(before, frame.variables.all())})
    return move


_WHOLE_INPUT = {"inputDetails": {"truncated": False}}
_WHOLE_OUTPUT = {"outputDetails": {"truncated": False}}


def _assigned(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    new = {
        name: compact(value) for name, value in after.items() if name not in before or before[name] != value
    }
    if not new:
        return {}
    return {"assignedVariables": new, "assignedVariablesDetails": {"truncated": False}}


def _pass(visit: Visit, entered: int) -> Move:
    result = visit.state["Result"] if "Result" in visit.state else visit.arguments()
    return visit.move(visit.finish(result))


def _succeed(visit: Visit, entered: int) -> Move:
    return Move(visit.finish(visit.input()), None)


def _fail(visit: Visit, entered: int) -> Move:
    for field in ("Error", "Cause"):
        value = visit.field(field)
        if value is not None and not isinstance(value, str):
            wrong = QUERY if visit.language == JSONATA else RUNTIME
            raise StatesError(wrong, f"The {field} of a Fail state must be a text: {compact(value)}")
    raise StatesError(visit.field("Error"), visit.field("Cause"))


def _choice(visit: Visit, entered: int) -> Move:
    for rule in visit.state["Choices"]:
        if visit.holds(rule):
            return Move(visit.chosen(rule), rule["Next"])
    if "Default" not in visit.state:
        raise StatesError(
            "States.NoChoiceMatched",
            f"An error occurred while executing the state '{visit.name}' (entered at the event id "
            f"#{entered}). Failed to transition out of the state. The state's output did not match any "
            "choice rule and there is no Default.",
        )
    return Move(visit.chosen(visit.state), visit.state["Default"])


def _wait(visit: Visit, entered: int) -> Move:
    clock = visit.frame.run.around.clock
    until = visit.field("Timestamp")
    if until is None:
        seconds = _number(visit.field("Seconds"), "Seconds")
    else:
        try:
            seconds = (parsed_timestamp(until) - clock.now()).total_seconds()
        except (TypeError, ValueError):
            raise StatesError(
                RUNTIME,
                "The Timestamp parameter does not reference a valid ISO-8601 extended offset date-time "
                f"format string: {compact(until)}",
            ) from None
    pause(seconds, clock, visit.frame.halt)
    return visit.move(visit.finish(visit.input()))


def _task(visit: Visit, entered: int) -> Move:
    visit.frame.state["RetryCount"] = 0
    return with_retries(visit, entered, lambda: run_task(visit))


def _parallel(visit: Visit, entered: int) -> Move:
    visit.frame.state["RetryCount"] = 0
    failed = _recording(visit, "ParallelStateFailed")
    return with_retries(visit, entered, lambda: run_parallel(visit, run_machine), failed)


def _map(visit: Visit, entered: int) -> Move:
    visit.frame.state["RetryCount"] = 0
    failed = _recording(visit, "MapStateFailed")
    return with_retries(visit, entered, lambda: run_map(visit, run_machine), failed)


def _recording(visit: Visit, kind: str) -> Callable[[], None]:
    def record() -> None:
        visit.frame.record(kind)

    return record


def _number(value: Any, field: str) -> float:
    whole = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not whole or not 0 <= value <= _MOST_SECONDS:
        raise StatesError(
            RUNTIME,
            f"The {field} parameter is no number of seconds up to {_MOST_SECONDS}: {compact(value)}",
        )
    return float(value)


_KINDS: Mapping[str, Callable[[Visit, int], Move]] = {
    "Pass": _pass,
    "Succeed": _succeed,
    "Fail": _fail,
    "Choice": _choice,
    "Wait": _wait,
    "Task": _task,
    "Parallel": _parallel,
    "Map": _map,
}
