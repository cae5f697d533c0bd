"""State machines with their revisions, versions and aliases: states, no threads."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gluonship.local.contracts import AwsError, Scope
from gluonship.local.stepfunctions.resource_names import checked_arn


@dataclass(frozen=True)
class Revision:
    """What an execution runs; a later update makes another one and leaves this as it is."""

    definition: str
    machine: Mapping[str, Any]  # the definition, parsed
    role_arn: str
    logging: Mapping[str, Any]
    tracing: Mapping[str, Any]
    encryption: Mapping[str, Any]
    updated: datetime
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Version:
    arn: str
    number: int
    description: str
    revision: Revision
    created: datetime


@dataclass
class Alias:
    arn: str
    name: str
    description: str
    routing: list[dict[str, Any]]
    created: datetime
    updated: datetime


@dataclass
class StateMachine:
    scope: Scope
    name: str
    arn: str
    kind: str  # STANDARD or EXPRESS
    created: datetime
    revision: Revision
    versions: dict[int, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    latest: int = 0
    tags: dict[str, str] = field(default_factory=dict)

    def publish(self, description: str, now: datetime) -> Version:
        """A version of the current revision; the last one when nothing has changed since."""
        newest = self.versions.get(self.latest)
        if newest is not None and newest.revision is self.revision:
            return newest
        self.latest += 1
        version = Version(f"{self.arn}:{self.latest}", self.latest, description, self.revision, now)
        self.versions[self.latest] = version
        return version


@dataclass(frozen=True)
class Chosen:
    """What an ARN of StartExecution leads to."""

    machine: StateMachine
    revision: Revision
    version_arn: str = ""
    alias_arn: str = ""


class Machines:
    """All machines, by ARN. Every method is safe to call from many threads."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._machines: dict[str, StateMachine] = {}

    def add(self, machine: StateMachine) -> None:
        with self.lock:
            self._machines[machine.arn] = machine

    def remove(self, arn: str) -> None:
        with self.lock:
            self._machines.pop(arn, None)

    def of(self, scope: Scope) -> list[StateMachine]:
        with self.lock:
            found = [each for each in self._machines.values() if each.scope == scope]
        return sorted(found, key=lambda each: each.created)

    def get(self, scope: Scope, arn: str) -> StateMachine | None:
        """None also for a machine of another account or region."""
        with self.lock:
            machine = self._machines.get(arn)
        return machine if machine is not None and machine.scope == scope else None

    def find(self, scope: Scope, arn: str) -> StateMachine:
        """The machine of its own ARN. Raises AwsError InvalidArn, StateMachineDoesNotExist."""
        checked_arn(arn, "stateMachine")
        machine = self.get(scope, arn)
        if machine is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return machine

    def choose(self, scope: Scope, arn: str) -> Chosen:
        """What runs for the ARN of a machine, of a version or of an alias, as the alias' weights have it."""
        parts = checked_arn(arn, "stateMachine")
        if not parts["rest"]:
            machine = self.find(scope, arn)
            return Chosen(machine, machine.revision)
        machine = self.find(scope, arn.removesuffix(f":{parts['rest']}"))
        with self.lock:
            alias = machine.aliases.get(parts["rest"])
            if alias is not None:
                weights = [route["weight"] for route in alias.routing]
                route = random.choices(alias.routing, weights)[0]  # noqa: S311 - no secret
                version = self.version(scope, route["stateMachineVersionArn"])
                return Chosen(machine, version.revision, version.arn, alias.arn)
        version = self.version(scope, arn)
        return Chosen(machine, version.revision, version.arn)

    def version(self, scope: Scope, arn: str) -> Version:
        parts = checked_arn(arn, "stateMachine")
        number = parts["rest"] or ""
        machine = self.get(scope, arn.removesuffix(f":{number}"))
        version = machine.versions.get(int(number)) if machine is not None and number.isdecimal() else None
        if version is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return version

    def alias(self, scope: Scope, arn: str) -> tuple[StateMachine, Alias]:
        parts = checked_arn(arn, "stateMachine")
        machine = self.get(scope, arn.removesuffix(f":{parts['rest']}"))
        alias = machine.aliases.get(parts["rest"] or "") if machine is not None else None
        if machine is None or alias is None:
            raise AwsError("ResourceNotFound", f"Request references a resource that does not exist: '{arn}'")
        return machine, alias
