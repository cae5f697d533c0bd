"""Step Functions in this process: real threads, a clock that a test advances, and no services behind it."""

from __future__ import annotations

import functools
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

import boto3

from gluonship.local.contracts import Clients, Scope, StateChange
from gluonship.local.execution.clock import SystemClock
from gluonship.local.execution.events import EventStream
from gluonship.local.stepfunctions.interpreter import Interpreter

SCOPE = Scope("123456789012", "us-east-1")
ROLE = "arn:aws:iam::123456789012:role/states"
DEADLINE_SECONDS = 20


@functools.cache
def model_client(scope: Scope, service: str) -> Any:
    """contracts.Clients, for the services' models: nothing answers its requests."""
    session: Any = boto3.Session("test", "test", region_name=scope.region)
    return session.client(service, endpoint_url="http://127.0.0.1:9")


class House:
    """An interpreter with its clock and its stream of changes."""

    def __init__(self, clients: Clients = model_client) -> None:
        self.clock, self.events = SystemClock(), EventStream()
        self.changes: list[StateChange] = []
        self.events.subscribe(self.changes.append)
        self.interpreter = Interpreter(clients, self.clock, self.events)
        self._operations = self.interpreter.operations()

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self._operations[operation](SCOPE, request)

    def create(self, definition: Mapping[str, Any], **more: Any) -> str:
        text = json.dumps(definition)
        request = {"name": f"m-{uuid.uuid4().hex[:8]}", "definition": text, "roleArn": ROLE, **more}
        return str(self.call("CreateStateMachine", **request)["stateMachineArn"])

    def start(self, definition: Mapping[str, Any], data: Any = None, **more: Any) -> str:
        text = json.dumps({} if data is None else data)
        arn = self.create(definition)
        return str(self.call("StartExecution", stateMachineArn=arn, input=text, **more)["executionArn"])

    def describe(self, execution: str) -> dict[str, Any]:
        return self.call("DescribeExecution", executionArn=execution)

    def ended(self, execution: str, advance: float = 0) -> dict[str, Any]:
        """The description when it has ended; meanwhile the clock is advanced again and again."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (described := self.describe(execution))["status"] == "RUNNING":
            assert time.monotonic() < deadline, self.types(execution)
            time.sleep(0.002)
            self.clock.advance(advance)
        return described

    def run(self, definition: Mapping[str, Any], data: Any = None, advance: float = 0) -> dict[str, Any]:
        return self.ended(self.start(definition, data), advance)

    def output(self, definition: Mapping[str, Any], data: Any = None, advance: float = 0) -> Any:
        described = self.run(definition, data, advance)
        assert described["status"] == "SUCCEEDED", described
        return json.loads(described["output"])

    def history(self, execution: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.call(
            "GetExecutionHistory", executionArn=execution, maxResults=1000
        )["events"]
        return events

    def types(self, execution: str) -> list[str]:
        return [event["type"] for event in self.history(execution)]

    def await_type(self, execution: str, kind: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while kind not in self.types(execution):
            assert time.monotonic() < deadline, self.types(execution)
            time.sleep(0.002)
