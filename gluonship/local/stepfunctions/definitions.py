"""Definitions of state machines: read, and checked with the place of every mistake.

AWS: "Using Amazon States Language to define Step Functions workflows"; ValidateStateMachineDefinition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gluonship.local.contracts import Clients, Scope
from gluonship.local.stepfunctions.definition_states import check_state
from gluonship.local.stepfunctions.definition_tasks import check_task
from gluonship.local.stepfunctions.diagnostics import SCHEMA, Diagnostic, counted
from gluonship.local.stepfunctions.json_text import read
from gluonship.local.stepfunctions.visits import JSONATA, JSONPATH

_MACHINE_FIELDS = frozenset(("Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version"))
_BRANCH_FIELDS = frozenset(("Comment", "QueryLanguage", "StartAt", "States", "ProcessorConfig"))


@dataclass(frozen=True)
class Place:
    """Where a machine stands in a definition, and what holds there."""

    path: str
    language: str
    inner: bool
    assigned: frozenset[str] = frozenset()  # the variables of the scopes around


def load(text: str) -> tuple[dict[str, Any], list[Diagnostic]]:
    """The definition's JSON, or what is wrong with it."""
    try:
        machine = read(text)
    except ValueError as error:
        wrong = f"Invalid JSON: {error}"
        return {}, [Diagnostic("INVALID_JSON_DESCRIPTION", wrong, "/")]
    if not isinstance(machine, dict):
        return {}, [Diagnostic("INVALID_JSON_DESCRIPTION", "The definition must be a JSON object", "/")]
    return machine, []


def check(machine: Mapping[str, Any], kind: str, clients: Clients, scope: Scope) -> list[Diagnostic]:
    """All mistakes of a definition; `kind` is STANDARD or EXPRESS. Those of the kind "refused" are right on
    AWS, and need what this cloud does not run."""
    return list(_machine(machine, Place("", JSONPATH, False), kind, clients, scope))


def _machine(
    machine: Mapping[str, Any], place: Place, kind: str, clients: Clients, scope: Scope
) -> Iterator[Diagnostic]:
    fields = _BRANCH_FIELDS if place.inner else _MACHINE_FIELDS
    for field in sorted(set(machine) - fields):
        yield Diagnostic(SCHEMA, f"Field '{field}' is not supported", f"{place.path}/{field}")
    language = machine.get("QueryLanguage", place.language)
    if language not in (JSONATA, JSONPATH) or (place.language == JSONATA and language != JSONATA):
        yield Diagnostic(
            SCHEMA, f"QueryLanguage {language!r} cannot be used here", f"{place.path}/QueryLanguage"
        )
        return
    yield from counted(machine, "TimeoutSeconds", 1, place.path)
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield Diagnostic(SCHEMA, "These fields are required: [States]", place.path or "/")
        return
    yield from _flow(machine, states, place.path)
    own = set[str]()
    for name, state in states.items():
        for variable, where in assignments(state):
            own.add(variable)
            if variable in place.assigned:
                yield Diagnostic(SCHEMA, _shadowed(variable), f"{place.path}/States/{name}{where}")
    place = replace(place, assigned=place.assigned | own)
    for name, state in states.items():
        where = f"{place.path}/States/{name}"
        if not isinstance(state, dict):
            yield Diagnostic(SCHEMA, "A state must be a JSON object", where)
            continue
        spoken = state.get("QueryLanguage", language)
        yield from check_state(state, where, spoken, language)
        if state.get("Type") == "Task":
            yield from check_task(name, state, where, spoken, kind, clients, scope)
        for path, branch in _inner(state, where):
            inside = replace(place, path=path, language=spoken, inner=True)
            yield from _machine(branch, inside, kind, clients, scope)


def _inner(state: Mapping[str, Any], where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The machines inside a state; check_state has said what is none."""
    if state.get("Type") == "Parallel" and isinstance(state.get("Branches"), list):
        for number, branch in enumerate(state["Branches"]):
            if isinstance(branch, dict):
                yield f"{where}/Branches[{number}]", branch
    if state.get("Type") == "Map":
        for field in ("ItemProcessor", "Iterator"):
            if isinstance(state.get(field), dict):
                yield f"{where}/{field}", state[field]


def _flow(machine: Mapping[str, Any], states: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    """That every transition leads to a state, and that every state can be reached."""
    start = machine.get("StartAt")
    if not isinstance(start, str):
        yield Diagnostic(SCHEMA, "These fields are required: [StartAt]", path or "/")
        return
    if start not in states:
        yield Diagnostic("MISSING_TRANSITION_TARGET", f"Missing 'StartAt' target: {start}", f"{path}/StartAt")
        return
    wrong = False
    for name, state in states.items():
        for target, where in targets(state):
            if target not in states:
                wrong = True
                yield Diagnostic(
                    "MISSING_TRANSITION_TARGET",
                    f"Missing 'Next' target: {target}",
                    f"{path}/States/{name}{where}",
                )
    reached, waiting = set[str](), [start]
    while waiting:
        name = waiting.pop()
        if name in states and name not in reached:
            reached.add(name)
            waiting.extend(target for target, _ in targets(states[name]))
    if not wrong:
        for name in states:
            if name not in reached:
                yield Diagnostic(
                    "MISSING_TRANSITION_TARGET", f'State "{name}" is not reachable', f"{path}/States/{name}"
                )


def targets(state: Any) -> Iterator[tuple[str, str]]:
    """The states that one leads to, each with its place in it."""
    if not isinstance(state, dict):
        return
    for field in ("Next", "Default"):
        if isinstance(state.get(field), str):
            yield state[field], f"/{field}"
    for field in ("Choices", "Catch"):
        rules = state.get(field)
        for number, rule in enumerate(rules if isinstance(rules, list) else ()):
            if isinstance(rule, dict) and isinstance(rule.get("Next"), str):
                yield rule["Next"], f"/{field}[{number}]/Next"


def assignments(state: Any) -> Iterator[tuple[str, str]]:
    """The variables that a state assigns in its own scope, each with its place in it."""
    if not isinstance(state, dict):
        return
    holders = [("", state)]
    for field in ("Choices", "Catch"):
        rules = state.get(field)
        for number, rule in enumerate(rules if isinstance(rules, list) else ()):
            if isinstance(rule, dict):
                holders.append((f"/{field}[{number}]", rule))
    for where, holder in holders:
        values = holder.get("Assign")
        for name in values if isinstance(values, dict) else ():
            yield name.removesuffix(".$"), f"{where}/Assign/{name}"


def _shadowed(variable: str) -> str:
    """AWS: "Passing data between states with variables", scope of variables."""
    return (
        f"The variable '{variable}' is assigned in an outer scope too: a variable of an inner scope cannot "
        "have its name"
    )
