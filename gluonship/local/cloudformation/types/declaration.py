"""What a resource type is to the local cloud: data, and small pure functions where data does not do.

Everything that a type does is a flow: a generator that yields `Request`s and is sent their answers. The
provider runs a flow against the cloud; the review runs the same flow with stand-ins for answers and for what
is not known yet, so a request that cannot be made is found before anything is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Request:
    """One call of AWS's API."""

    operation: str  # "PutBucketVersioning"
    members: Mapping[str, Any] = field(default_factory=dict)
    service: str = ""  # the type's own when empty
    gone_is_fine: bool = False  # what it names may be gone already


Flow = Generator[Request, Any, Any]


@dataclass(frozen=True)
class Change:
    """What a step sees: the resource's facts, and the value that it is about, before and after."""

    known: Mapping[
        str, Any
    ]  # properties, answers, `account`, `region`, `partition`, `stack_name`, `logical_id`
    new: Any = None  # None: the property is not given
    old: Any = None


Step = Callable[[Change], Flow]


@dataclass(frozen=True)
class Call:
    """An operation whose members are the resource's properties, and some that are given here.

    A text among `fixed` may name facts: `{BucketName}`.
    """

    operation: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    only_fixed: bool = False  # no properties are sent


@dataclass(frozen=True)
class Read:
    """How the resource is read: a call, and where in the answer it lies: `Rules.0`."""

    operation: str
    fixed: Mapping[str, Any]
    path: str = ""
    service: str = ""  # the type's own when empty


@dataclass(frozen=True)
class Name:
    """The property that CloudFormation fills when a template leaves it out."""

    property: str
    lower: bool = False
    max_length: int = 0  # the schema's, when 0
    suffix: str = ""  # ".fifo"


@dataclass(frozen=True)
class Settling:
    """A resource that takes its time: which status says that it is up, and which that it never will be."""

    status: str  # a member of what `read` gives
    up: Sequence[str]
    failed: Sequence[str] = ()
    reason: str = "FailureReason"
    # After an update: a member of what `read` gives that must be the property of that name by then.
    shows: str = ""
    seconds: float = 3600.0


@dataclass(frozen=True)
class Tagging:
    """The calls that change tags. `tags` and `keys` are found in the operations' shapes."""

    put: str
    remove: str
    identity: Mapping[str, Any]
    service: str = ""


@dataclass(frozen=True)
class Refused:
    """A property that has no place here, but for the values that ask for nothing."""

    why: str
    unless: Sequence[Any] = ()


@dataclass(frozen=True)
class ResourceType:
    """One resource type. Properties are named as in the schema, dots for nested ones; lists are walked."""

    service: str
    # A step in place of a call is given all properties; one that creates returns facts.
    create: Call | Step
    delete: Call | Step | None = None
    read: Read | None = None
    update: Sequence[Call] | Step = ()
    takes: Sequence[str] = ()  # the properties that steps of create and update use
    # What must be read before the properties can be sent: returns the properties as they are sent.
    gather: Step | None = None
    name: Name | None = None
    ref: str = ""  # what Ref gives; the schema's primary identifier when empty
    attributes: Mapping[str, str] = field(default_factory=dict)  # "Arn": "arn:{partition}:..."
    defaults: Mapping[str, Any] = field(default_factory=dict)  # facts where neither template nor API tells
    members: Mapping[str, str] = field(
        default_factory=dict
    )  # property -> the API's member, where names differ
    shaped: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)  # value -> value, before mapping
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None  # all properties -> all properties
    objection: Callable[[Mapping[str, Any]], str | None] | None = None  # a sentence against properties
    # Properties with calls of their own. One that the create call takes too is made there and changed here.
    parts: Mapping[str, Step] = field(default_factory=dict)
    resets: Mapping[str, Any] = field(default_factory=dict)  # what an update sends for a property taken away
    recorded: Mapping[str, str] = field(default_factory=dict)  # property -> why it has no effect here
    refused: Mapping[str, str | Refused] = field(default_factory=dict)
    tagging: Tagging | Step | None = None  # a step is given all tags, as maps
    settling: Settling | None = None
    before_update: Step | None = None
    after_update: Step | None = None
    before_delete: Step | None = None
    after_delete: Callable[[Mapping[str, Any]], None] | None = None
    # The create call would take over one that exists: look first. True: with `read`. A step is given all
    # properties, and returns what it finds.
    must_be_new: bool | Step = False
    after_create: Step | None = None  # given all properties; returns more facts
    vanishes: bool = False  # the delete call returns before it is gone
    snapshot: Mapping[str, Read | Step] = field(default_factory=dict)  # more that can be read, by name
    means_nothing: Sequence[Any] = ()  # what an API shows of what was taken away, in a snapshot
    volatile: Sequence[str] = ()  # members that change without a change: versions, revisions
    effect: Literal["executed", "recorded"] = "executed"
    note: str = ""  # for a person: what it does here; said in the stack's event when only recorded

    def __post_init__(self) -> None:
        if self.must_be_new is True and self.read is None:
            raise ValueError(f"{self.service}: must_be_new needs a step, or `read`, to look with")
