"""Application Auto Scaling. Targets and policies are kept and shown; nothing scales by itself yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN, ProvisioningError
from gluonship.local.cloudformation.types.declaration import Call, Change, Flow, Read, Request, ResourceType
from gluonship.local.cloudformation.types.steps import listed, there

_TARGET = {
    "ServiceNamespace": "{ServiceNamespace}",
    "ResourceId": "{ResourceId}",
    "ScalableDimension": "{ScalableDimension}",
}
_NAMED = {
    "ServiceNamespace": "{ServiceNamespace}",
    "ResourceIds": ["{ResourceId}"],
    "ScalableDimension": "{ScalableDimension}",
}
_POLICY = {**_TARGET, "PolicyNames": ["{PolicyName}"]}
_VARIANT = "sagemaker:variant:DesiredInstanceCount"


def _identity(known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: known[name] for name in _TARGET}


def _register(change: Change) -> Flow:
    """AWS refuses a target that does not exist: an endpoint's variant is looked for first."""
    new = change.new
    if new["ScalableDimension"] == _VARIANT:
        yield from _variant_exists(new["ResourceId"])
    names = ("MinCapacity", "MaxCapacity", "RoleARN", "SuspendedState")
    members = {**_identity(new), **{name: new[name] for name in names if name in new}}
    if change.old is not None and "SuspendedState" in change.old and "SuspendedState" not in new:
        off = dict.fromkeys(
            ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), False
        )
        members["SuspendedState"] = off
    return (yield Request("RegisterScalableTarget", members))


def _variant_exists(resource_id: Any) -> Flow:
    if resource_id is UNKNOWN:
        yield Request("DescribeEndpoint", {"EndpointName": UNKNOWN}, service="sagemaker")
        return
    _, _, rest = str(resource_id).partition("endpoint/")
    endpoint, _, variant = rest.partition("/variant/")
    answer = yield Request(
        "DescribeEndpoint", {"EndpointName": endpoint}, service="sagemaker", gone_is_fine=True
    )
    variants = [each.get("VariantName") for each in answer.get("ProductionVariants", ())]
    if variant not in variants and UNKNOWN not in variants:
        raise ProvisioningError(
            'Resource handler returned message: "SageMaker endpoint variant does not exist: '
            f'{resource_id} (Service: ApplicationAutoScaling, Status Code: 400)" '
            "(HandlerErrorCode: InvalidRequest)"
        )


def _scheduled(change: Change) -> Flow:
    target = _identity(change.known)
    new = {each["ScheduledActionName"]: each for each in listed(change.new) if isinstance(each, Mapping)}
    old = {each["ScheduledActionName"]: each for each in listed(change.old) if isinstance(each, Mapping)}
    for name in old:
        if name not in new:
            yield Request("DeleteScheduledAction", {**target, "ScheduledActionName": name}, gone_is_fine=True)
    for name, action in new.items():
        if old.get(name) != action:
            yield Request("PutScheduledAction", {**target, **action})


SCALABLE_TARGET = ResourceType(
    "application-autoscaling",
    create=_register,
    must_be_new=there("DescribeScalableTargets", _NAMED, "ScalableTargets.0"),
    update=_register,
    delete=Call("DeregisterScalableTarget", _TARGET),
    read=Read("DescribeScalableTargets", _NAMED, "ScalableTargets.0"),
    takes=(
        "ResourceId",
        "ScalableDimension",
        "ServiceNamespace",
        "MinCapacity",
        "MaxCapacity",
        "RoleARN",
        "SuspendedState",
    ),
    attributes={"Id": "{ResourceId}|{ScalableDimension}|{ServiceNamespace}"},
    parts={"ScheduledActions": _scheduled},
    recorded={
        "ScheduledActions": "kept and shown; nothing scales at these times",
        "Tags": "kept with the stack only; the local cloud tags no scalable targets",
    },
    effect="recorded",
    note="AWS::ApplicationAutoScaling::ScalableTarget is kept and shown; nothing scales by itself",
)


def _target_id(properties: dict[str, Any]) -> dict[str, Any]:
    """ScalingTargetId is the three parts of a target in one (what Ref of a target gives)."""
    whole = properties.pop("ScalingTargetId", None)
    if whole is UNKNOWN:
        return {**dict.fromkeys(_TARGET, UNKNOWN), **properties}
    if whole:
        parts = dict(
            zip(("ResourceId", "ScalableDimension", "ServiceNamespace"), whole.split("|"), strict=False)
        )
        return {**parts, **properties}
    return properties


def _has_target(properties: Mapping[str, Any]) -> str | None:
    whole = properties.get("ScalingTargetId")
    if whole is None:
        missing = [name for name in _TARGET if name not in properties]
        if missing:
            return f"Properties: ScalingTargetId, or {', '.join(missing)}, is required"
    elif whole is not UNKNOWN and len(str(whole).split("|")) != 3:
        return "Properties/ScalingTargetId: is not RESOURCE|DIMENSION|NAMESPACE: give the Ref of a target"
    return None


SCALING_POLICY = ResourceType(
    "application-autoscaling",
    create=Call("PutScalingPolicy"),
    must_be_new=there("DescribeScalingPolicies", _POLICY, "ScalingPolicies.0"),
    update=(Call("PutScalingPolicy"),),
    delete=Call("DeleteScalingPolicy", {**_TARGET, "PolicyName": "{PolicyName}"}),
    read=Read("DescribeScalingPolicies", _POLICY, "ScalingPolicies.0"),
    takes=("ScalingTargetId",),
    ref="{Arn}",
    attributes={"Arn": "{PolicyARN}"},
    prepare=_target_id,
    objection=_has_target,
    effect="recorded",
    note="AWS::ApplicationAutoScaling::ScalingPolicy is kept and shown, without the alarms that AWS makes "
    "for target tracking; nothing scales by itself",
)

TYPES: Mapping[str, ResourceType] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": SCALABLE_TARGET,
    "AWS::ApplicationAutoScaling::ScalingPolicy": SCALING_POLICY,
}
