"""The API's operations on executions.

AWS: Step Functions API reference, StartExecution and those around it.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from gluonship.local.contracts import AwsError, Clients, Handler, Scope
from gluonship.local.stepfunctions.executions import Execution
from gluonship.local.stepfunctions.frames import Surroundings
from gluonship.local.stepfunctions.json_text import read
from gluonship.local.stepfunctions.log_delivery import delivery
from gluonship.local.stepfunctions.machine_operations import described
from gluonship.local.stepfunctions.machines import Chosen, Machines
from gluonship.local.stepfunctions.paging import page
from gluonship.local.stepfunctions.resource_names import checked_arn, checked_name

CLOSE_SECONDS = 10.0


class ExecutionOperations:
    """Handlers over the executions of all machines."""

    def __init__(self, machines: Machines, clients: Clients, around: Surroundings) -> None:
        self._machines = machines
        self._clients = clients
        self._around = around
        self._lock = threading.Lock()
        self._executions: dict[str, Execution] = {}  # of Express machines, those that run

    def operations(self) -> dict[str, Handler]:
        return {
            "DescribeExecution": self._describe,
            "DescribeStateMachineForExecution": self._describe_machine,
            "GetExecutionHistory": self._history,
            "ListExecutions": self._list,
            "StartExecution": self._start,
            "StartSyncExecution": self._start_sync,
            "StopExecution": self._stop,
        }

    def stop_all(self, machine_arn: str = "", seconds: float = CLOSE_SECONDS) -> None:
        """Ends those that run, of one machine or of all, and waits for them so long at most."""
        with self._lock:
            running = [
                each
                for each in self._executions.values()
                if each.status == "RUNNING" and machine_arn in ("", each.chosen.machine.arn)
            ]
        stoppers = [threading.Thread(target=each.stop, daemon=True) for each in running]
        for stopper in stoppers:
            stopper.start()
        end = time.monotonic() + seconds
        for stopper in stoppers:
            stopper.join(max(0.0, end - time.monotonic()))

    def _start(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        chosen = self._machines.choose(scope, request["stateMachineArn"])
        name = checked_name(request.get("name") or str(uuid.uuid4()))
        text = _input(request)
        if chosen.machine.kind == "EXPRESS":
            execution = self._express(chosen, name, text)
            execution.start()
            return {"executionArn": execution.arn, "startDate": execution.started}
        arn = chosen.machine.scope.arn("states", f"execution:{chosen.machine.name}:{name}")
        with self._lock:
            known = self._executions.get(arn)
            if known is None:
                execution = self._made(chosen, name, arn, text)
                self._executions[arn] = execution
        if known is None:
            execution.start()
            known = execution
        elif known.status != "RUNNING" or known.input != text:
            raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        return {"executionArn": known.arn, "startDate": known.started}

    def _start_sync(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        chosen = self._machines.choose(scope, request["stateMachineArn"])
        if chosen.machine.kind != "EXPRESS":
            raise AwsError(
                "StateMachineTypeNotSupported",
                "This operation is not supported by this type of state machine",
            )
        name = checked_name(request.get("name") or str(uuid.uuid4()))
        execution = self._express(chosen, name, _input(request))
        execution.run()
        shown = execution.describe()
        kept = (
            "redriveCount",
            "redriveStatus",
            "redriveStatusReason",
            "stateMachineVersionArn",
            "stateMachineAliasArn",
        )
        return {name: value for name, value in shown.items() if name not in kept}

    def _stop(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        execution = self._find(scope, request["executionArn"])
        execution.stop(request.get("error"), request.get("cause"))
        return {"stopDate": execution.stopped or self._around.clock.now()}

    def _describe(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        return self._find(scope, request["executionArn"]).describe()

    def _describe_machine(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        chosen = self._find(scope, request["executionArn"]).chosen
        return {
            "stateMachineArn": chosen.machine.arn,
            "name": chosen.machine.name,
            "updateDate": chosen.revision.updated,
            **described(chosen.revision),
        }

    def _history(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        events = self._find(scope, request["executionArn"]).history.events()
        if request.get("reverseOrder"):
            events.reverse()
        answer = page("events", events, request)
        if request.get("includeExecutionData") is False:
            answer["events"] = [_without_data(event) for event in answer["events"]]
        return answer

    def _list(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        if "stateMachineArn" not in request:
            raise AwsError("ValidationException", "stateMachineArn is required: there are no Map Runs here")
        machine = self._machines.choose(scope, request["stateMachineArn"]).machine
        if machine.kind == "EXPRESS":
            raise AwsError(
                "StateMachineTypeNotSupported",
                "This operation is not supported by this type of state machine",
            )
        with self._lock:
            found = [each for each in self._executions.values() if each.chosen.machine.arn == machine.arn]
        wanted = request.get("statusFilter")
        shown = [each.describe() for each in found]
        members = (
            "executionArn",
            "stateMachineArn",
            "name",
            "status",
            "startDate",
            "stopDate",
            "stateMachineVersionArn",
            "stateMachineAliasArn",
        )
        items = [
            {name: each[name] for name in members if name in each}
            for each in shown
            if wanted in (None, each["status"])
        ]
        items.sort(key=lambda each: each["startDate"], reverse=True)
        return page("executions", items, request)

    def _express(self, chosen: Chosen, name: str, text: str) -> Execution:
        """An execution that nobody can ask about: it is forgotten when it has ended."""
        arn = chosen.machine.scope.arn("states", f"express:{chosen.machine.name}:{name}:{uuid.uuid4()}")

        def forget() -> None:
            with self._lock:
                del self._executions[arn]

        execution = self._made(chosen, name, arn, text, forget)
        with self._lock:
            self._executions[arn] = execution
        return execution

    def _made(
        self, chosen: Chosen, name: str, arn: str, text: str, on_end: Callable[[], None] = lambda: None
    ) -> Execution:
        scope = chosen.machine.scope
        deliver = delivery(self._clients, scope, chosen, arn, self._around.clock)
        return Execution(scope, name, arn, chosen, text, self._around, deliver, on_end)

    def _find(self, scope: Scope, arn: str) -> Execution:
        checked_arn(arn, "execution")
        with self._lock:
            execution = self._executions.get(arn)
        if execution is None or execution.scope != scope:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return execution


def _input(request: dict[str, Any]) -> str:
    text: str = request.get("input", "{}")
    try:
        read(text)
    except ValueError as error:
        raise AwsError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from None
    if len(text.encode()) > 256 * 1024:
        raise AwsError("InvalidExecutionInput", "Invalid State Machine Execution Input: 'above 262144 bytes'")
    return text


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    """AWS: includeExecutionData false leaves out inputs, outputs and parameters."""
    hidden = ("input", "output", "parameters")
    return {
        member: {name: part for name, part in value.items() if name not in hidden}
        if isinstance(value, dict)
        else value
        for member, value in event.items()
    }
