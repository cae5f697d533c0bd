"""What an operation would do, as data: made before anything is touched, and all that refuses it."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gluonship.local.cloudformation.contract import Properties, PropertyChange, Recreation
from gluonship.local.cloudformation.stacks.state import Revision
from gluonship.local.cloudformation.template.values import has_unknown
from gluonship.local.contracts import AwsError


class Action(enum.Enum):
    """What happens to a resource, in CloudFormation's words."""

    ADD = "Add"
    MODIFY = "Modify"
    REMOVE = "Remove"
    NONE = "None"


class Replacement(enum.Enum):
    """Whether a modified resource is replaced by another one."""

    TRUE = "True"
    FALSE = "False"
    CONDITIONAL = "Conditional"


@dataclass(frozen=True)
class Refusal:
    """Why something cannot be done here. `logical_id` is empty for what concerns the whole stack."""

    logical_id: str
    type: str
    message: str

    def __str__(self) -> str:
        return f"{self.logical_id} ({self.type}): {self.message}" if self.logical_id else self.message


@dataclass(frozen=True)
class ResourcePlan:
    """One resource: what would happen to it."""

    logical_id: str
    type: str
    action: Action
    physical_id: str | None = None
    replacement: Replacement | None = None  # of MODIFY
    changes: Sequence[PropertyChange] = ()
    scope: Sequence[str] = ()  # what of it changes: Properties, Metadata, Tags, DeletionPolicy, ...
    before: Properties = field(default_factory=dict)
    after: Properties = field(default_factory=dict)
    before_shown: Properties = field(default_factory=dict)  # both without values of NoEcho parameters
    after_shown: Properties = field(default_factory=dict)
    recorded: Sequence[str] = ()  # sentences: what will be accepted without effect
    policy_action: str | None = None  # what becomes of what exists: Delete, Retain, ReplaceAndDelete, ...
    nested: Plan | None = None


@dataclass(frozen=True)
class Plan:
    """All of an operation on one stack; carried out only where nothing is refused."""

    revision: Revision
    resources: Sequence[ResourcePlan] = ()
    refused: Sequence[Refusal] = ()
    outputs_change: bool = False
    tags_change: bool = False

    @property
    def changes(self) -> list[ResourcePlan]:
        return [resource for resource in self.resources if resource.action is not Action.NONE]

    @property
    def empty(self) -> bool:
        """Whether nothing would be done."""
        return not self.changes and not self.outputs_change and not self.tags_change

    def require(self) -> None:
        """Raises a ValidationError that names everything that is refused."""
        if self.refused:
            raise AwsError("ValidationError", "\n".join(map(str, self.refused)))


def replacement_of(changes: Sequence[PropertyChange]) -> Replacement:
    """Whether these changes mean another resource; unknown values make it conditional."""
    verdicts = set(_verdicts(changes))
    if Replacement.TRUE in verdicts:
        return Replacement.TRUE
    return Replacement.CONDITIONAL if Replacement.CONDITIONAL in verdicts else Replacement.FALSE


def _verdicts(changes: Sequence[PropertyChange]) -> Iterator[Replacement]:
    for change in changes:
        if change.recreation is Recreation.ALWAYS:
            yield Replacement.CONDITIONAL if has_unknown(change.after) else Replacement.TRUE
        elif change.recreation is Recreation.CONDITIONALLY:
            yield Replacement.CONDITIONAL
