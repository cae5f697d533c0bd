"""Executions: a thread each, from StartExecution to an end that nobody can miss."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gluonship.local.contracts import Scope, StateChange
from gluonship.local.stepfunctions.failures import RUNTIME, StatesError
from gluonship.local.stepfunctions.frames import Frame, Run, Surroundings
from gluonship.local.stepfunctions.halting import Halt, HaltedError, Reason
from gluonship.local.stepfunctions.history import MOST_EVENTS, History
from gluonship.local.stepfunctions.json_text import compact, timestamp
from gluonship.local.stepfunctions.machines import Chosen
from gluonship.local.stepfunctions.state_machines import run_machine

_log = logging.getLogger(__name__)
_STOP_SECONDS = 10.0
_EXPRESS_SECONDS = 300  # AWS ends an Express execution after five minutes
_WHOLE = {"inputDetails": {"truncated": False}}


class Execution:
    """One execution of one revision of a machine."""

    def __init__(
        self,
        scope: Scope,
        name: str,
        arn: str,
        chosen: Chosen,
        text: str,
        around: Surroundings,
        on_event: Callable[[Mapping[str, Any]], None] | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """`text` is the input's JSON."""
        self.scope, self.name, self.arn, self.chosen, self.input = scope, name, arn, chosen, text
        self.status = "RUNNING"
        self.started: datetime = around.clock.now()
        self.stopped: datetime | None = None
        self.output: str | None = None
        self.error: str | None = None
        self.cause: str | None = None
        self._around = around
        self._on_end = on_end
        self._lock = threading.Lock()
        self._halt = Halt()
        self._express = chosen.machine.kind == "EXPRESS"
        self.history = History(
            around.clock,
            on_event,
            kept=not self._express,  # AWS: the history of an Express execution is in its log only
            on_full=lambda: self._halt.halt(Reason.FULL),
        )
        self._told: tuple[str | None, str | None] = (None, None)  # StopExecution's error and cause
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._publish()
        self._thread = threading.Thread(target=self.run, name=f"states-{self.arn}/", daemon=True)
        self._thread.start()

    def stop(self, error: str | None = None, cause: str | None = None) -> None:
        """Ends it, with its jobs; returns when it has ended, but at once to a task of its own."""
        with self._lock:
            if self.status == "RUNNING" and self._halt.reason is None:
                self._told = (error, cause)
        self._halt.halt(Reason.STOPPED)
        # Its branches' threads bear its own thread's name, and more.
        if self._thread is not None and not threading.current_thread().name.startswith(self._thread.name):
            self._thread.join(_STOP_SECONDS)

    def describe(self) -> dict[str, Any]:
        """DescribeExecution's members."""
        with self._lock:
            members = {
                "executionArn": self.arn,
                "stateMachineArn": self.chosen.machine.arn,
                "name": self.name,
                "status": self.status,
                "startDate": self.started,
                "stopDate": self.stopped,
                "input": self.input,
                "inputDetails": {"included": True},
                "output": self.output,
                "outputDetails": {"included": True} if self.output is not None else None,
                "error": self.error,
                "cause": self.cause,
                "stateMachineVersionArn": self.chosen.version_arn or None,
                "stateMachineAliasArn": self.chosen.alias_arn or None,
                "redriveCount": 0,
                "redriveStatus": "NOT_REDRIVABLE",
                "redriveStatusReason": "The local cloud does not redrive executions",
            }
        return {name: value for name, value in members.items() if value is not None}

    def run(self) -> None:
        """The whole of it, on this thread; every end is recorded, none is raised."""
        data = json.loads(self.input)
        role = self.chosen.revision.role_arn
        frame = Frame(Run(self.scope, role, self._context(data), self.history, self._around), self._halt)
        frame.record("ExecutionStarted", {"input": self.input, "roleArn": role, **_WHOLE})
        frame.last_event = 0  # AWS: the first state's event follows no other
        machine = self.chosen.revision.machine
        limit = machine.get("TimeoutSeconds")
        if self._express:
            limit = min(limit or _EXPRESS_SECONDS, _EXPRESS_SECONDS)
        timer = (
            self._around.clock.call_later(limit, lambda: self._halt.halt(Reason.TIMED_OUT)) if limit else None
        )
        try:
            output = compact(run_machine(machine, frame, data))
            self._halt.end()
        except HaltedError as halted:
            self._halted(frame, halted.reason)
        except StatesError as error:
            self._failed(frame, error)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not leave an execution running for ever
            _log.exception("%s", self.arn)
            self._failed(frame, StatesError(RUNTIME, f"{type(error).__name__}: {error}"))
        else:
            frame.record("ExecutionSucceeded", {"output": output, "outputDetails": {"truncated": False}})
            self._end("SUCCEEDED", output=output)
        finally:
            if timer is not None:
                timer.cancel()

    def _halted(self, frame: Frame, reason: Reason) -> None:
        if reason is Reason.FULL:
            full = f"The execution reached the maximum number of history events ({MOST_EVENTS})."
            self._failed(frame, StatesError(RUNTIME, full))
            return
        if reason is Reason.TIMED_OUT:
            frame.record("ExecutionTimedOut")
            self._end("TIMED_OUT", error="States.Timeout")
            return
        error, cause = self._told
        told = {name: value for name, value in (("error", error), ("cause", cause)) if value is not None}
        frame.record("ExecutionAborted", told)
        self._end("ABORTED", error=error, cause=cause)

    def _failed(self, frame: Frame, error: StatesError) -> None:
        told = {"error": error.error, "cause": error.cause}
        frame.record("ExecutionFailed", {name: value for name, value in told.items() if value is not None})
        self._end("FAILED", error=error.error, cause=error.cause)

    def _end(
        self, status: str, output: str | None = None, error: str | None = None, cause: str | None = None
    ) -> None:
        with self._lock:
            self.status, self.output, self.error, self.cause = status, output, error, cause
            self.stopped = self._around.clock.now()
        self._publish()
        self._on_end()

    def _publish(self) -> None:
        if self._express:
            return  # AWS: Express executions send no events
        described = self.describe()
        time = self.stopped or self.started
        self._around.events.publish(
            StateChange(
                self.scope, "StateMachineExecution", self.name, self.arn, self.status, None, time, described
            )
        )

    def _context(self, data: Any) -> dict[str, Any]:
        machine = self.chosen.machine
        return {
            "Execution": {
                "Id": self.arn,
                "Input": data,
                "Name": self.name,
                "RoleArn": self.chosen.revision.role_arn,
                "StartTime": timestamp(self.started),
                "RedriveCount": 0,
            },
            "StateMachine": {"Id": machine.arn, "Name": machine.name},
        }
