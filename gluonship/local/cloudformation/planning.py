"""Makes the plan of an operation: reads, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gluonship.local.cloudformation.attributes import no_such_attribute, value_of
from gluonship.local.cloudformation.context import Context
from gluonship.local.cloudformation.contract import UNKNOWN, Review, Unknown
from gluonship.local.cloudformation.exports import export_objections
from gluonship.local.cloudformation.nested_properties import TEXT, with_text
from gluonship.local.cloudformation.nested_revision import nested_revision, placeholder, without_hidden
from gluonship.local.cloudformation.nesting import Nesting
from gluonship.local.cloudformation.plan import (
    Action,
    Plan,
    Refusal,
    Replacement,
    ResourcePlan,
    replacement_of,
)
from gluonship.local.cloudformation.policies import policy_objection, policy_of
from gluonship.local.cloudformation.stacks.state import STACK_TYPE, Output, Resource, Revision, Stack
from gluonship.local.cloudformation.template import rules
from gluonship.local.cloudformation.template.document import ResourceDeclaration
from gluonship.local.cloudformation.template.dynamic_references import concealed
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.cloudformation.template.functions import Evaluator
from gluonship.local.cloudformation.template.masking import masked
from gluonship.local.cloudformation.template.references import (
    dependencies,
    ordered,
    unresolved_dependencies,
)
from gluonship.local.cloudformation.template.values import has_unknown, text
from gluonship.local.contracts import AwsError

TYPE_CHANGED = (
    "Update of resource type is not permitted. The new template modifies resource type of the following "
    "resources:"
)


def make_plan(context: Context, stack: Stack, revision: Revision) -> Plan:
    """The way of a stack to a revision. Raises AwsError for what is wrong with the template itself;
    what this cloud refuses of its resources is in the plan, all of it."""
    return _Planner(context, stack, revision, Nesting()).run()


def active_resources(evaluator: Evaluator, revision: Revision) -> list[str]:
    """The logical ids whose condition holds, or may hold."""
    return [
        logical_id
        for logical_id, declaration in revision.template.resources.items()
        if declaration.condition is None or evaluator.condition(declaration.condition) is not False
    ]


class _Planner:
    """One plan; also what its template's functions see (template.functions.Outside)."""

    def __init__(self, context: Context, stack: Stack, revision: Revision, nesting: Nesting) -> None:
        self._nesting = nesting
        self._context = context
        self._provider = context.provider
        self._stack = stack
        self._revision = revision
        self._evaluator = context.evaluator(stack.scope, stack.name, stack.id, revision, self)
        self._planned: dict[str, ResourcePlan] = {}
        self._refused: list[Refusal] = []
        self._of_refused_types: set[str] = set()
        self._active: set[str] = set()

    def run(self) -> Plan:
        template, stack = self._revision.template, self._stack
        rules.check(template, self._evaluator)
        for name in template.conditions:  # unused ones must hold water, too
            self._evaluator.condition(name)
        self._active = set(active_resources(self._evaluator, self._revision))
        for logical_id in ordered(dependencies(template, self._active)):
            self._planned[logical_id] = self._plan(template.resources[logical_id])
        self._refuse_changed_types()
        in_order = [self._planned[name] for name in template.resources if name in self._planned]
        removed = [
            self._removal(resource) for name, resource in stack.resources.items() if name not in self._active
        ]
        outputs = self._outputs()
        return Plan(
            revision=self._revision,
            resources=[*in_order, *removed],
            refused=self._refused,
            outputs_change=[vars(output) for output in outputs] != [vars(output) for output in stack.outputs],
            tags_change=self._tags_change(),
        )

    # --- template.functions.Outside ----------------------------------------------------------------------

    def resource(self, logical_id: str, attribute: str | None) -> Any:
        if logical_id not in self._active:
            raise unresolved_dependencies([logical_id], "Resources")
        planned = self._planned[logical_id]
        if logical_id in self._of_refused_types:
            return UNKNOWN  # it is said that there is none: nothing more follows from that
        if attribute is not None and not self._provider.has_attribute(planned.type, attribute):
            raise no_such_attribute(logical_id, attribute)
        current = self._stack.resources.get(logical_id)
        stays = planned.action is Action.NONE or planned.replacement is Replacement.FALSE
        if current is not None and stays:
            if planned.type == STACK_TYPE and planned.action is not Action.NONE and attribute is not None:
                return UNKNOWN  # its outputs may change
            return value_of(current, attribute)
        if attribute is None:
            known = self._provider.reference_known(planned.type, planned.after)
            return UNKNOWN if known is None else known
        return UNKNOWN

    def import_value(self, name: str) -> Any:
        return self._context.surroundings.export(self._stack.scope, name, self._stack)

    def availability_zones(self, region: str) -> list[str]:
        return self._context.surroundings.availability_zones(self._stack.scope, region)

    def dynamic(self, string: str) -> str:
        return self._context.surroundings.with_parameters(self._stack.scope, string)

    # --- resources ---------------------------------------------------------------------------------------

    def _plan(self, declaration: ResourceDeclaration) -> ResourcePlan:
        name, type_name = declaration.logical_id, declaration.type
        current = self._stack.resources.get(name)
        refused = self._provider.refuses(type_name)
        if refused is not None:
            self._of_refused_types.add(name)
            self._refuse(declaration, refused)
            return ResourcePlan(name, type_name, Action.ADD)
        if declaration.waits_for_signals:
            what = ", ".join(declaration.waits_for_signals)
            self._refuse(declaration, f"this local cloud does not execute {what}: nothing signals")
        try:
            properties, shown, nested = self._desired(declaration, current)
            policy_objection(self._evaluator, declaration)
            if current is None or current.incomplete or self._changed(declaration, current, properties):
                self._check_secrets(properties)
        except AwsError as error:
            self._refuse(declaration, error.message)
            return ResourcePlan(name, type_name, Action.ADD)
        if current is None or current.type != type_name or current.incomplete:
            recorded = self._review(declaration, properties, None).recorded
            if current is None:
                return ResourcePlan(
                    name,
                    type_name,
                    Action.ADD,
                    after=properties,
                    after_shown=shown,
                    recorded=recorded,
                    nested=nested,
                )
            return ResourcePlan(
                name,
                type_name,
                Action.MODIFY,
                physical_id=current.physical_id,
                replacement=Replacement.TRUE,
                scope=("Properties",),
                before=current.properties,
                after=properties,
                before_shown=current.shown,
                after_shown=shown,
                recorded=recorded,
                policy_action=self._policy_action(declaration, replaced=True),
                nested=nested,
            )
        return self._change(declaration, current, properties, shown, nested)

    def _change(
        self,
        declaration: ResourceDeclaration,
        current: Resource,
        properties: Mapping[str, Any],
        shown: Mapping[str, Any],
        nested: Plan | None,
    ) -> ResourcePlan:
        changes = self._provider.changes(declaration.type, current.properties, properties)
        replacement = replacement_of(changes)
        scope = [
            *(["Properties"] if changes or (nested and not nested.empty) else []),
            *(["Tags"] if dict(current.tags) != dict(self._revision.tags) else []),
            *(["Metadata"] if declaration.metadata != current.metadata else []),
            *self._policies_changed(declaration, current),
        ]
        if changes:
            previous = current.properties if replacement is Replacement.FALSE else None
            recorded = self._review(declaration, properties, previous).recorded
            if replacement is Replacement.TRUE:
                self._refuse_taken_name(declaration, current, properties)
        else:
            recorded = ()
        replaced = replacement is not Replacement.FALSE
        return ResourcePlan(
            declaration.logical_id,
            declaration.type,
            Action.MODIFY if scope else Action.NONE,
            physical_id=current.physical_id,
            replacement=replacement if scope else None,
            changes=changes,
            scope=scope,
            before=current.properties,
            after=properties,
            before_shown=current.shown,
            after_shown=shown,
            recorded=recorded,
            policy_action=self._policy_action(declaration, replaced=True) if replaced else None,
            nested=nested,
        )

    def _removal(self, resource: Resource) -> ResourcePlan:
        return ResourcePlan(
            resource.logical_id,
            resource.type,
            Action.REMOVE,
            physical_id=resource.physical_id,
            before=resource.properties,
            before_shown=resource.shown,
            policy_action="Delete" if resource.deletion_policy == "Delete" else "Retain",
        )

    def _desired(
        self, declaration: ResourceDeclaration, current: Resource | None
    ) -> tuple[dict[str, Any], Mapping[str, Any], Plan | None]:
        """What it is to be, the same as it may be shown, and the plan of a nested stack."""
        properties = self._evaluator.value(dict(declaration.properties))
        if not isinstance(properties, dict):
            raise TemplateError("Properties must be an object")
        properties = self._provider.normalise(declaration.type, properties)
        shown = masked(self._evaluator, declaration.properties, properties)
        if declaration.type != STACK_TYPE:
            return properties, shown, None
        url = properties.get("TemplateURL")
        if not isinstance(url, str):
            raise TemplateError("TemplateURL must be a string that is known before anything is made")
        text = self._context.surroundings.template(self._stack.scope, url)
        properties = with_text(properties, text)
        plan = self._nested(declaration, properties, current, url)
        return properties, without_hidden(with_text(shown, text)), plan

    def _changed(
        self, declaration: ResourceDeclaration, current: Resource, properties: Mapping[str, Any]
    ) -> bool:
        return current.type != declaration.type or bool(
            self._provider.changes(declaration.type, current.properties, properties)
        )

    def _check_secrets(self, properties: Mapping[str, Any]) -> None:
        """Raises TemplateError for a secret that cannot be had, where all of it is known."""
        if not has_unknown(properties):
            self._context.surroundings.revealed(self._stack.scope, properties)

    def _nested(
        self,
        declaration: ResourceDeclaration,
        properties: dict[str, Any],
        current: Resource | None,
        url: str,
    ) -> Plan:
        nesting = self._nesting.within(url, properties[TEXT])
        child = None
        if current is not None and current.type == STACK_TYPE:
            child = self._context.register.by_id(current.physical_id)
        stack = child or placeholder(self._stack, declaration.logical_id)
        revision = nested_revision(self._context, self._stack.scope, self._revision, properties)
        plan = _Planner(self._context, stack, revision, nesting).run()
        for refusal in plan.refused:
            inner = f"{declaration.logical_id}/{refusal.logical_id}".rstrip("/")
            self._refused.append(replace(refusal, logical_id=inner, type=refusal.type or STACK_TYPE))
        return plan

    def _review(
        self, declaration: ResourceDeclaration, properties: Mapping[str, Any], previous: Any
    ) -> Review:
        checked = concealed(dict(properties))
        before = None if previous is None else concealed(dict(previous))
        review = self._provider.review(self._stack.scope, declaration.type, checked, before)
        for sentence in review.refused:
            self._refuse(declaration, sentence)
        return review

    def _refuse_changed_types(self) -> None:
        changed = [
            name
            for name, planned in self._planned.items()
            if (current := self._stack.resources.get(name)) is not None
            and current.type != planned.type
            and not current.incomplete
        ]
        if changed:
            self._refused.append(Refusal("", "", f"{TYPE_CHANGED} [{', '.join(sorted(changed))}]"))

    def _refuse(self, declaration: ResourceDeclaration, message: str) -> None:
        self._refused.append(Refusal(declaration.logical_id, declaration.type, message))

    def _refuse_taken_name(
        self, declaration: ResourceDeclaration, current: Resource, properties: Mapping[str, Any]
    ) -> None:
        if self._provider.reference_known(declaration.type, properties) == current.physical_id:
            self._refuse(
                declaration,
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {current.physical_id} and update the stack again.",
            )

    def _policies_changed(self, declaration: ResourceDeclaration, current: Resource) -> list[str]:
        wanted = {
            "DeletionPolicy": (
                policy_of(self._evaluator, declaration.deletion_policy),
                current.deletion_policy,
            ),
            "UpdateReplacePolicy": (
                policy_of(self._evaluator, declaration.update_replace_policy),
                current.update_replace_policy,
            ),
        }
        return [name for name, (new, old) in wanted.items() if new != old]

    def _policy_action(self, declaration: ResourceDeclaration, *, replaced: bool) -> str:
        policy = policy_of(self._evaluator, declaration.update_replace_policy)
        kept = "Delete" if policy == "Delete" else "Retain"
        return f"ReplaceAnd{kept}" if replaced else kept

    # --- the stack ---------------------------------------------------------------------------------------

    def _tags_change(self) -> bool:
        before, tags = self._stack.revision, dict(self._revision.tags)
        given = [
            dict(resource.tags) for name, resource in self._stack.resources.items() if name in self._active
        ]
        return before is not None and any(other != tags for other in [dict(before.tags), *given])

    def _outputs(self) -> list[Output]:
        try:
            outputs = evaluated_outputs(self._evaluator, self._revision)
        except AwsError as error:
            self._refused.append(Refusal("", "", error.message))
            return []
        for sentence in export_objections(self._context.register, self._stack, outputs):
            self._refused.append(Refusal("", "", sentence))
        return outputs


def evaluated_outputs(evaluator: Evaluator, revision: Revision) -> list[Output]:
    """The outputs whose condition holds; values may be UNKNOWN at plan time. Raises TemplateError."""
    outputs = []
    for declaration in revision.template.outputs.values():
        if declaration.condition is not None and evaluator.condition(declaration.condition) is False:
            continue
        value = evaluator.value(declaration.value)
        if isinstance(value, list | dict):
            raise TemplateError(
                f"Template format error: Output {declaration.key} is malformed. "
                "The Value field of every Outputs member must evaluate to a String."
            )
        name = evaluator.value(declaration.export_name) if declaration.export_name is not None else None
        outputs.append(
            Output(
                key=declaration.key,
                value=value if isinstance(value, Unknown) else text(value),  # type: ignore[arg-type]
                description=declaration.description,
                export_name=name if name is None or isinstance(name, Unknown) else text(name),  # type: ignore[arg-type]
            )
        )
    return outputs
