"""The Resource of a Task, read: which service, which action, and how the state waits for it.

AWS: "Integrating services with Step Functions", the three patterns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Pattern = Literal["", "sync", "sync:2", "waitForTaskToken"]
_ARN = re.compile(
    r"arn:(?P<partition>[^:]+):(?P<service>[^:]+):(?P<region>[^:]*):(?P<account>[^:]*):(?P<rest>.+)"
)
_PATTERNS: tuple[Pattern, ...] = ("sync:2", "sync", "waitForTaskToken")


@dataclass(frozen=True)
class Resource:
    """`family` is what stands after states:::, "aws-sdk" among others; `service` the service itself."""

    arn: str
    family: str
    service: str
    action: str
    pattern: Pattern

    @property
    def is_sdk(self) -> bool:
        return self.family == "aws-sdk"

    @property
    def is_activity(self) -> bool:
        return self.family == "activity"

    @property
    def operation(self) -> str:
        """The API's operation: CreateTrainingJob."""
        return f"{self.action[:1].upper()}{self.action[1:]}"

    @property
    def type_shown(self) -> str:
        """resourceType of a history's events."""
        return f"aws-sdk:{self.service}" if self.is_sdk else self.family

    @property
    def shown(self) -> str:
        """resource of a history's events."""
        return f"{self.action}.{self.pattern}" if self.pattern else self.action


def parse(arn: str) -> Resource | None:
    """None for what is no ARN of a task."""
    found = _ARN.fullmatch(arn)
    if found is None:
        return None
    service, rest = found["service"], found["rest"]
    if service == "states" and rest.startswith("activity:"):
        return Resource(arn, "activity", "states", rest.removeprefix("activity:"), "")
    if service == "lambda" and rest.startswith("function:"):
        return Resource(arn, "lambda", "lambda", "invoke", "")
    if service != "states":
        return None
    family, _, action = rest.partition(":")
    pattern: Pattern = ""
    for each in _PATTERNS:
        if action.endswith(f".{each}"):
            action, pattern = action.removesuffix(f".{each}"), each
            break
    named = family
    if family == "aws-sdk":
        named, _, action = action.partition(":")
    return Resource(arn, family, named, action, pattern) if action else None
