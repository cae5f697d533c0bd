"""A Task state's attempt: schedule, call, and wait as its Resource says.

AWS: "Task workflow state", and the event types of GetExecutionHistory.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from gluonship.local.stepfunctions import resources
from gluonship.local.stepfunctions.failures import RUNTIME, TIMEOUT, StatesError
from gluonship.local.stepfunctions.halting import Halt, HaltedError, Reason
from gluonship.local.stepfunctions.json_text import compact, within_limit
from gluonship.local.stepfunctions.resources import Resource
from gluonship.local.stepfunctions.service_calls import ServiceCall
from gluonship.local.stepfunctions.sync_jobs import JOBS, Watch, finish
from gluonship.local.stepfunctions.task_tokens import PendingTask
from gluonship.local.stepfunctions.visits import Visit

_WHOLE = {"outputDetails": {"truncated": False}}


def run_task(visit: Visit) -> Any:
    """The task's result. Raises StatesError, HaltedError."""
    resource = resources.parse(visit.state["Resource"])
    assert resource is not None, "checked when the machine was made"
    with _token(visit, resource) as pending:
        parameters = visit.arguments()
        timeout, heartbeat = _seconds(visit, "TimeoutSeconds"), _seconds(visit, "HeartbeatSeconds")
        with _limited(visit, timeout) as halt:
            task = _Attempt(visit, resource, timeout, heartbeat)
            try:
                if resource.is_activity:
                    result = task.activity(parameters, pending, halt)
                else:
                    result = task.service(parameters, pending, halt)
            except StatesError as error:
                task.failed(error)
                raise
            except HaltedError:
                if halt.reason is not Reason.TIMED_OUT or visit.frame.halt.reason is not None:
                    raise
                late = StatesError(TIMEOUT)
                task.failed(late)
                raise late from None
    return result


class _Attempt:
    """One attempt, with the events that tell of it."""

    def __init__(
        self, visit: Visit, resource: Resource, timeout: float | None, heartbeat: float | None
    ) -> None:
        self._frame = visit.frame
        self._resource = resource
        self._about = {"resourceType": resource.type_shown, "resource": resource.shown}
        limits = {"timeoutInSeconds": timeout, "heartbeatInSeconds": heartbeat}
        self._limits = {name: int(seconds) for name, seconds in limits.items() if seconds is not None}
        self._heartbeat = heartbeat

    def service(self, parameters: Any, pending: PendingTask | None, halt: Halt) -> Any:
        run = self._frame.run
        self._frame.record(
            "TaskScheduled",
            {**self._about, "region": run.scope.region, "parameters": compact(parameters), **self._limits},
        )
        call = ServiceCall(self._resource, run.around.clients, run.scope)
        request = _of_run(self._resource, run.context, call.request(parameters))
        self._frame.record("TaskStarted", self._about)
        halt.check()
        if self._resource.pattern in ("sync", "sync:2"):
            result = self._job(call, request, halt)
        else:
            answer = call.submit(request)
            halt.check()  # a call is not interrupted, but what comes too late does not count
            _all_entries_taken(self._resource, answer)
            result = answer
            if pending is not None:
                self._submitted(answer)
                pending.expect_heartbeats(self._heartbeat)
                result = pending.wait(halt)
        within_limit(result, f"The state/task '{self._resource.type_shown}'")
        self._frame.record("TaskSucceeded", {**self._about, "output": compact(result), **_WHOLE})
        return result

    def _job(self, call: ServiceCall, request: dict[str, Any], halt: Halt) -> Any:
        watch = Watch(self._frame.run, JOBS[self._resource.operation])
        try:
            answer = call.submit(request)
            self._submitted(answer)
            return finish(self._resource, call, watch, request, answer, halt)
        finally:
            watch.close()

    def _submitted(self, answer: Mapping[str, Any]) -> None:
        self._frame.record("TaskSubmitted", {**self._about, "output": compact(answer), **_WHOLE})

    def activity(self, parameters: Any, pending: PendingTask | None, halt: Halt) -> Any:
        assert pending is not None, "an activity always has a token"
        text = parameters if isinstance(parameters, str) else compact(parameters)
        self._frame.record(
            "ActivityScheduled",
            {
                "resource": self._resource.arn,
                "input": text,
                "inputDetails": {"truncated": False},
                **self._limits,
            },
        )

        def started(worker: str) -> None:
            self._frame.record("ActivityStarted", {"workerName": worker} if worker else None)
            pending.expect_heartbeats(self._heartbeat)

        run = self._frame.run
        with run.around.activities.offered(run.scope, self._resource.arn, pending, text, started):
            result = pending.wait(halt)
        within_limit(result, "The activity")
        self._frame.record("ActivitySucceeded", {"output": compact(result), **_WHOLE})
        return result

    def failed(self, error: StatesError) -> None:
        what = "TimedOut" if error.error == TIMEOUT else "Failed"
        told = {"error": error.error, "cause": error.cause}
        details = {name: value for name, value in told.items() if value is not None}
        if self._resource.is_activity:
            self._frame.record(f"Activity{what}", details)
        else:
            self._frame.record(f"Task{what}", {**self._about, **details})


@contextlib.contextmanager
def _token(visit: Visit, resource: Resource) -> Iterator[PendingTask | None]:
    """A token in the context object, while the task runs, for those that need one."""
    if not resource.is_activity and resource.pattern != "waitForTaskToken":
        yield None
        return
    tokens = visit.frame.run.around.tokens
    pending = tokens.new()
    visit.frame.task = {"Token": pending.token}
    try:
        yield pending
    finally:
        visit.frame.task = {}
        tokens.forget(pending)


@contextlib.contextmanager
def _limited(visit: Visit, seconds: float | None) -> Iterator[Halt]:
    """A halt of the attempt's own, thrown when its time is up."""
    halt = Halt(visit.frame.halt)
    clock = visit.frame.run.around.clock
    timer = None if seconds is None else clock.call_later(seconds, lambda: halt.halt(Reason.TIMED_OUT))
    try:
        yield halt
    finally:
        if timer is not None:
            timer.cancel()
        halt.close()


def _seconds(visit: Visit, field: str) -> float | None:
    value = visit.field(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise StatesError(RUNTIME, f"{field} is no positive number of seconds: {compact(value)}")
    return float(value)


def _of_run(resource: Resource, context: Mapping[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """putEvents names the execution and its machine among the resources of each entry."""
    if resource.family != "events":
        return request
    arns = [context["Execution"]["Id"], context["StateMachine"]["Id"]]
    entries = [{**entry, "Resources": [*entry.get("Resources", ()), *arns]} for entry in request["Entries"]]
    return {**request, "Entries": entries}


def _all_entries_taken(resource: Resource, answer: Mapping[str, Any]) -> None:
    """putEvents succeeds with entries that failed; Step Functions makes an error of them."""
    if resource.family == "events" and answer.get("FailedEntryCount"):
        raise StatesError("EventBridge.FailedEntry", compact(answer.get("Entries", [])))
