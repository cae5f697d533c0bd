"""CloudFormation, as the control plane calls it: an operation's members to its answer's.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import logging
from typing import Any

from gluonship.local.cloudformation.all_types import AllTypes
from gluonship.local.cloudformation.change_sets import ChangeSets
from gluonship.local.cloudformation.context import Context
from gluonship.local.cloudformation.contract import Provider
from gluonship.local.cloudformation.handlers.change_sets import ChangeSetHandlers
from gluonship.local.cloudformation.handlers.engine import Engine
from gluonship.local.cloudformation.handlers.reading import ReadingHandlers
from gluonship.local.cloudformation.handlers.stacks import StackHandlers
from gluonship.local.cloudformation.handlers.templates import TemplateHandlers
from gluonship.local.cloudformation.journal import Journal
from gluonship.local.cloudformation.nested import Nested
from gluonship.local.cloudformation.notices import Notices
from gluonship.local.cloudformation.operations import Operations
from gluonship.local.cloudformation.stacks.register import Register
from gluonship.local.cloudformation.surroundings import Surroundings
from gluonship.local.contracts import AwsError, Clients, Clock, Handler, Scope

_log = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
LINGER_SECONDS = 3.0


class CloudFormation:
    """All stacks of this cloud. What handlers start runs on behind them; they wait for it a little."""

    def __init__(
        self,
        provider: Provider,
        clients: Clients,
        clock: Clock,
        journal: Journal,
        linger_seconds: float = LINGER_SECONDS,
    ) -> None:
        register = Register()
        types = AllTypes(provider)
        surroundings = Surroundings(clients, register)
        self.context = Context(types, clients, clock, journal, register, surroundings)
        change_sets = ChangeSets(register)
        self._operations = Operations(self.context, change_sets)
        self._linger_seconds = linger_seconds
        nested = types.nested = Nested(self.context, self._operations)
        self._notices = Notices(clients, register)
        engine = Engine(self.context, self._operations, nested, change_sets, self._notices)
        stacks = StackHandlers(engine)
        self._handlers: dict[str, Handler] = {
            **stacks.operations(),
            **ChangeSetHandlers(engine, stacks).operations(),
            **ReadingHandlers(engine).operations(),
            **TemplateHandlers(engine).operations(),
        }

    def operations(self) -> dict[str, Handler]:
        """By AWS's operation names."""
        return {name: self._lingering(_guarded(name, handler)) for name, handler in self._handlers.items()}

    def _lingering(self, handler: Handler) -> Handler:
        def handle(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
            answer = handler(scope, request)
            self._operations.linger(self._linger_seconds)
            return answer

        return handle

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Ends what runs, within so many seconds; the journal keeps what was under way."""
        self._operations.close(seconds)
        self._notices.close(min(seconds, 1.0))


def _guarded(name: str, handler: Handler) -> Handler:
    """A defect becomes a ValidationError: a 500 would be tried again and again by clients, for a minute."""

    def handle(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return handler(scope, request)
        except AwsError:
            raise
        except Exception as error:
            _log.exception("%s failed", name)
            message = f"The local cloud's {name} failed: {type(error).__name__}: {error}; its log says where"
            raise AwsError("ValidationError", message) from error

    return handle
