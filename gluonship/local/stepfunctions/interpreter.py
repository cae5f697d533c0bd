"""Step Functions of this cloud, put together."""

from __future__ import annotations

from gluonship.local.contracts import Clients, Clock, Events, Handler
from gluonship.local.stepfunctions.activities import Activities
from gluonship.local.stepfunctions.execution_operations import CLOSE_SECONDS, ExecutionOperations
from gluonship.local.stepfunctions.frames import Surroundings
from gluonship.local.stepfunctions.machine_operations import MachineOperations
from gluonship.local.stepfunctions.machines import Machines
from gluonship.local.stepfunctions.task_tokens import TaskTokens
from gluonship.local.stepfunctions.versions import VersionOperations


class Interpreter:
    """All of the service's operations, and the executions behind them. They act through `clients`, wait on
    `clock` and tell `events` what becomes of them."""

    def __init__(self, clients: Clients, clock: Clock, events: Events) -> None:
        machines = Machines()
        tokens = TaskTokens(clock)
        self._activities = Activities(clock)
        around = Surroundings(clients, clock, events, tokens, self._activities)
        self._executions = ExecutionOperations(machines, clients, around)
        parts = (
            MachineOperations(machines, clients, clock, self._executions.stop_all),
            VersionOperations(machines, clock),
            self._executions,
            tokens,
            self._activities,
        )
        self._operations = {name: handler for part in parts for name, handler in part.operations().items()}

    def operations(self) -> dict[str, Handler]:
        """Handlers of the service "stepfunctions". What is missing has no distributed Map to work on
        (DescribeMapRun, ListMapRuns, UpdateMapRun) or is refused (RedriveExecution, TestState)."""
        return dict(self._operations)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Ends the executions that run, with the jobs they wait for, within so many seconds."""
        self._activities.close()
        self._executions.stop_all(seconds=seconds)
