"""Parallel and Map: several frames at once, each on a thread of its own; the first error ends the others."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gluonship.local.stepfunctions.failures import QUERY, RUNTIME, StatesError
from gluonship.local.stepfunctions.frames import Frame
from gluonship.local.stepfunctions.halting import HaltedError, Reason
from gluonship.local.stepfunctions.json_text import compact
from gluonship.local.stepfunctions.visits import JSONATA, Visit

RunMachine = Callable[[Mapping[str, Any], Frame, Any, str], Any]
_MOST_AT_ONCE = 40  # AWS: an inline Map runs up to 40 iterations at once


def run_parallel(visit: Visit, run: RunMachine) -> list[Any]:
    """The branches' outputs, in their order. Raises the first StatesError, HaltedError."""
    data = visit.arguments()
    visit.frame.record("ParallelStateStarted")
    branches = visit.state["Branches"]
    frames = [visit.frame.branch() for _ in branches]
    actions = [
        functools.partial(run, branch, frame, data, visit.language)
        for branch, frame in zip(branches, frames, strict=True)
    ]
    outputs = _all(actions, frames, visit.frame, len(branches))
    visit.frame.record("ParallelStateSucceeded")
    return outputs


def run_map(visit: Visit, run: RunMachine) -> list[Any]:
    """The iterations' outputs, in the items' order. Raises the first StatesError, HaltedError."""
    items = visit.items()
    if not isinstance(items, list):
        name = QUERY if visit.language == JSONATA else RUNTIME
        raise StatesError(name, f"Map state input must be an array but was: {compact(items)}")
    limit = visit.field("MaxConcurrency") or _MOST_AT_ONCE
    if not isinstance(limit, int) or limit < 0:
        raise StatesError(RUNTIME, f"MaxConcurrency is no whole number: {compact(limit)}")
    machine = visit.state.get("ItemProcessor") or visit.state["Iterator"]
    visit.frame.record("MapStateStarted", {"length": len(items)})
    frames = [
        visit.frame.branch({"Item": {"Index": index, "Value": value}}) for index, value in enumerate(items)
    ]

    def iteration(index: int) -> Any:
        frame = frames[index]
        data = visit.item(items[index], index)  # now and not before: each may be as large as a payload
        where = {"name": visit.name, "index": index}
        frame.record("MapIterationStarted", where)
        try:
            output = run(machine, frame, data, visit.language)
        except StatesError:
            frame.record("MapIterationFailed", where)
            raise
        except HaltedError:
            frame.record("MapIterationAborted", where)
            raise
        frame.record("MapIterationSucceeded", where)
        return output

    actions = [functools.partial(iteration, index) for index in range(len(items))]
    outputs = _all(actions, frames, visit.frame, min(limit, _MOST_AT_ONCE))
    visit.frame.record("MapStateSucceeded")
    return outputs


def _all(
    actions: Sequence[Callable[[], Any]], frames: Sequence[Frame], parent: Frame, at_once: int
) -> list[Any]:
    """Every action's value, at most so many at the same time. The first error halts the other frames; all
    have ended when this returns or raises."""
    work = _Work(actions, frames)
    threads = [
        threading.Thread(target=work.go_on, name=f"{threading.current_thread().name}-{number}", daemon=True)
        for number in range(min(at_once, len(actions)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for frame in frames:
        frame.halt.close()
    parent.last_event = max([parent.last_event, *(frame.last_event for frame in frames)])
    parent.halt.check()
    if work.error is not None:
        raise work.error
    return work.outputs


class _Work:
    """What threads share that work off a list of actions."""

    def __init__(self, actions: Sequence[Callable[[], Any]], frames: Sequence[Frame]) -> None:
        self.outputs: list[Any] = [None] * len(actions)
        self.error: Exception | None = None
        self._actions = actions
        self._frames = frames
        self._lock = threading.Lock()
        self._next = 0

    def go_on(self) -> None:
        while (number := self._take()) is not None:
            try:
                self.outputs[number] = self._actions[number]()
            except HaltedError:
                return
            except Exception as error:  # noqa: BLE001 - it is raised again where the branches are joined
                self._fail(error)
                return

    def _take(self) -> int | None:
        with self._lock:
            if self.error is not None or self._next >= len(self._actions):
                return None
            self._next += 1
            return self._next - 1

    def _fail(self, error: Exception) -> None:
        with self._lock:
            if self.error is None:
                self.error = error
        for frame in self._frames:
            frame.halt.halt(Reason.SIBLING)
