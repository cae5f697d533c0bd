"""What a state sees besides its input: the execution it is part of, its branch, its variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gluonship.local.contracts import Clients, Clock, Events, Scope
from gluonship.local.stepfunctions.failures import RUNTIME, StatesError
from gluonship.local.stepfunctions.halting import Halt
from gluonship.local.stepfunctions.history import History
from gluonship.local.stepfunctions.json_text import within_limit

if TYPE_CHECKING:
    from gluonship.local.stepfunctions.activities import Activities
    from gluonship.local.stepfunctions.task_tokens import TaskTokens


_ALL_VARIABLES_BYTES = 10 * 2**20  # AWS: of all that are stored, in one execution


@dataclass(frozen=True)
class Surroundings:
    """The partners of every execution."""

    clients: Clients
    clock: Clock
    events: Events
    tokens: TaskTokens
    activities: Activities


@dataclass(frozen=True)
class Run:
    """One execution, as its states see it. `context`: Execution and StateMachine of the context object."""

    scope: Scope
    role_arn: str
    context: Mapping[str, Any]
    history: History
    around: Surroundings


class Variables:
    """The variables of one machine or branch: outer ones can be read, not assigned.

    AWS: "Passing data between states with variables", scope of variables.
    """

    def __init__(self, outer: Mapping[str, Any] | None = None) -> None:
        self._outer = dict(outer or {})
        self._own: dict[str, Any] = {}

    def all(self) -> dict[str, Any]:
        return {**self._outer, **self._own}

    def assign(self, values: Mapping[str, Any]) -> None:
        for name in values:
            if name in self._outer:
                raise StatesError(
                    RUNTIME, f"The variable '{name}' belongs to an outer scope and cannot be assigned here."
                )
        within_limit({**self.all(), **values}, "The variables of the execution", _ALL_VARIABLES_BYTES)
        self._own.update(values)


@dataclass
class Frame:
    """Where states run one after the other: the execution itself, a branch, an iteration of a Map."""

    run: Run
    halt: Halt
    variables: Variables = field(default_factory=Variables)
    last_event: int = 0
    state: dict[str, Any] = field(default_factory=dict)  # $$.State
    task: dict[str, Any] = field(default_factory=dict)  # $$.Task
    map: dict[str, Any] = field(default_factory=dict)  # $$.Map

    def record(self, kind: str, details: Mapping[str, Any] | None = None) -> int:
        self.last_event = self.run.history.add(kind, self.last_event, details)
        return self.last_event

    def branch(self, item: dict[str, Any] | None = None) -> Frame:
        """A frame below this one, with a halt of its own; `item` is what a Map gives its iteration."""
        return Frame(
            self.run,
            Halt(self.halt),
            Variables(self.variables.all()),
            self.last_event,
            dict(self.state),
            {},
            item if item is not None else dict(self.map),
        )

    def context(self) -> dict[str, Any]:
        """The context object. AWS: "Accessing execution data from the Context object"."""
        parts = {"State": self.state, "Task": self.task, "Map": self.map}
        return {**self.run.context, **{name: part for name, part in parts.items() if part}}
