"""One visit of one state: how its data come in and go out, in either query language."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gluonship.local.stepfunctions.failures import StatesError
from gluonship.local.stepfunctions.frames import Frame

JSONATA = "JSONata"
JSONPATH = "JSONPath"


@dataclass(frozen=True)
class Move:
    """What a state ends in: its output, and the state that comes next, or none."""

    output: Any
    next: str | None


@dataclass
class Visit(abc.ABC):
    """A state with its input. The subclasses know the query languages."""

    name: str
    state: Mapping[str, Any]
    frame: Frame
    data: Any
    language: str

    def move(self, output: Any) -> Move:
        """On to the state's own Next, or to the end."""
        return Move(output, self.state.get("Next"))

    @abc.abstractmethod
    def input(self) -> Any:
        """The state's effective input."""

    @abc.abstractmethod
    def arguments(self) -> Any:
        """What a Task, Parallel, Map or Pass works on: Parameters or Arguments, else the effective input."""

    @abc.abstractmethod
    def finish(self, result: Any) -> Any:
        """Assigns variables, and gives the state's output for its result."""

    @abc.abstractmethod
    def caught(self, catcher: Mapping[str, Any], error: StatesError) -> Any:
        """Assigns a Catcher's variables, and gives the output with the error in it."""

    @abc.abstractmethod
    def field(self, name: str) -> Any:
        """A field's value whatever form it has: literal, expression, or path in NAMEPath. None: absent."""

    @abc.abstractmethod
    def chosen(self, rule: Mapping[str, Any]) -> Any:
        """Assigns the variables of a Choice's rule (or of the state, for Default), and gives the output."""

    @abc.abstractmethod
    def items(self) -> Any:
        """What a Map goes through."""

    @abc.abstractmethod
    def item(self, value: Any, index: int) -> Any:
        """What one iteration of a Map gets."""

    @abc.abstractmethod
    def holds(self, rule: Mapping[str, Any]) -> bool:
        """Whether a Choice's rule applies."""
