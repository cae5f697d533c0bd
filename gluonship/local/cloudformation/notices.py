"""Stack events to the SNS topics that a stack names.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-and-notifications.html
"""

from __future__ import annotations

import logging
import queue
import threading

from botocore.exceptions import BotoCoreError, ClientError

from gluonship.local.cloudformation.stacks.events import StackEvent
from gluonship.local.cloudformation.stacks.register import Register
from gluonship.local.contracts import Clients

_log = logging.getLogger(__name__)


class Notices:
    """Published in order, by one thread, which begins with the first notice."""

    def __init__(self, clients: Clients, register: Register) -> None:
        self._clients = clients
        self._register = register
        self._queue: queue.SimpleQueue[StackEvent | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def heard(self, event: StackEvent) -> None:
        if not event.topics:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stack notices", daemon=True)
                self._thread.start()
        self._queue.put(event)

    def close(self, seconds: float) -> None:
        """Waits so long at most for what is queued."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            for arn in event.topics:
                self._publish(event, arn)

    def _publish(self, event: StackEvent, arn: str) -> None:
        stack = self._register.by_id(event.stack_id)
        if stack is None:
            return
        try:
            self._clients(stack.scope, "sns").publish(
                TopicArn=arn, Subject="AWS CloudFormation Notification", Message=message(event)
            )
        except (ClientError, BotoCoreError) as error:
            _log.warning("stack %s: no notice to %s: %s", event.stack_name, arn, error)


def message(event: StackEvent) -> str:
    """An event in the form that CloudFormation sends: a line a member."""
    account = event.stack_id.split(":")[4]
    members = {
        "StackId": event.stack_id,
        "Timestamp": f"{event.time:%Y-%m-%dT%H:%M:%S}.{event.time.microsecond // 1000:03d}Z",
        "EventId": event.id,
        "LogicalResourceId": event.logical_id,
        "Namespace": account,
        "PhysicalResourceId": event.physical_id,
        "ResourceProperties": event.properties or "null",
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or "",
        "ResourceType": event.type,
        "StackName": event.stack_name,
        "ClientRequestToken": event.token or "null",
    }
    return "".join(f"{name}='{value}'\n" for name, value in members.items())
