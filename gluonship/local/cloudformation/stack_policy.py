"""Stack policies: which resources an update may touch.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html

AWS fails the update at the resource; here it is refused before anything is touched.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Mapping
from typing import Any

from gluonship.local.cloudformation.plan import Action, Plan, Replacement, ResourcePlan
from gluonship.local.cloudformation.stacks.register import validation_error


def read(body: str) -> list[dict[str, Any]]:
    """The statements of a policy. Raises ValidationError."""
    try:
        statements = json.loads(body)["Statement"]
    except (ValueError, KeyError, TypeError):
        raise validation_error("Error validating stack policy: it needs a Statement") from None
    statements = statements if isinstance(statements, list) else [statements]
    for statement in statements:
        known = {"Sid", "Effect", "Action", "NotAction", "Principal", "Resource", "NotResource", "Condition"}
        if not isinstance(statement, dict) or set(statement) - known:
            raise validation_error(f"Error validating stack policy: {json.dumps(statement)}")
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise validation_error("Error validating stack policy: Effect must be Allow or Deny")
        for member in ("Action", "NotAction", "Resource", "NotResource"):
            _require_strings(member, statement.get(member, []))
        _check_condition(statement.get("Condition"))
    return statements


def _require_strings(member: str, value: Any) -> None:
    if not all(isinstance(one, str) for one in (value if isinstance(value, list) else [value])):
        raise validation_error(
            f"Error validating stack policy: {member} must be a string or a list of strings"
        )


def _check_condition(condition: Any) -> None:
    """Only what stack policies know; anything else would hold never, or always."""
    if condition is None:
        return
    if not isinstance(condition, dict) or set(condition) - _OPERATORS.keys():
        known = " and ".join(_OPERATORS)
        raise validation_error(
            f"Error validating stack policy: Condition knows {known}: {json.dumps(condition)}"
        )
    for operator, keys in condition.items():
        if not isinstance(keys, dict) or set(keys) != {"ResourceType"}:
            raise validation_error(
                f"Error validating stack policy: {operator} takes ResourceType and nothing else"
            )
        _require_strings("ResourceType", keys["ResourceType"])


def denials(body: str, plan: Plan) -> list[str]:
    """What the policy forbids of a plan, in AWS's words. A resource that no statement allows is forbidden."""
    statements = read(body)
    return [
        f"Action denied by stack policy: {verdict} for resource [LogicalResourceId/{planned.logical_id}];"
        for planned in plan.changes
        for verdict in _verdicts(statements, planned)
    ]


def _verdicts(statements: list[dict[str, Any]], planned: ResourcePlan) -> Iterator[str]:
    for action in _actions(planned):
        matching = [
            (number, statement)
            for number, statement in enumerate(statements, 1)
            if _matches(statement, action, planned)
        ]
        denying = next((number for number, one in matching if one["Effect"] == "Deny"), None)
        if denying is not None:
            yield f"Statement [#{denying}] does not allow [{action}]"
        elif not matching:
            yield f"no statement allows [{action}]"


def _actions(planned: ResourcePlan) -> list[str]:
    if planned.action is Action.REMOVE:
        return ["Update:Delete"]
    if planned.action is not Action.MODIFY:
        return []
    return ["Update:Modify" if planned.replacement is Replacement.FALSE else "Update:Replace"]


def _matches(statement: Mapping[str, Any], action: str, planned: ResourcePlan) -> bool:
    return (
        _listed(statement, "Action", action)
        and _listed(statement, "Resource", f"LogicalResourceId/{planned.logical_id}")
        and _condition(statement.get("Condition"), planned.type)
    )


def _listed(statement: Mapping[str, Any], member: str, value: str) -> bool:
    if f"Not{member}" in statement:
        return not _any(statement[f"Not{member}"], value)
    return _any(statement.get(member, []), value)


def _any(patterns: Any, value: str) -> bool:
    listed = patterns if isinstance(patterns, list) else [patterns]
    return any(fnmatch.fnmatchcase(value, pattern) for pattern in listed)


def _condition(condition: Any, type_name: str) -> bool:
    return all(
        _OPERATORS[operator](keys["ResourceType"], type_name) for operator, keys in (condition or {}).items()
    )


def _equals(values: Any, type_name: str) -> bool:
    return type_name in (values if isinstance(values, list) else [values])


_OPERATORS = {"StringEquals": _equals, "StringLike": _any}
