"""One run of the training pipeline, followed to its end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gluonship.cli.problems import Problem

_POLL_SECONDS = 0.5
_START_SECONDS = 30.0


class RunFailed(Problem):
    """The run ended without a model in service; the message is the machine's error and cause."""


def started_by_data(stepfunctions: Any, machine: str, since: datetime) -> str:
    """The ARN of the execution that EventBridge has started since then. Raises RunFailed where none comes."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        for execution in stepfunctions.list_executions(stateMachineArn=machine)["executions"]:
            if execution["startDate"] >= since:
                return str(execution["executionArn"])
        time.sleep(_POLL_SECONDS)
    raise RunFailed(f"no run has started within {_START_SECONDS:.0f} s of the data being ready")


def started_by_hand(stepfunctions: Any, machine: str, dataset: str) -> str:
    """The ARN of a new execution on the data set, a key prefix in the data bucket."""
    started = stepfunctions.start_execution(stateMachineArn=machine, input=json.dumps({"dataset": dataset}))
    return str(started["executionArn"])


def follow(stepfunctions: Any, execution: str, on_state: Callable[[str, float], None]) -> Mapping[str, Any]:
    """Waits until it has ended and gives its output; `on_state` gets each task and wait as it is entered,
    with the seconds since the start. Raises RunFailed."""
    seen = 0
    while True:
        described = stepfunctions.describe_execution(executionArn=execution)
        pages = stepfunctions.get_paginator("get_execution_history").paginate(executionArn=execution)
        history = [event for page in pages for event in page["events"]]
        for event in history[seen:]:
            if event["type"] in ("TaskStateEntered", "WaitStateEntered", "FailStateEntered"):
                passed = (event["timestamp"] - described["startDate"]).total_seconds()
                on_state(event["stateEnteredEventDetails"]["name"], passed)
        seen = len(history)
        if described["status"] == "SUCCEEDED":
            output: Mapping[str, Any] = json.loads(described["output"])
            return output
        if described["status"] != "RUNNING":
            why = f"{described.get('error', described['status'])}: {described.get('cause', 'no cause given')}"
            raise RunFailed(f"the run {execution.rpartition(':')[2]} failed: {why}")
        time.sleep(_POLL_SECONDS)
