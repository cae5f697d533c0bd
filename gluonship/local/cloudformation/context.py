"""What every part of the engine works with, and how one resource is told and recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gluonship.local.cloudformation.contract import Properties, Provider, Target
from gluonship.local.cloudformation.journal import Journal, ResourceStep
from gluonship.local.cloudformation.nested_properties import shown
from gluonship.local.cloudformation.stacks.register import Register
from gluonship.local.cloudformation.stacks.state import STACK_TYPE, Revision, Stack
from gluonship.local.cloudformation.surroundings import Surroundings
from gluonship.local.cloudformation.template.functions import Evaluator, Outside
from gluonship.local.contracts import Clients, Clock, Scope

WORKERS = 8  # independent resources that are worked on at once, in one stack


@dataclass(frozen=True)
class Context:
    provider: Provider
    clients: Clients
    clock: Clock
    journal: Journal
    register: Register
    surroundings: Surroundings

    def now(self) -> datetime:
        """To the millisecond, as AWS gives times."""
        now = self.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def evaluator(
        self, scope: Scope, name: str, stack_id: str, revision: Revision, outside: Outside
    ) -> Evaluator:
        pseudo = self.surroundings.pseudo_parameters(scope, name, stack_id, revision.notification_arns)
        return Evaluator(revision.template, revision.parameters.values, pseudo, outside)

    def target(self, stack: Stack, logical_id: str, type_name: str, tags: Mapping[str, str]) -> Target:
        own = {
            "aws:cloudformation:stack-name": stack.name,
            "aws:cloudformation:stack-id": stack.id,
            "aws:cloudformation:logical-id": logical_id,
        }
        return Target(
            scope=stack.scope,
            stack_name=stack.name,
            stack_id=stack.id,
            logical_id=logical_id,
            type=type_name,
            tags={**tags, **own},
            canceled=stack.stop.is_set,
        )

    def halt(self, stack: Stack, reason: str) -> None:
        """Asks the running operation of a stack, and those of its nested stacks, to end."""
        with self.register.lock:
            stack.stop_reason = stack.stop_reason or reason
            stack.stop.set()
            children = [child for child in self.register.in_progress() if child.parent_id == stack.id]
        for child in children:
            self.halt(child, reason)

    # --- what is told ------------------------------------------------------------------------------------

    def stage(self, stack: Stack, status: str, reason: str | None = None) -> None:
        """The stack comes to a status."""
        with self.register.lock:
            stack.status, stack.reason = status, reason
            self.tell(stack, stack.name, STACK_TYPE, stack.id, status, reason)

    def tell(
        self,
        stack: Stack,
        logical_id: str,
        type_name: str,
        physical_id: str,
        status: str,
        reason: str | None = None,
        properties: Properties | None = None,
    ) -> None:
        """One event."""
        stack.events.add(
            self.now(),
            stack_id=stack.id,
            stack_name=stack.name,
            logical_id=logical_id,
            physical_id=physical_id,
            type_name=type_name,
            status=status,
            reason=reason,
            properties=None if properties is None else json.dumps(shown(properties), default=repr),
            operation_id=stack.operations[-1][0] if stack.operations else None,
            token=stack.token,
            topics=stack.revision.notification_arns if stack.revision else (),
        )

    def begin(
        self,
        stack: Stack,
        step: ResourceStep,
        reason: str | None = None,
        properties: Properties | None = None,
    ) -> None:
        """A step on a resource begins: kept in the journal before anything is done."""
        if stack.journalled is not None:
            self.journal.resource_started(stack.journalled, step, self.now())
        status = f"{step.action}_IN_PROGRESS"
        self.tell(stack, step.logical_id, step.type, step.physical_id, status, reason, properties)

    def end(
        self,
        stack: Stack,
        step: ResourceStep,
        status: str,
        reason: str | None = None,
        properties: Properties | None = None,
    ) -> None:
        if stack.journalled is not None:
            self.journal.resource_ended(stack.journalled, step, status, self.now())
        self.tell(stack, step.logical_id, step.type, step.physical_id, status, reason, properties)
