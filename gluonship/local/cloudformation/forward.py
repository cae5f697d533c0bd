"""Brings a stack to a revision: makes, changes and replaces its resources, and evaluates its outputs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gluonship.local.cloudformation.all_types import NestedStacks
from gluonship.local.cloudformation.attributes import value_of
from gluonship.local.cloudformation.context import WORKERS, Context
from gluonship.local.cloudformation.contract import (
    CreateFailed,
    Made,
    ProvisioningError,
    Recreation,
    Review,
)
from gluonship.local.cloudformation.exports import export_objections
from gluonship.local.cloudformation.graph import walk
from gluonship.local.cloudformation.journal import ResourceStep
from gluonship.local.cloudformation.nested_properties import TEXT, with_text
from gluonship.local.cloudformation.nested_properties import shown as as_written
from gluonship.local.cloudformation.nested_revision import without_hidden
from gluonship.local.cloudformation.planning import TYPE_CHANGED, active_resources, evaluated_outputs
from gluonship.local.cloudformation.policies import policy_of
from gluonship.local.cloudformation.removal import delete, why
from gluonship.local.cloudformation.stacks.state import STACK_TYPE, Resource, Revision, Stack, Undo
from gluonship.local.cloudformation.template import rules
from gluonship.local.cloudformation.template.document import ResourceDeclaration
from gluonship.local.cloudformation.template.dynamic_references import concealed
from gluonship.local.cloudformation.template.masking import masked
from gluonship.local.cloudformation.template.references import dependencies, unresolved_dependencies
from gluonship.local.contracts import AwsError

_REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
_NOT_REPLACED = "Replacement type updates not supported on stack with disable-rollback."


@dataclass(frozen=True)
class Failure:
    """Why a stack did not come to its revision."""

    reason: str


def undo_of(stack: Stack, *, creating: bool) -> Undo:
    """The way back from what follows; that of a failed operation that is tried again stays."""
    return stack.undo or Undo(
        creating=creating,
        revision=None if creating else stack.revision,
        resources=dict(stack.resources),
        outputs=stack.outputs,
        imports=stack.imports,
    )


class Forward:
    """One operation's way forward; also what its template's functions see (template.functions.Outside).

    `undo` collects what it does. It changes the stack's resources, outputs and imports as it goes.
    """

    def __init__(self, context: Context, stack: Stack, revision: Revision, undo: Undo, nested: NestedStacks):
        self._context = context
        self._provider = context.provider
        self._stack = stack
        self._revision = revision
        self._undo = undo
        self._nested = nested
        self._lock = threading.Lock()
        self._failed: dict[str, list[str]] = {"create": [], "update": []}
        self._active: set[str] = set()
        self._imports: set[str] = set()
        self._evaluator = context.evaluator(stack.scope, stack.name, stack.id, revision, self)

    def run(self) -> Failure | None:
        stack = self._stack
        with self._context.register.lock:
            stack.undo, stack.revision = self._undo, self._revision
        try:
            rules.check(self._revision.template, self._evaluator)  # parameters may be known only now
        except AwsError as error:
            return Failure(error.message)
        self._active = set(active_resources(self._evaluator, self._revision))
        stack.wanted = frozenset(self._active)
        needs = dependencies(self._revision.template, self._active)
        walk(needs, self._one, workers=WORKERS, stopped=stack.stop.is_set)
        failed = [
            f"The following resource(s) failed to {verb}: [{', '.join(names)}]. "
            for verb, names in self._failed.items()
            if names
        ]
        if stack.stop_reason:  # what was cancelled then is not why
            return Failure(stack.stop_reason)
        if failed or stack.stop.is_set():
            return Failure("".join(failed))
        return self._set_outputs()

    # --- template.functions.Outside ----------------------------------------------------------------------

    def resource(self, logical_id: str, attribute: str | None) -> Any:
        resource = self._stack.resources.get(logical_id)
        if logical_id not in self._active or resource is None:
            raise unresolved_dependencies([logical_id], "Resources")
        return value_of(resource, attribute)

    def import_value(self, name: str) -> Any:
        value = self._context.surroundings.export(self._stack.scope, name, self._stack)
        with self._context.register.lock:
            self._imports.add(name)
            self._stack.imports |= {name}
        return value

    def availability_zones(self, region: str) -> list[str]:
        return self._context.surroundings.availability_zones(self._stack.scope, region)

    def dynamic(self, string: str) -> str:
        return self._context.surroundings.with_parameters(self._stack.scope, string)

    # --- resources ---------------------------------------------------------------------------------------

    def _one(self, logical_id: str) -> bool:
        declaration = self._revision.template.resources[logical_id]
        current = self._stack.resources.get(logical_id)
        if current is not None and current.incomplete:
            if not self._clear_away(current):
                return False
            current = None
        try:
            properties = self._desired(declaration, current)
            return self._bring(declaration, current, properties, self._shown(declaration, properties))
        except (AwsError, ProvisioningError) as error:
            verb = "CREATE" if current is None else "UPDATE"
            physical_id = current.physical_id if current else ""
            step = ResourceStep(logical_id, declaration.type, verb, physical_id)
            return self._fail(step, why(error, self._stack, logical_id))

    def _bring(
        self,
        declaration: ResourceDeclaration,
        current: Resource | None,
        properties: dict[str, Any],
        shown: dict[str, Any],
    ) -> bool:
        if current is None:
            return self._create(declaration, current, properties, shown)
        if current.type != declaration.type:  # a nested template that has changed since the plan
            raise ProvisioningError(f"{TYPE_CHANGED} [{declaration.logical_id}]")
        changes = self._provider.changes(declaration.type, current.properties, properties)
        if any(change.recreation is Recreation.ALWAYS for change in changes):
            if self._stack.options.disable_rollback:
                raise ProvisioningError(_NOT_REPLACED)
            return self._create(declaration, current, properties, shown)
        retag = dict(current.tags) != dict(self._revision.tags)
        if changes or retag or self._nested_pending(declaration, current, properties):
            return self._update(declaration, current, properties, shown, changes)
        self._keep(self._described(declaration, current))
        return True

    def _desired(self, declaration: ResourceDeclaration, current: Resource | None) -> dict[str, Any]:
        properties = self._evaluator.value(dict(declaration.properties))
        properties = self._provider.normalise(declaration.type, properties)
        if declaration.type == STACK_TYPE:
            url = str(properties.get("TemplateURL"))
            text = self._context.surroundings.template(self._stack.scope, url)
            return with_text(properties, text)
        return properties

    def _shown(self, declaration: ResourceDeclaration, properties: dict[str, Any]) -> dict[str, Any]:
        """The properties without the values of NoEcho parameters: for events and change sets."""
        shown = masked(self._evaluator, declaration.properties, as_written(properties))
        return without_hidden(with_text(shown, properties[TEXT])) if TEXT in properties else shown

    def _create(
        self,
        declaration: ResourceDeclaration,
        current: Resource | None,
        properties: dict[str, Any],
        shown: dict[str, Any],
    ) -> bool:
        review = self._review(declaration, properties, None)
        step = ResourceStep(
            declaration.logical_id,
            declaration.type,
            "CREATE" if current is None else "UPDATE",
            current.physical_id if current else "",
        )
        self._context.begin(self._stack, step, _REPLACING if current else None, shown)
        target = self._context.target(
            self._stack, declaration.logical_id, declaration.type, self._revision.tags
        )
        try:
            made = self._provider.create(target, self._revealed(properties))
        except Exception as error:  # noqa: BLE001 - the boundary to the types
            made_partly = error.made if isinstance(error, CreateFailed) else None
            if made_partly is not None:
                self._keep_partly_made(declaration, current, properties, shown, made_partly)
                step = replace(step, physical_id=made_partly.physical_id)
            return self._fail(step, why(error, self._stack, declaration.logical_id), shown)
        resource = Resource(
            logical_id=declaration.logical_id,
            type=declaration.type,
            made=made,
            properties=properties,
            status=f"{step.action}_COMPLETE",
            updated=self._context.now(),
            reason=recorded_reason(review),
            tags=self._revision.tags,
            masked=shown,
        )
        resource = self._described(declaration, resource)
        with self._lock:
            self._undo.created.append(resource)
        self._keep(resource)
        self._context.end(
            self._stack,
            replace(step, physical_id=made.physical_id),
            resource.status,
            resource.reason,
            shown,
        )
        return True

    def _keep_partly_made(
        self,
        declaration: ResourceDeclaration,
        current: Resource | None,
        properties: Any,
        shown: Any,
        made: Made,
    ) -> None:
        resource = Resource(
            logical_id=declaration.logical_id,
            type=declaration.type,
            made=made,
            properties=properties,
            status="CREATE_FAILED",
            updated=self._context.now(),
            incomplete=True,
            tags=self._revision.tags,
            masked=shown,
        )
        with self._lock:
            self._undo.created.append(resource)
        if current is None:
            self._keep(resource)

    def _update(
        self,
        declaration: ResourceDeclaration,
        current: Resource,
        properties: dict[str, Any],
        shown: dict[str, Any],
        changes: Any,
    ) -> bool:
        review = self._review(declaration, properties, current.properties if changes else None)
        step = ResourceStep(current.logical_id, current.type, "UPDATE", current.physical_id)
        self._context.begin(self._stack, step, None, shown)
        with self._lock:
            self._undo.touched.add(current.logical_id)
        target = self._context.target(self._stack, current.logical_id, current.type, self._revision.tags)
        try:
            had = self._had(current.properties)
            wanted = self._revealed(properties) if changes else had
            made = self._provider.update(target, current.made, had, wanted)
            if made.physical_id != current.physical_id:
                message = (
                    f"its physical id changed in place, from {current.physical_id} to {made.physical_id}"
                )
                raise ProvisioningError(message)
        except Exception as error:  # noqa: BLE001 - the boundary to the types
            reason = why(error, self._stack, current.logical_id)
            # Whatever of it was done is undone by going from what was attempted to what was.
            attempted = replace(
                current,
                properties=properties,
                masked=shown,
                tags=self._revision.tags,
                status="UPDATE_FAILED",
                reason=reason,
                updated=self._context.now(),
            )
            self._keep(attempted)
            return self._fail(step, reason, shown)
        resource = replace(
            current,
            made=made,
            properties=properties,
            masked=shown,
            tags=self._revision.tags,
            status="UPDATE_COMPLETE",
            reason=recorded_reason(review),
            updated=self._context.now(),
        )
        resource = self._described(declaration, resource)
        self._keep(resource)
        self._context.end(self._stack, step, "UPDATE_COMPLETE", resource.reason, shown)
        return True

    def _clear_away(self, current: Resource) -> bool:
        """Deletes what an earlier attempt made and what did not come up."""
        if delete(self._context, self._stack, current, self._revision.tags) is not None:
            with self._lock:
                self._failed["create"].append(current.logical_id)
            self._context.halt(self._stack, "")
            return False
        with self._lock:
            self._undo.created[:] = [one for one in self._undo.created if one.identity != current.identity]
        with self._context.register.lock:
            del self._stack.resources[current.logical_id]
        return True

    # --- parts of these ----------------------------------------------------------------------------------

    def _review(self, declaration: ResourceDeclaration, properties: Any, previous: Any) -> Review:
        """What was unknown in the plan is known now, and may be refused now."""
        before = None if previous is None else concealed(dict(previous))
        review = self._provider.review(
            self._stack.scope, declaration.type, concealed(dict(properties)), before
        )
        if review.refused:
            raise ProvisioningError("; ".join(review.refused))
        return review

    def _nested_pending(
        self, declaration: ResourceDeclaration, current: Resource, properties: Mapping[str, Any]
    ) -> bool:
        if declaration.type != STACK_TYPE:
            return False
        target = self._context.target(
            self._stack, declaration.logical_id, declaration.type, self._revision.tags
        )
        return self._nested.pending(target, current.made, properties)

    def _revealed(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        return self._context.surroundings.revealed(self._stack.scope, properties)

    def _had(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        return self._context.surroundings.revealed_if_there(self._stack.scope, properties)

    def _described(self, declaration: ResourceDeclaration, resource: Resource) -> Resource:
        return replace(
            resource,
            deletion_policy=policy_of(self._evaluator, declaration.deletion_policy),
            update_replace_policy=policy_of(self._evaluator, declaration.update_replace_policy),
            metadata=declaration.metadata,
        )

    def _keep(self, resource: Resource) -> None:
        with self._context.register.lock:
            self._stack.resources[resource.logical_id] = resource

    def _fail(self, step: ResourceStep, reason: str, shown: Any = None) -> bool:
        cancelled = self._stack.stop.is_set()
        with self._lock:
            self._failed[step.action.lower()].append(step.logical_id)
        self._context.end(self._stack, step, f"{step.action}_FAILED", reason, shown)
        if not cancelled:
            self._context.halt(self._stack, "")
        return False

    def _set_outputs(self) -> Failure | None:
        try:
            outputs = evaluated_outputs(self._evaluator, self._revision)
        except AwsError as error:
            return Failure(error.message)
        with self._context.register.lock:
            objections = list(export_objections(self._context.register, self._stack, outputs))
            if objections:
                return Failure("; ".join(objections))
            self._stack.outputs = tuple(outputs)
            self._stack.imports = frozenset(self._imports)
        return None


def recorded_reason(review: Review) -> str | None:
    """What a stack's event says of properties that are accepted without effect."""
    return f"recorded here, without effect: {'; '.join(review.recorded)}" if review.recorded else None
