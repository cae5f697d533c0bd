"""A stack at one moment: what it was asked to be, what it is made of, and the way back."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gluonship.local.cloudformation.contract import Made, Properties
from gluonship.local.cloudformation.journal import Operation
from gluonship.local.cloudformation.stacks.events import EventLog
from gluonship.local.cloudformation.template.document import Template
from gluonship.local.cloudformation.template.parameters import ParameterValues
from gluonship.local.contracts import Scope

STACK_TYPE = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Resource:
    """A resource of a stack as it exists."""

    logical_id: str
    type: str
    made: Made
    properties: Properties  # resolved and normalised; secrets as references
    status: str
    updated: datetime
    reason: str | None = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    incomplete: bool = False  # it was made and did not come up
    tags: Mapping[str, str] = field(default_factory=dict)  # the stack's that it was given
    masked: Properties | None = None  # `properties` as they may be shown, where that differs

    @property
    def shown(self) -> Properties:
        """Its properties without the values of NoEcho parameters."""
        return self.properties if self.masked is None else self.masked

    @property
    def physical_id(self) -> str:
        return self.made.physical_id

    @property
    def identity(self) -> tuple[str, str]:
        return self.type, self.made.physical_id


@dataclass(frozen=True)
class Output:
    key: str
    value: str
    description: str | None = None
    export_name: str | None = None


@dataclass(frozen=True)
class Revision:
    """What a stack was asked to be."""

    template: Template
    parameters: ParameterValues = field(default_factory=ParameterValues)
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()
    role_arn: str | None = None


@dataclass
class Undo:
    """The way back of an operation that changed, or is changing, a stack.

    resources, outputs, imports, revision: as they were before. created: what was made since, in order;
    it goes on the way back. touched: what was changed in place since, and is to be restored.
    """

    creating: bool  # there was nothing before
    revision: Revision | None
    resources: Mapping[str, Resource]
    outputs: tuple[Output, ...] = ()
    imports: frozenset[str] = frozenset()
    created: list[Resource] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Options:
    """How an operation deals with failure."""

    on_failure: str = "ROLLBACK"  # or DO_NOTHING, DELETE (of a create)
    retain_except_on_create: bool = False

    @property
    def disable_rollback(self) -> bool:
        return self.on_failure == "DO_NOTHING"


@dataclass(frozen=True)
class AcceptedRequest:
    """A request that came with a token: what a client that tries it again is answered."""

    kind: str  # the operation's name
    digest: str
    operation_id: str


@dataclass(eq=False)
class Stack:
    """One stack, deleted ones included. Changed only under the register's lock, or by its own operation."""

    scope: Scope
    name: str
    id: str
    created: datetime
    events: EventLog
    status: str = "REVIEW_IN_PROGRESS"
    reason: str | None = None
    updated: datetime | None = None
    deleted: datetime | None = None
    revision: Revision | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset()  # the logical ids whose condition holds in the revision
    gone: dict[str, Resource] = field(default_factory=dict)  # deleted with the stack: shown, no more
    outputs: tuple[Output, ...] = ()
    imports: frozenset[str] = frozenset()
    undo: Undo | None = None  # while an operation runs, is paused or could not go back
    options: Options = field(default_factory=Options)
    timeout_minutes: int | None = None
    protected: bool = False
    policy: str | None = None
    change_set_id: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    deletion_mode: str | None = None
    operations: list[tuple[str, str]] = field(default_factory=list)  # (id, kind), the latest last
    journalled: Operation | None = None  # the running operation, as the journal knows it
    token: str | None = None  # the client request token of the latest operation
    requests: dict[str, AcceptedRequest] = field(default_factory=dict)  # by their tokens
    stop: threading.Event = field(default_factory=threading.Event)  # asks the running operation to end
    stop_reason: str = ""

    @property
    def latest_operation(self) -> str:
        """The id of the operation that made it what it is; none yet is empty."""
        return self.operations[-1][0] if self.operations else ""

    @property
    def in_progress(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def exists(self) -> bool:
        """Whether it is anything but deleted."""
        return self.status != "DELETE_COMPLETE"

    @property
    def live(self) -> bool:
        """Whether its outputs and imports count."""
        return self.exists and self.status != "REVIEW_IN_PROGRESS"

    @property
    def template(self) -> Template | None:
        return self.revision.template if self.revision else None


def new_stack_id(scope: Scope, name: str) -> str:
    return scope.arn("cloudformation", f"stack/{name}/{uuid.uuid4()}")
