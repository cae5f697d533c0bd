"""Application Auto Scaling keeps any number of policies on one target, each under its name: by it they are
put, read and deleted, and a policy that is put again keeps its ARN. Policies and scheduled actions need their
target, and go with it. What is not there is an ObjectNotFoundException.

moto reads all policies of a target whatever names are asked for, takes a resource for another one whose id it
is a part of, gives a policy another ARN with every change, and keeps what hung on a target that is gone. Its
third page of targets is the second one again.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingPolicies.html
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html
https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from moto.applicationautoscaling import responses
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse as Response
from moto.core.exceptions import JsonRESTError

_TARGET = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_PAGE = 50

_put_policy = Response.put_scaling_policy
_delete_policy = Response.delete_scaling_policy
_put_action = Response.put_scheduled_action
_delete_action = Response.delete_scheduled_action
_deregister = Response.deregister_scalable_target


def apply() -> None:
    Response.put_scaling_policy = put_scaling_policy
    Response.describe_scaling_policies = describe_scaling_policies
    Response.delete_scaling_policy = delete_scaling_policy
    Response.put_scheduled_action = put_scheduled_action
    Response.delete_scheduled_action = delete_scheduled_action
    Response.describe_scalable_targets = describe_scalable_targets
    Response.deregister_scalable_target = deregister_scalable_target


def put_scaling_policy(self: Response) -> str:
    asked, backend = _asked(self), self.applicationautoscaling_backend
    _require_target(backend, asked)
    before = _policy(backend, asked)
    answer: str = _put_policy(self)
    if before is None:
        return answer
    policy = _policy(backend, asked)
    policy.policy_arn, policy.creation_time = before.policy_arn, before.creation_time
    return json.dumps({**json.loads(answer), "PolicyARN": policy.policy_arn})


def describe_scaling_policies(self: Response) -> str:
    asked, names = _asked(self), _asked(self).get("PolicyNames")
    found = [
        each
        for each in map(responses._build_policy, self.applicationautoscaling_backend.policies.values())
        if all(asked.get(member) in (None, each[member]) for member in _TARGET)
        and (not names or each["PolicyName"] in names)
    ]
    return _page("ScalingPolicies", found, asked)


def delete_scaling_policy(self: Response) -> str:
    asked = _asked(self)
    if _policy(self.applicationautoscaling_backend, asked) is None:
        raise _not_found(f"No scaling policy found for {_named(asked)}, policy name: {asked['PolicyName']}")
    return str(_delete_policy(self))


def put_scheduled_action(self: Response) -> str:
    _require_target(self.applicationautoscaling_backend, _asked(self))
    return str(_put_action(self))


def delete_scheduled_action(self: Response) -> str:
    asked, name = _asked(self), _asked(self)["ScheduledActionName"]
    actions = self.applicationautoscaling_backend.scheduled_actions
    if not any(each.scheduled_action_name == name and _is_of(each, asked) for each in actions):
        raise _not_found(f"No scheduled action found for {_named(asked)}, scheduled action name: {name}")
    return str(_delete_action(self))


def describe_scalable_targets(self: Response) -> str:
    self._validate_params()
    asked = _asked(self)
    found = self.applicationautoscaling_backend.describe_scalable_targets(
        asked["ServiceNamespace"], asked.get("ResourceIds"), asked.get("ScalableDimension")
    )
    return _page("ScalableTargets", [responses._build_target(each) for each in found], asked)


def deregister_scalable_target(self: Response) -> str:
    self._validate_params()
    asked, backend = _asked(self), self.applicationautoscaling_backend
    if not _registered(backend, asked):
        raise _not_found(f"No scalable target found for {_named(asked)}")
    answer = _deregister(self)
    for key, policy in list(backend.policies.items()):
        if _is_of(policy, asked):
            policy.delete_alarms(backend.account_id, backend.region_name)
            del backend.policies[key]
    backend.scheduled_actions = [each for each in backend.scheduled_actions if not _is_of(each, asked)]
    return str(answer)


def _asked(response: Response) -> dict[str, Any]:
    asked: dict[str, Any] = json.loads(response.body)
    return asked


def _registered(backend: ApplicationAutoscalingBackend, asked: Mapping[str, Any]) -> bool:
    return asked["ResourceId"] in backend.targets.get(asked["ScalableDimension"], {})


def _require_target(backend: ApplicationAutoscalingBackend, asked: Mapping[str, Any]) -> None:
    if not _registered(backend, asked):
        raise _not_found(f"No scalable target registered for {_named(asked)}")


def _policy(backend: ApplicationAutoscalingBackend, asked: Mapping[str, Any]) -> Any:
    """The policy of that name on that target, or None."""
    named = (each for each in backend.policies.values() if each.policy_name == asked["PolicyName"])
    return next((each for each in named if _is_of(each, asked)), None)


def _is_of(what: Any, asked: Mapping[str, Any]) -> bool:
    target = (what.service_namespace, what.resource_id, what.scalable_dimension)
    return target == tuple(asked[member] for member in _TARGET)


def _named(asked: Mapping[str, Any]) -> str:
    namespace, resource_id, dimension = (asked[member] for member in _TARGET)
    return f"service namespace: {namespace}, resource ID: {resource_id}, scalable dimension: {dimension}"


def _not_found(message: str) -> JsonRESTError:
    return JsonRESTError("ObjectNotFoundException", message)


def _page(member: str, found: Sequence[dict[str, Any]], asked: Mapping[str, Any]) -> str:
    token = asked.get("NextToken") or "0"
    if not token.isdecimal():
        raise JsonRESTError(
            "InvalidNextTokenException", f"NextToken {token!r} was not given by this operation"
        )
    start = int(token)
    end = start + (asked.get("MaxResults") or _PAGE)
    rest = {"NextToken": str(end)} if end < len(found) else {}
    return json.dumps({member: found[start:end], **rest})
