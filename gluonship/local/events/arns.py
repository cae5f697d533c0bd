"""ARNs, taken apart."""

from __future__ import annotations

from dataclasses import dataclass

from gluonship.local.contracts import Scope


@dataclass(frozen=True)
class Arn:
    text: str
    service: str
    scope: Scope
    resource: str  # all that follows the account

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Raises ValueError for what is no ARN."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[2] or not parts[5]:
            raise ValueError(f"{text} is not an ARN")
        return cls(text, parts[2], Scope(parts[4], parts[3]), parts[5])

    @property
    def located(self) -> bool:
        """Whether it names an account and a region, as the ARN of whatever takes events does."""
        return bool(self.scope.account_id and self.scope.region)

    @property
    def kind(self) -> str:
        """The first part of the resource: stateMachine, event-bus, log-group; empty where it has one only."""
        for sign in (":", "/"):
            head, found, _ = self.resource.partition(sign)
            if found:
                return head.partition("/")[0]
        return ""

    @property
    def name(self) -> str:
        """The resource without its kind."""
        return self.resource[len(self.kind) + 1 :] if self.kind else self.resource
