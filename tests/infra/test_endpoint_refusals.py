"""What AWS would refuse of an endpoint, or take and not do, is refused at synthesis, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3
from gluonship_infra.endpoint import (
    AsyncInference,
    BacklogScaling,
    CapacitySize,
    DataCapture,
    DeclaredEndpoint,
    Deployment,
    InvalidProps,
    ModelData,
    PinnedImage,
    Scaling,
    ServedModel,
    Serverless,
    Variant,
)
from gluonship_infra.rules import WeakReason

REGISTRY = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
CPU = ServedModel(PinnedImage.of_uri(f"{REGISTRY}/mxnet-inference:1.9.0-cpu-py38"))
GPU = ServedModel(PinnedImage.of_uri(f"{REGISTRY}/mxnet-inference:1.9.0-gpu-py38-cu112"))
ONE = Variant(CPU, instance_type="ml.c5.large")
FOUR = Variant(CPU, instance_type="ml.c5.large", instance_count=4)
NONE = Variant(CPU, serverless=Serverless(2048, 5))
HALF = CapacitySize.percent(50)
percent, instances = CapacitySize.percent, CapacitySize.instances


@pytest.fixture(scope="module")
def stack() -> cdk.Stack:
    return cdk.Stack()


@pytest.fixture(scope="module")
def bucket(stack: cdk.Stack) -> s3.IBucket:
    return s3.Bucket.from_bucket_name(stack, "Bucket", "shop-data")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: PinnedImage.of_uri("mxnet:1.9"), "'mxnet:1.9' is no image in ECR"),
        (lambda: PinnedImage.of_uri(f"{REGISTRY}/shop"), "has no tag, which can mean another image tomorrow"),
        (lambda: PinnedImage.of_uri(f"{REGISTRY}/shop:latest"), "has the tag 'latest'"),
        (lambda: PinnedImage.of_uri(f"{REGISTRY}/shop:main"), "has the tag 'main'"),
        (lambda: PinnedImage.of_uri(cdk.Fn.import_value("image")), "use PinnedImage.of_repository"),
        (lambda: Variant(CPU), "runs on nothing; give instance_type"),
        (lambda: Variant(CPU, instance_type="c5.large"), "instance_type is 'c5.large'; write a SageMaker"),
        (lambda: Variant(CPU, instance_type="ml.c5.large", instance_count=0), "instance_count is 0"),
        (lambda: Variant(CPU, instance_type="ml.c5.large", instance_count=1.5), "give a whole number"),
        (lambda: Variant(CPU, name="all traffic", instance_type="ml.c5.large"), "Variant name is"),
        (lambda: Variant(CPU, instance_type="ml.c5.large", weight=-1), "weight is -1"),
        (lambda: Variant(CPU, instance_type="ml.c5.large", volume_gigabytes=600), "give 1 to 512 GB"),
        (lambda: Variant(CPU, instance_type="ml.g5.xlarge", volume_gigabytes=30), "whose disks are its own"),
        (lambda: Variant(CPU, instance_type="ml.c5d.large", volume_gigabytes=30), "whose disks are its own"),
        (
            lambda: Variant(CPU, instance_type="ml.c5.large", container_startup_timeout_seconds=10),
            "container_startup_timeout_seconds is 10; give 60 to 3600 seconds",
        ),
        (lambda: Variant(CPU, instance_type="ml.c5.large", routing="ROUND"), "choose one of LEAST_OUT"),
        (lambda: Serverless(1500, 5), "memory_megabytes is 1500; AWS takes steps of 1024"),
        (lambda: Serverless(8192, 5), "memory_megabytes is 8192; give 1024 to 6144 MB"),
        (lambda: Serverless(2048, 201), "max_concurrency is 201"),
        (lambda: Serverless(2048, 5, 6), "provisioned_concurrency is 6; give 1 to 5"),
        (lambda: Variant(GPU, serverless=Serverless(2048, 5)), "serverless inference has no GPU"),
        (
            lambda: Variant(CPU, serverless=Serverless(2048, 5), instance_type="ml.c5.large"),
            "instance_type is for instances and does not go with serverless",
        ),
        (
            lambda: Variant(ServedModel(CPU.image, network_isolation=True), serverless=Serverless(2048, 5)),
            "serverless inference has no network isolation",
        ),
    ],
)
def test_variants(make: Callable[[], object], said: str) -> None:
    with pytest.raises(InvalidProps) as refusal:
        make()
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda b: ModelData(b, "models/shop/"), "SageMaker unpacks a .tar.gz"),
        (lambda b: DataCapture(b, sampling_percent=101), "sampling_percent is 101; give 0 to 100 percent"),
        (lambda b: DataCapture(b, prefix="/capture"), "DataCapture prefix is '/capture'"),
        (lambda b: DataCapture(b, mode="Both"), "choose one of Input, Output, InputAndOutput"),
        (lambda b: DataCapture(b, json_content_types=["json"]), "json_content_types is 'json'"),
        (lambda b: DataCapture(b, csv_content_types=["a/b"] * 11), "has 11 content types"),
        (lambda b: AsyncInference(b, output_prefix="out/"), "output_prefix is 'out/'"),
        (lambda b: AsyncInference(b, response_in_notices=True), "needs success_topic, error_topic or both"),
        (
            lambda b: AsyncInference(b, max_concurrent_invocations_per_instance=1001),
            "max_concurrent_invocations_per_instance is 1001; give 1 to 1000",
        ),
    ],
)
def test_data_in_s3(bucket: s3.IBucket, make: Callable[[s3.IBucket], object], said: str) -> None:
    with pytest.raises(InvalidProps) as refusal:
        make(bucket)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Deployment.canary(percent(51)), "a CANARY deployment is 51; give 1 to 50 percent"),
        (lambda: Deployment.linear(percent(9)), "a LINEAR deployment is 9; give 10 to 50 percent"),
        (lambda: Deployment.rolling(percent(4)), "a ROLLING deployment is 4; give 5 to 50 percent"),
        (lambda: Deployment.all_at_once(bake_seconds=3601), "wait_seconds is 3601; give 0 to 3600 seconds"),
        (
            lambda: Deployment.canary(HALF, termination_wait_seconds=4000),
            "termination_wait_seconds is 4000; give 0 to 3600 seconds",
        ),
        (
            lambda: Deployment.linear(percent(10), wait_seconds=60, max_execution_seconds=600),
            "the deployment waits 600 s in all",
        ),
        (
            lambda: Deployment.linear(percent(10), wait_seconds=2880),
            "The deployment waits 28800 s in all (10 x wait_seconds + termination_wait_seconds); AWS give",
        ),
        (
            lambda: Deployment.canary(HALF, max_execution_seconds=500),
            "max_execution_seconds is 500; give 600 to 28800",
        ),
        (
            lambda: Deployment.rolling(HALF, rollback_batch=percent(101)),
            "rollback_batch is 101; give 1 to 100 percent",
        ),
        (lambda: Deployment.all_at_once(without_rollback_reason=" "), "without_rollback_reason is empty"),
    ],
)
def test_deployments(make: Callable[[], object], said: str) -> None:
    with pytest.raises(InvalidProps) as refusal:
        make()
    assert said in str(refusal.value)


def alarms(count: int) -> list[cloudwatch.IAlarm]:
    arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a"
    scope = cdk.Stack()
    return [cloudwatch.Alarm.from_alarm_arn(scope, f"A{number}", f"{arn}{number}") for number in range(count)]


@pytest.mark.parametrize(
    ("props", "said"),
    [
        ({"variants": []}, "There are 0 variants; an endpoint has 1 to 10"),
        ({"variants": [ONE, ONE]}, "Two variants are called 'AllTraffic'"),
        ({"variants": [Variant(CPU, instance_type="ml.c5.large", weight=0)]}, "Every variant has weight 0"),
        ({"variants": [ONE], "endpoint_name": "shop_"}, "endpoint_name is 'shop_'"),
        ({"variants": [ONE], "thresholds": None}, "No alarm watches the deployment"),
        (
            {"variants": [ONE], "deployment": Deployment.canary(instances(1))},
            "A CANARY step of 1 instances is 100 % of variant 'AllTraffic' with 1; AWS takes 1 to 50 %",
        ),
        ({"variants": [FOUR], "deployment": Deployment.linear(instances(3))}, "is 75 % of variant"),
        ({"variants": [FOUR], "deployment": Deployment.rolling(instances(3))}, "AWS takes 5 to 50 %"),
        (
            {
                "variants": [ONE, Variant(CPU, name="B", instance_type="ml.c5.large")],
                "deployment": Deployment.rolling(HALF),
            },
            "A rolling deployment is for one variant",
        ),
        (
            {"variants": [NONE], "deployment": Deployment.rolling(HALF)},
            "A rolling deployment is for instances",
        ),
        (
            {"variants": [NONE], "deployment": Deployment.canary(instances(1))},
            "A serverless endpoint has no instances to count",
        ),
        (
            {"variants": [NONE, Variant(CPU, name="B", instance_type="ml.c5.large")]},
            "A serverless endpoint has one variant",
        ),
        (
            {"variants": [Variant(CPU, instance_type="ml.inf1.xlarge")]},
            "SageMaker has no deployment guardrails for Inf1",
        ),
        ({"variants": [ONE], "subnets": ec2.SubnetSelection(one_per_az=True)}, "need vpc"),
    ],
)
def test_what_does_not_go_together(props: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidProps) as refusal:
        DeclaredEndpoint(cdk.Stack(), "Shop", **props)
    assert said in str(refusal.value)


def test_serverless_inference_captures_nothing_and_waits_for_nobody(bucket: s3.IBucket) -> None:
    for prop, value in (("data_capture", DataCapture(bucket)), ("asynchronous", AsyncInference(bucket))):
        with pytest.raises(InvalidProps, match=f"{prop} does not go with serverless inference"):
            DeclaredEndpoint(cdk.Stack(), "Shop", variants=[NONE], **{prop: value})


def test_async_inference_has_one_variant(bucket: s3.IBucket) -> None:
    variants = [ONE, Variant(CPU, name="B", instance_type="ml.c5.large")]
    with pytest.raises(InvalidProps, match="InvokeEndpointAsync cannot name a variant"):
        DeclaredEndpoint(cdk.Stack(), "Shop", variants=variants, asynchronous=AsyncInference(bucket))


def test_at_most_ten_alarms_watch_a_deployment() -> None:
    deployment = Deployment.all_at_once(rollback_alarms=alarms(7))
    with pytest.raises(InvalidProps, match="11 alarms would watch the deployment; AWS takes at most 10"):
        DeclaredEndpoint(cdk.Stack(), "Shop", variants=[ONE], deployment=deployment)


def test_a_deployment_has_alarms_or_a_reason_and_not_both() -> None:
    with pytest.raises(InvalidProps, match="and not both"):
        Deployment.all_at_once(rollback_alarms=alarms(1), without_rollback_reason="It is a test.")


def test_a_reason_is_a_sentence() -> None:
    deployment = Deployment.all_at_once(without_rollback_reason="because")
    with pytest.raises(WeakReason, match="not a sentence: 'because'"):
        DeclaredEndpoint(cdk.Stack(), "Shop", variants=[ONE], deployment=deployment)


def test_only_instances_of_a_variant_that_is_there_are_scaled() -> None:
    endpoint = DeclaredEndpoint(cdk.Stack(), "Shop", variants=[NONE])
    with pytest.raises(InvalidProps, match="There is no variant 'B'; choose one of AllTraffic"):
        endpoint.scale(Scaling(1, 2, 60), variant_name="B")
    with pytest.raises(InvalidProps, match="is serverless and scales by itself"):
        endpoint.scale(Scaling(1, 2, 60))


def test_only_asynchronous_endpoints_scale_by_a_backlog(bucket: s3.IBucket) -> None:
    now = DeclaredEndpoint(cdk.Stack(), "Shop", variants=[ONE])
    with pytest.raises(InvalidProps, match="Only an asynchronous endpoint has a backlog; use scale"):
        now.scale_by_backlog(BacklogScaling(2))
    later = DeclaredEndpoint(cdk.Stack(), "Shop", variants=[ONE], asynchronous=AsyncInference(bucket))
    with pytest.raises(InvalidProps, match="use scale_by_backlog"):
        later.scale(Scaling(1, 2, 60))
    with pytest.raises(InvalidProps, match="min_capacity is -1; give 0 to 1000 instances"):
        BacklogScaling(2, min_capacity=-1)
