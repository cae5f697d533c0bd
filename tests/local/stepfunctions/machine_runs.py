"""State machines as a user of boto3 runs them."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

ROLE = "arn:aws:iam::123456789012:role/nobody-checks-me"
DEADLINE_SECONDS = 60


class Runs:
    """One user's machines, each with a name of its own."""

    def __init__(self, states: Any) -> None:
        """`states` is a boto3 client of Step Functions."""
        self.states = states

    def create(self, definition: Mapping[str, Any] | str, **more: Any) -> str:
        text = definition if isinstance(definition, str) else json.dumps(definition)
        name = f"machine-{uuid.uuid4().hex[:8]}"
        arn: str = self.states.create_state_machine(name=name, definition=text, roleArn=ROLE, **more)[
            "stateMachineArn"
        ]
        return arn

    def start(self, machine: str, data: Any = None, **more: Any) -> str:
        arn: str = self.states.start_execution(
            stateMachineArn=machine, input=json.dumps({} if data is None else data), **more
        )["executionArn"]
        return arn

    def describe(self, execution: str) -> dict[str, Any]:
        described: dict[str, Any] = self.states.describe_execution(executionArn=execution)
        return described

    def ended(self, execution: str) -> dict[str, Any]:
        """The execution's description when it has ended."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (described := self.describe(execution))["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"{described} {self.types(execution)}"
            time.sleep(0.02)
        return described

    def run(self, definition: Mapping[str, Any], data: Any = None) -> dict[str, Any]:
        """The description of an execution of a new machine, when it has ended."""
        return self.ended(self.start(self.create(definition), data))

    def output(self, definition: Mapping[str, Any], data: Any = None) -> Any:
        """The output of an execution that must succeed."""
        described = self.run(definition, data)
        assert described["status"] == "SUCCEEDED", described
        return json.loads(described["output"])

    def history(self, execution: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.states.get_execution_history(
            executionArn=execution, maxResults=1000
        )["events"]
        return events

    def types(self, execution: str) -> list[str]:
        return [event["type"] for event in self.history(execution)]

    def await_event(self, execution: str, kind: str) -> dict[str, Any]:
        """The first event of a type, when it is there."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            for event in self.history(execution):
                if event["type"] == kind:
                    return event
            assert time.monotonic() < deadline, f"no {kind}: {self.types(execution)}"
            time.sleep(0.02)


def machine(**states: Mapping[str, Any]) -> dict[str, Any]:
    """A machine in JSONPath that begins with the first of its states."""
    return {"StartAt": next(iter(states)), "States": states}


def jsonata(**states: Mapping[str, Any]) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", **machine(**states)}


def task(resource: str, parameters: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A Task in JSONPath that ends the machine, unless `more` has Next."""
    flow = {} if "Next" in more else {"End": True}
    arn = f"arn:aws:states:::{resource}"
    return {"Type": "Task", "Resource": arn, "Parameters": dict(parameters), **flow, **more}
