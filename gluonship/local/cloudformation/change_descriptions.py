"""Plans in the words of DescribeChangeSet.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.contract import PropertyChange, Unknown
from gluonship.local.cloudformation.nested_properties import shown
from gluonship.local.cloudformation.plan import Action, Replacement, ResourcePlan, replacement_of
from gluonship.local.cloudformation.template.values import has_unknown, text


def change(planned: ResourcePlan, *, values: bool) -> dict[str, Any]:
    """One entry of Changes; with `values`, before and after."""
    described: dict[str, Any] = {
        "Action": planned.action.value,
        "LogicalResourceId": planned.logical_id,
        "ResourceType": planned.type,
        "Scope": list(planned.scope) if planned.action is Action.MODIFY else [],
        "Details": _details(planned, values=values) if planned.action is Action.MODIFY else [],
    }
    if planned.physical_id:
        described["PhysicalResourceId"] = planned.physical_id
    if planned.policy_action:
        described["PolicyAction"] = planned.policy_action
    if planned.action is Action.MODIFY and planned.replacement is not None:
        described["Replacement"] = planned.replacement.value
    if values:
        if planned.action is not Action.ADD:
            described["BeforeContext"] = _context(planned.before_shown)
        if planned.action is not Action.REMOVE:
            described["AfterContext"] = _context(planned.after_shown)
    return {"Type": "Resource", "ResourceChange": described}


def _details(planned: ResourcePlan, *, values: bool) -> list[dict[str, Any]]:
    details = [_property_detail(planned, one, values=values) for one in planned.changes]
    for attribute in planned.scope:
        if attribute != "Properties":
            target = {"Attribute": attribute, "RequiresRecreation": "Never"}
            details.append({"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"})
    if "Properties" in planned.scope and not planned.changes and planned.replacement is Replacement.FALSE:
        target = {"Attribute": "Properties", "RequiresRecreation": "Never"}
        details.append({"Target": target, "Evaluation": "Dynamic", "ChangeSource": "Automatic"})
    return details


def _property_detail(planned: ResourcePlan, changed: PropertyChange, *, values: bool) -> dict[str, Any]:
    recreation = {
        Replacement.TRUE: "Always",
        Replacement.CONDITIONAL: "Conditionally",
        Replacement.FALSE: "Never",
    }[replacement_of([changed])]
    target: dict[str, Any] = {
        "Attribute": "Properties",
        "Name": changed.name,
        "RequiresRecreation": recreation,
    }
    if values:
        target["Path"] = f"/Properties/{changed.name}"
        target["AttributeChangeType"] = (
            "Add" if changed.before is None else "Remove" if changed.after is None else "Modify"
        )
        if changed.before is not None:
            target["BeforeValue"] = _shown(planned.before_shown.get(changed.name))
        if changed.after is not None:
            target["AfterValue"] = _shown(planned.after_shown.get(changed.name))
    dynamic = has_unknown(changed.after)
    return {
        "Target": target,
        "Evaluation": "Dynamic" if dynamic else "Static",
        "ChangeSource": "ResourceAttribute" if dynamic else "DirectModification",
    }


def _context(properties: Mapping[str, Any]) -> str:
    return json.dumps({"Properties": shown(properties)}, default=_unknown)


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, default=_unknown)
    return "null" if value is None else text(value)


def _unknown(value: Any) -> str:
    if isinstance(value, Unknown):
        return repr(value)
    return str(value)
