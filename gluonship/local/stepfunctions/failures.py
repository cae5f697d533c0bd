"""What fails inside an execution, by the names that Retry and Catch know.

AWS: "Handling errors in Step Functions workflows", the table of error names.
"""

from __future__ import annotations

from collections.abc import Sequence

RUNTIME = "States.Runtime"
QUERY = "States.QueryEvaluationError"
TIMEOUT = "States.Timeout"
HEARTBEAT = "States.HeartbeatTimeout"
TASK_FAILED = "States.TaskFailed"
DATA_LIMIT = "States.DataLimitExceeded"

_TERMINAL = (RUNTIME, DATA_LIMIT)  # no wildcard catches these


class StatesError(Exception):
    """A state failed. `error` and `cause` are what Catch sees and DescribeExecution shows."""

    def __init__(self, error: str | None, cause: str | None = None, *, also: str = "") -> None:
        """`also`: a second name that Retry and Catch may give it by."""
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause
        self.also = also
        self._placed = False

    def placed(self, state: str, entered: int) -> StatesError:
        """With the state in the cause, where AWS writes it: errors of the definition, not of a task."""
        if self.error in (RUNTIME, QUERY) and not self._placed:
            where = (
                f"An error occurred while executing the state '{state}' (entered at the event id #{entered})."
            )
            self.cause = f"{where} {self.cause}"
            self._placed = True
        return self

    @property
    def output(self) -> dict[str, str]:
        """What a Catcher gets."""
        return {"Error": self.error or "", "Cause": self.cause or ""}


def matches(names: Sequence[str], error: StatesError) -> bool:
    """Whether an ErrorEquals names the error."""
    if error.error in names or (error.also and error.also in names):
        return True
    if error.error in _TERMINAL:
        return False
    return "States.ALL" in names or (TASK_FAILED in names and error.error != TIMEOUT)
