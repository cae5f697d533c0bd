"""Runs operations on stacks: in the background, kept in the journal, and never left without an end."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable

from gluonship.local.cloudformation.change_sets import ChangeSets
from gluonship.local.cloudformation.context import Context
from gluonship.local.cloudformation.journal import Operation
from gluonship.local.cloudformation.stacks.state import Stack

_log = logging.getLogger(__name__)

_FAILED = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_FAILED",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_FAILED",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_FAILED",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
}


class Operations:
    def __init__(self, context: Context, change_sets: ChangeSets) -> None:
        self._context = context
        self._change_sets = change_sets
        self._threads: set[threading.Thread] = set()
        self._asking = threading.local()  # what the thread of a request has started
        self.closed = False

    def begin(
        self, stack: Stack, kind: str, status: str, reason: str | None = None, token: str | None = None
    ) -> None:
        """The stack is in an operation from here on; `run` or `start` must follow."""
        with self._context.register.lock:
            stack.stop.clear()
            stack.stop_reason = ""
            stack.token = token
            next_operation(stack, kind)
            operation_id = stack.operations[-1][0]
            stack.journalled = Operation(operation_id, kind, stack.scope, stack.name, stack.id)
            self._change_sets.outdated(stack)
            self._context.stage(stack, status, reason)

    def run(self, stack: Stack, work: Callable[[], None]) -> None:
        """Does the operation's work on this thread; whatever happens, the stack comes to an end."""
        try:
            if stack.journalled is not None:  # here, where no lock is held: a disk is waited for
                self._context.journal.started(stack.journalled, self._context.now())
            work()
        except Exception as error:  # noqa: BLE001 - a stack must not stay in progress for ever
            _log.exception("%s of stack %s failed", stack.operations[-1][1], stack.name)
            reason = f"The local cloud's engine failed: {type(error).__name__}: {error}; its log says where"
            self._context.stage(stack, _FAILED.get(stack.status, "UPDATE_FAILED"), reason)
        finally:
            if stack.journalled is not None and not self.closed:
                self._context.journal.ended(stack.journalled, stack.status, self._context.now())
            stack.journalled = None
            self._change_sets.ended(stack)

    def start(self, stack: Stack, work: Callable[[], None]) -> None:
        """`run` on a thread of its own."""

        def main() -> None:
            try:
                self.run(stack, work)
            finally:
                self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=main, name=f"stack {stack.name}", daemon=True)
        self._threads.add(thread)
        self._asking.started = thread
        thread.start()

    def linger(self, seconds: float) -> None:
        """Waits so long at most for what this thread has started: clients look once and then sleep, the AWS
        CLI for 30 s, so what is done by the first look saves all of that."""
        started: threading.Thread | None = getattr(self._asking, "started", None)
        self._asking.started = None
        if started is not None:
            started.join(seconds)

    def close(self, seconds: float) -> None:
        """Asks what runs to end, and waits for it so long at most. What was under way stays in the journal:
        the cloud's state ends with it."""
        self.closed = True
        for stack in self._context.register.in_progress():
            self._context.halt(stack, "The local cloud is shutting down")
        deadline = time.monotonic() + seconds
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))


def next_operation(stack: Stack, kind: str) -> None:
    """Events from here on belong to another of CloudFormation's operations: a roll back has its own."""
    stack.operations.append((str(uuid.uuid4()), kind))
