"""Application Auto Scaling's policies, targets and scheduled actions, by what boto3 sees of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_clouds import LocalCloud

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
NOT_FOUND = "ObjectNotFoundException"


def target(endpoint: str, variant: str = "blue") -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/{variant}",
        "ScalableDimension": DIMENSION,
    }


def steps(adjustment: int) -> dict[str, Any]:
    step = {"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": adjustment}
    return {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step]}


@pytest.fixture(scope="module")
def scaling(cloud: LocalCloud) -> Any:
    return cloud.client("application-autoscaling")


@pytest.fixture
def put(scaling: Any) -> Callable[..., str]:
    def put_policy(where: Mapping[str, str], name: str, adjustment: int = 1) -> str:
        answer = scaling.put_scaling_policy(
            **where,
            PolicyName=name,
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration=steps(adjustment),
        )
        return str(answer["PolicyARN"])

    return put_policy


def register(scaling: Any, where: Mapping[str, str]) -> None:
    scaling.register_scalable_target(**where, MinCapacity=2, MaxCapacity=7)


def names(scaling: Any, **asked: Any) -> list[str]:
    found = scaling.describe_scaling_policies(ServiceNamespace="sagemaker", **asked)["ScalingPolicies"]
    return sorted(policy["PolicyName"] for policy in found)


def refused(call: Callable[..., Any], **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_policies_of_one_target_are_told_apart_by_name(scaling: Any, put: Callable[..., str]) -> None:
    where, longer = target("names"), target("names", "blue2")
    for each in (where, longer):
        register(scaling, each)
    up, down = put(where, "up"), put(where, "down", -2)
    put(longer, "up")
    assert up != down
    assert names(scaling, ResourceId=where["ResourceId"]) == ["down", "up"]
    assert names(scaling, ResourceId=where["ResourceId"], PolicyNames=["down"]) == ["down"]
    assert names(scaling, ResourceId=where["ResourceId"], PolicyNames=["sideways"]) == []
    assert names(scaling, ResourceId=longer["ResourceId"], ScalableDimension=DIMENSION) == ["up"]

    scaling.delete_scaling_policy(**where, PolicyName="up")
    assert names(scaling, ResourceId=where["ResourceId"]) == ["down"]
    assert names(scaling, ResourceId=longer["ResourceId"]) == ["up"]


def test_a_policy_that_is_put_again_is_the_same_one_changed(scaling: Any, put: Callable[..., str]) -> None:
    where = target("again")
    register(scaling, where)
    first, other = put(where, "up"), put(where, "other")
    assert put(where, "up", 3) == first
    changed, kept = scaling.describe_scaling_policies(**where, PolicyNames=["up", "other"])["ScalingPolicies"]
    assert (changed["PolicyARN"], kept["PolicyARN"]) == (first, other)
    assert changed["StepScalingPolicyConfiguration"] == steps(3)
    assert kept["StepScalingPolicyConfiguration"] == steps(1)


def test_what_stands_on_a_target_needs_it_and_goes_with_it(scaling: Any, put: Callable[..., str]) -> None:
    where, other = target("ends"), target("ends", "green")
    action = {
        **where,
        "ScheduledActionName": "night",
        "Schedule": "cron(0 20 * * ? *)",
        "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 2},
    }
    at = (
        "service namespace: sagemaker, resource ID: endpoint/ends/variant/blue, scalable dimension: "
        + DIMENSION
    )
    policy = {"PolicyName": "up", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": steps(1)}
    none = (NOT_FOUND, f"No scalable target registered for {at}")
    assert refused(scaling.put_scaling_policy, **where, **policy) == none
    assert refused(scaling.put_scheduled_action, **action) == none

    for each in (where, other):
        register(scaling, each)
        put(each, "up")
    scaling.put_scheduled_action(**action)
    scaling.deregister_scalable_target(**where)
    register(scaling, where)
    assert names(scaling, ResourceId=where["ResourceId"]) == []
    assert names(scaling, ResourceId=other["ResourceId"]) == ["up"]
    actions = scaling.describe_scheduled_actions(ServiceNamespace="sagemaker", ResourceId=where["ResourceId"])
    assert actions["ScheduledActions"] == []


def test_what_is_not_there_is_not_found(scaling: Any) -> None:
    where = target("nowhere")
    assert refused(scaling.deregister_scalable_target, **where)[0] == NOT_FOUND
    assert refused(scaling.delete_scaling_policy, **where, PolicyName="up")[0] == NOT_FOUND
    assert refused(scaling.delete_scheduled_action, **where, ScheduledActionName="night")[0] == NOT_FOUND
    wrong = refused(scaling.describe_scaling_policies, ServiceNamespace="sagemaker", NextToken="x")
    assert wrong[0] == "InvalidNextTokenException"


def test_pages_of_targets_and_policies_follow_each_other(scaling: Any, put: Callable[..., str]) -> None:
    variants = [f"v{number}" for number in range(5)]
    for variant in variants:
        register(scaling, target("pages", variant))
        put(target("pages", variant), "up")
    ids = [target("pages", variant)["ResourceId"] for variant in variants]

    def paged(operation: str, member: str, **asked: Any) -> list[str]:
        pages = scaling.get_paginator(operation).paginate(
            ServiceNamespace="sagemaker", PaginationConfig={"PageSize": 2}, **asked
        )
        return [each["ResourceId"] for page in pages for each in page[member]]

    assert paged("describe_scalable_targets", "ScalableTargets", ResourceIds=ids) == ids
    policies = paged("describe_scaling_policies", "ScalingPolicies", PolicyNames=["up"])
    assert [each for each in policies if each in ids] == ids
