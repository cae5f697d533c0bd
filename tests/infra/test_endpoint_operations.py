"""What watches and scales an endpoint that exists: by its name, and never the endpoint itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Match, Template
from gluonship_infra import rules
from gluonship_infra.endpoint import (
    AlarmThresholds,
    EndpointOperations,
    InvalidProps,
    ScheduledCapacity,
    rollback_alarm_names,
    target_invocations_per_instance,
)

ENV = cdk.Environment(account="123456789012", region="us-east-1")
NIGHT = ScheduledCapacity("night", "cron(0 22 * * ? *)", min_capacity=1, max_capacity=1)


@pytest.fixture(scope="module")
def operated() -> EndpointOperations:
    app = cdk.App()
    rules.apply(app)
    stack = cdk.Stack(app, "operations", env=ENV)
    operated = EndpointOperations(
        stack,
        "Operations",
        endpoint_name="shop",
        name="shop-dev",
        min_capacity=2,
        max_capacity=6,
        invocations_per_instance=target_invocations_per_instance(20),
        schedules=[NIGHT],
        thresholds=AlarmThresholds(errors_4xx_count=50, gpu_percent=90, model_latency_p99_milliseconds=250),
    )
    app.synth()  # fails on a rule that is neither kept nor acknowledged
    return operated


@pytest.fixture(scope="module")
def template(operated: EndpointOperations) -> Template:
    return Template.from_stack(cdk.Stack.of(operated))


def alarms(template: Template) -> dict[str, Any]:
    found = template.find_resources("AWS::CloudWatch::Alarm").values()
    return {alarm["Properties"]["AlarmName"]: alarm["Properties"] for alarm in found}


def test_it_owns_no_sagemaker_resource(template: Template) -> None:
    types = {resource["Type"] for resource in template.to_json()["Resources"].values()}
    assert not [name for name in types if name.startswith("AWS::SageMaker::")]


def test_it_scales_the_variant_by_name(template: Template) -> None:
    template.has_resource_properties(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        {
            "ResourceId": "endpoint/shop/variant/AllTraffic",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            "ServiceNamespace": "sagemaker",
            "MinCapacity": 2,
            "MaxCapacity": 6,
            "RoleARN": Match.absent(),  # the service-linked role
            "ScheduledActions": [
                {
                    "ScheduledActionName": "night",
                    "Schedule": "cron(0 22 * * ? *)",
                    "Timezone": "UTC",
                    "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 1},
                }
            ],
        },
    )


def test_it_follows_the_load_of_an_instance(template: Template) -> None:
    template.has_resource_properties(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        {
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                },
                "TargetValue": 600,  # 20 requests a second * 0.5 * 60 s
                "ScaleInCooldown": 300,
                "ScaleOutCooldown": 300,
                "DisableScaleIn": False,
            },
        },
    )


def test_each_threshold_is_an_alarm_in_cloudwatchs_own_unit(template: Template) -> None:
    found = alarms(template)
    assert sorted(found) == [
        "shop-dev-disk-percent",
        "shop-dev-errors-4xx-count",
        "shop-dev-errors-5xx-count",
        "shop-dev-errors-5xx-percent",
        "shop-dev-gpu-percent",
        "shop-dev-model-latency-p99",
        "shop-dev-no-traffic",
        "shop-dev-overhead-latency-p99",
    ]
    rate = found["shop-dev-errors-5xx-percent"]
    assert (rate["MetricName"], rate["Statistic"], rate["Threshold"]) == (
        "Invocation5XXErrors",
        "Average",
        0.01,
    )
    latency = found["shop-dev-model-latency-p99"]
    assert (latency["ExtendedStatistic"], latency["Threshold"]) == ("p99", 250_000)  # microseconds
    assert found["shop-dev-gpu-percent"]["Namespace"] == "/aws/sagemaker/Endpoints"


def test_silence_is_an_alarm_and_a_quiet_minute_without_errors_is_none(template: Template) -> None:
    found = alarms(template)
    silence = found["shop-dev-no-traffic"]
    assert (silence["Period"], silence["Statistic"], silence["Threshold"]) == (3600, "Sum", 1)
    assert silence["ComparisonOperator"] == "LessThanThreshold"
    assert silence["TreatMissingData"] == "breaching"
    assert found["shop-dev-errors-5xx-count"]["TreatMissingData"] == "notBreaching"


def test_every_alarm_looks_at_the_variant_and_reports_to_the_topic(template: Template) -> None:
    topic = next(iter(template.find_resources("AWS::SNS::Topic")))
    for name, alarm in alarms(template).items():
        dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        assert dimensions == {"EndpointName": "shop", "VariantName": "AllTraffic"}, name
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}], name


def test_alarms_may_publish_to_the_encrypted_topic(template: Template) -> None:
    template.has_resource_properties("AWS::SNS::Topic", {"KmsMasterKeyId": Match.any_value()})
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Condition": {
            "ArnLike": {"aws:SourceArn": Match.any_value()},
            "StringEquals": {"aws:SourceAccount": ENV.account},
        },
    }
    template.has_resource_properties(
        "AWS::SNS::TopicPolicy",
        {"PolicyDocument": {"Statement": Match.array_with([Match.object_like(allowed)])}},
    )
    key_use = {
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": ENV.account}},
    }
    template.has_resource_properties(
        "AWS::KMS::Key", {"KeyPolicy": {"Statement": Match.array_with([Match.object_like(key_use)])}}
    )


def test_the_rollback_alarms_can_be_named_before_they_are_made(
    operated: EndpointOperations, template: Template
) -> None:
    logical_ids = [cdk.Stack.of(operated).resolve(name)["Ref"] for name in operated.rollback_alarm_names]
    made = template.find_resources("AWS::CloudWatch::Alarm")
    names = [made[logical_id]["Properties"]["AlarmName"] for logical_id in logical_ids]
    assert names == rollback_alarm_names("shop-dev", AlarmThresholds())
    assert rollback_alarm_names("x", AlarmThresholds(errors_5xx_percent=None, errors_5xx_count=None)) == [
        "x-model-latency-p99",
        "x-overhead-latency-p99",
    ]


def test_the_dashboard_shows_traffic_errors_latency_and_alarms(template: Template) -> None:
    dashboard = next(iter(template.find_resources("AWS::CloudWatch::Dashboard").values()))
    assert dashboard["Properties"]["DashboardName"] == "shop-dev"
    parts = dashboard["Properties"]["DashboardBody"]["Fn::Join"][1]
    body = "".join(part for part in parts if isinstance(part, str))
    for wanted in ("Invocations", "Invocation5XXErrors", "p50", "p90", "p99", "CPUUtilization", '"alarm"'):
        assert wanted in body


def test_two_endpoints_may_share_a_topic_and_its_key() -> None:
    stack = cdk.Stack(cdk.App(), "shared", env=ENV)
    topic = sns.Topic(stack, "Topic", master_key=kms.Key(stack, "Key"), enforce_ssl=True)
    for name in ("shop", "shelf"):
        EndpointOperations(stack, name, endpoint_name=name, invocations_per_instance=60, topic=topic)
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::SNS::Topic", 1)
    policy = next(iter(template.find_resources("AWS::SNS::TopicPolicy").values()))
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    assert [each["Sid"] for each in statements] == ["AllowPublishThroughSSLOnly", "AllowPublishFromAlarms"]


def test_the_target_is_awss_formula() -> None:
    assert target_invocations_per_instance(10) == 300
    assert target_invocations_per_instance(10, safety_factor=0.8) == 480


def operations(**props: Any) -> EndpointOperations:
    given = {"endpoint_name": "shop", "invocations_per_instance": 60, **props}
    return EndpointOperations(cdk.Stack(), "Operations", **given)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: operations(endpoint_name="my_shop"), "endpoint_name is 'my_shop'; use 1 to 63 letters"),
        (lambda: operations(variant_name="-"), "variant_name is '-'"),
        (lambda: operations(name="shop dev"), "name is 'shop dev'"),
        (lambda: operations(min_capacity=0), "min_capacity is 0; give 1 to 1000 instances"),
        (lambda: operations(min_capacity=5, max_capacity=2), "min_capacity 5 is more than max_capacity 2"),
        (lambda: operations(invocations_per_instance=0), "invocations_per_instance is 0"),
        (lambda: operations(scale_in_cooldown_seconds=-1), "scale_in_cooldown_seconds is -1"),
        (lambda: operations(schedules=[NIGHT, NIGHT]), "schedules have a name twice: night, night"),
        (lambda: ScheduledCapacity("x", "cron(0 22 * *)", 1), "schedule is 'cron(0 22 * *)'; write at("),
        (lambda: ScheduledCapacity("x", "rate(1 day)"), "'x' changes nothing; give min_capacity"),
        (lambda: AlarmThresholds(errors_5xx_percent=101), "errors_5xx_percent is 101; give 0 to 100 percent"),
        (lambda: AlarmThresholds(no_traffic_minutes=2000), "no_traffic_minutes is 2000; give 1 to 1440"),
        (lambda: AlarmThresholds(memory_percent=400), "memory_percent is 400"),
        (lambda: AlarmThresholds(period_seconds=90), "period_seconds is 90; give a multiple of 60"),
        (lambda: AlarmThresholds(period_seconds=30), "period_seconds is 30; give 60 to 86400 seconds"),
        (lambda: AlarmThresholds(evaluation_periods=2000), "evaluation_periods is 2000; give 1 to 1440"),
        (lambda: AlarmThresholds(datapoints_to_alarm=4), "datapoints_to_alarm is 4; give 1 to 3"),
        (lambda: target_invocations_per_instance(0), "max_requests_per_second is 0"),
        (lambda: target_invocations_per_instance(10, 2), "safety_factor is 2; give 0.01 to 1"),
    ],
)
def test_wrong_props_are_refused_in_words(make: Callable[[], object], said: str) -> None:
    with pytest.raises(InvalidProps) as refusal:
        make()
    assert said in str(refusal.value)
