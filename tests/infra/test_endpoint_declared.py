"""A whole endpoint declared: its templates, what its role may do, and the rules that they keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from cfnlint.api import lint_file
from gluonship_infra import rules
from gluonship_infra.endpoint import (
    AlarmThresholds,
    AsyncInference,
    BacklogScaling,
    CapacitySize,
    DataCapture,
    DeclaredEndpoint,
    Deployment,
    ModelData,
    PinnedImage,
    Scaling,
    ServedModel,
    Serverless,
    Variant,
)

ENV = cdk.Environment(account="123456789012", region="us-east-1")
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-inference:1.9.0-cpu-py38"
INFRA = Path(__file__).resolve().parents[2] / "infra"
Templates = Mapping[str, dict[str, Any]]


class Owner(cdk.Stack):
    """What a user has already: a key, a bucket, a repository, a topic, an alarm."""

    def __init__(self, app: cdk.App) -> None:
        super().__init__(app, "owner", env=ENV)
        self.key = kms.Key(self, "Key", enable_key_rotation=True)
        self.bucket = s3.Bucket(self, "Bucket", encryption_key=self.key, enforce_ssl=True, versioned=True)
        rules.acknowledge(self.bucket, {"AwsSolutions-S1": "This bucket stands for a user's own in tests."})
        self.repository = ecr.Repository(self, "Repository")
        self.topic = sns.Topic(self, "Topic", master_key=self.key, enforce_ssl=True)
        metric = cloudwatch.Metric(namespace="Shop", metric_name="WrongPrices")
        self.alarm = metric.create_alarm(self, "Alarm", threshold=1, evaluation_periods=1)
        image = PinnedImage.of_uri(IMAGE)
        self.model = ServedModel(image, ModelData(self.bucket, "models/shop/model.tar.gz"), {"TOP": "5"})


def declare(app: cdk.App) -> None:
    """One stack for each kind of endpoint."""
    owner = Owner(app)
    model, key = owner.model, owner.key
    two = Variant(model, instance_type="ml.c5.large", instance_count=2)

    def stack(name: str) -> cdk.Stack:
        return cdk.Stack(app, name, env=ENV)

    DeclaredEndpoint(stack("plain"), "Shop", variants=[two])
    DeclaredEndpoint(
        stack("canary"),
        "Shop",
        endpoint_name="shop",
        key=key,
        topic=owner.topic,
        variants=[
            Variant(model, name="Old", weight=9, instance_type="ml.c5.large", volume_gigabytes=30),
            Variant(
                ServedModel(PinnedImage.of_repository(owner.repository, "1.4.2")),
                name="New",
                instance_type="ml.m5.large",
                container_startup_timeout_seconds=300,
                model_data_download_timeout_seconds=600,
                routing="LEAST_OUTSTANDING_REQUESTS",
            ),
        ],
        thresholds=AlarmThresholds(overhead_latency_p99_milliseconds=None),
        deployment=Deployment.canary(
            CapacitySize.percent(25),
            wait_seconds=600,
            termination_wait_seconds=120,
            max_execution_seconds=3600,
            rollback_alarms=[owner.alarm],
        ),
        data_capture=DataCapture(
            owner.bucket, prefix="capture/shop", sampling_percent=20, csv_content_types=["text/csv"]
        ),
    )
    asynchronous = DeclaredEndpoint(
        stack("async"),
        "Shop",
        variants=[two],
        deployment=Deployment.rolling(
            CapacitySize.instances(1), rollback_batch=CapacitySize.percent(100), wait_seconds=60
        ),
        asynchronous=AsyncInference(
            owner.bucket,
            success_topic=owner.topic,
            error_topic=owner.topic,
            response_in_notices=True,
            max_concurrent_invocations_per_instance=4,
        ),
    )
    asynchronous.add_dashboard("shop-async")
    asynchronous.scale_by_backlog(BacklogScaling(max_capacity=3))
    DeclaredEndpoint(
        stack("serverless"),
        "Shop",
        variants=[Variant(model, serverless=Serverless(2048, max_concurrency=10, provisioned_concurrency=2))],
        deployment=Deployment.linear(CapacitySize.percent(20), wait_seconds=60),
    )
    inside = stack("vpc")
    vpc = ec2.Vpc.from_vpc_attributes(
        inside,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=["us-east-1a", "us-east-1b"],
        private_subnet_ids=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    )
    scaled = DeclaredEndpoint(
        inside,
        "Shop",
        key=key,
        vpc=vpc,
        variants=[Variant(model, instance_type="ml.g5.xlarge")],
        thresholds=None,
        deployment=Deployment.all_at_once(
            bake_seconds=0, without_rollback_reason="A test of the layout carries no traffic at all."
        ),
    )
    scaled.scale(Scaling(1, 3, invocations_per_instance=600))
    caller = iam.Role(inside, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    scaled.grant_invoke(caller)
    rules.acknowledge(
        scaled, {"GluonShip::EndpointAlarm": "The test of the layout leaves its alarms out on purpose."}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    flags = json.loads((INFRA / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(tmp_path_factory.mktemp("cdk")), context=flags)
    rules.apply(app)
    declare(app)
    app.synth()  # fails on a rule that is neither kept nor acknowledged
    return Path(app.outdir)


@pytest.fixture(scope="module")
def templates(folder: Path) -> Templates:
    names = ("plain", "canary", "async", "serverless", "vpc")
    return {name: json.loads((folder / f"{name}.template.json").read_text()) for name in names}


def only(template: dict[str, Any], type_name: str) -> dict[str, Any]:
    found = [each for each in template["Resources"].values() if each["Type"] == type_name]
    assert len(found) == 1, type_name
    properties: dict[str, Any] = found[0]["Properties"]
    return properties


def config(template: dict[str, Any]) -> dict[str, Any]:
    return only(template, "AWS::SageMaker::EndpointConfig")


def deployment(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = only(template, "AWS::SageMaker::Endpoint")["DeploymentConfig"]
    return found


def permissions(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The execution role's statements by Sid."""
    policies = [each for each in template["Resources"].values() if each["Type"] == "AWS::IAM::Policy"]
    statements = [one for each in policies for one in each["Properties"]["PolicyDocument"]["Statement"]]
    return {one["Sid"]: one for one in statements if "Sid" in one}


@pytest.mark.parametrize("name", ["plain", "canary", "async", "serverless", "vpc"])
def test_cfn_lint_finds_nothing(folder: Path, name: str) -> None:
    assert [str(match) for match in lint_file(folder / f"{name}.template.json")] == []


def test_a_configuration_has_no_name_and_an_endpoint_keeps_its_own(templates: Templates) -> None:
    for template in templates.values():
        assert "EndpointConfigName" not in config(template)
    assert only(templates["canary"], "AWS::SageMaker::Endpoint")["EndpointName"] == "shop"
    assert only(templates["plain"], "AWS::SageMaker::Endpoint")["EndpointName"].startswith("plain-Shop-")


def test_a_plain_endpoint_is_isolated_encrypted_and_watched_by_its_own_alarms(
    templates: Templates,
) -> None:
    plain = templates["plain"]
    model = only(plain, "AWS::SageMaker::Model")
    assert model["EnableNetworkIsolation"] is True
    assert model["PrimaryContainer"]["Image"] == IMAGE
    assert model["PrimaryContainer"]["Environment"] == {"TOP": "5"}
    assert "KmsKeyId" in config(plain)
    routing = deployment(plain)["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing == {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300}
    watched = [each["AlarmName"]["Ref"] for each in deployment(plain)["AutoRollbackConfiguration"]["Alarms"]]
    endpoint_name = only(plain, "AWS::SageMaker::Endpoint")["EndpointName"]
    assert len(watched) == 4
    for logical_id in watched:
        dimensions = plain["Resources"][logical_id]["Properties"]["Dimensions"]
        assert {"Name": "EndpointName", "Value": endpoint_name} in dimensions


def test_a_canary_shifts_a_part_first_and_watches_all_alarms(templates: Templates) -> None:
    assert deployment(templates["canary"])["BlueGreenUpdatePolicy"] == {
        "MaximumExecutionTimeoutInSeconds": 3600,
        "TerminationWaitInSeconds": 120,
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 25},
            "WaitIntervalInSeconds": 600,
        },
    }
    alarms = deployment(templates["canary"])["AutoRollbackConfiguration"]["Alarms"]
    assert len(alarms) == 2 * 3 + 1  # three of its own on each variant, and the user's


def test_variants_carry_weights_sizes_and_limits(templates: Templates) -> None:
    old, new = config(templates["canary"])["ProductionVariants"]
    assert (old["VariantName"], old["InitialVariantWeight"], old["VolumeSizeInGB"]) == ("Old", 9, 30)
    assert new["ContainerStartupHealthCheckTimeoutInSeconds"] == 300
    assert new["ModelDataDownloadTimeoutInSeconds"] == 600
    assert new["RoutingConfig"] == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    assert new["ModelName"] != old["ModelName"]


def test_captured_data_is_sampled_encrypted_and_the_only_thing_written(templates: Templates) -> None:
    capture = config(templates["canary"])["DataCaptureConfig"]
    assert capture["InitialSamplingPercentage"] == 20
    assert capture["CaptureOptions"] == [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]
    assert capture["CaptureContentTypeHeader"] == {
        "JsonContentTypes": ["application/json"],
        "CsvContentTypes": ["text/csv"],
    }
    assert "KmsKeyId" in capture
    written = permissions(templates["canary"])["WriteCapture"]
    assert written["Action"] == "s3:PutObject"
    assert written["Resource"]["Fn::Join"][1][-1] == "/capture/shop/*"


def test_async_inference_reads_inputs_and_writes_answers_and_failures(templates: Templates) -> None:
    settings = config(templates["async"])["AsyncInferenceConfig"]
    assert settings["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 4}
    output = settings["OutputConfig"]
    assert output["S3OutputPath"]["Fn::Join"][1][-1] == "/async/output"
    assert output["S3FailurePath"]["Fn::Join"][1][-1] == "/async/failure"
    assert output["NotificationConfig"]["IncludeInferenceResponseIn"] == [
        "SUCCESS_NOTIFICATION_TOPIC",
        "ERROR_NOTIFICATION_TOPIC",
    ]
    allowed = permissions(templates["async"])
    assert allowed["ReadInputs"]["Resource"]["Fn::Join"][1][-1] == "/async/input/*"
    assert {each["Fn::Join"][1][-1] for each in allowed["WriteAnswers"]["Resource"]} == {
        "/async/output/*",
        "/async/failure/*",
    }
    assert allowed["SendNotices"]["Action"] == "sns:Publish"


def test_an_async_endpoint_scales_by_its_backlog_and_wakes_from_zero(templates: Templates) -> None:
    template = templates["async"]
    assert only(template, "AWS::ApplicationAutoScaling::ScalableTarget")["MinCapacity"] == 0
    policies = {
        name: each["Properties"]
        for name, each in template["Resources"].items()
        if each["Type"] == "AWS::ApplicationAutoScaling::ScalingPolicy"
    }
    by_type = {each["PolicyType"]: each for each in policies.values()}
    followed = by_type["TargetTrackingScaling"]["TargetTrackingScalingPolicyConfiguration"]
    assert followed["CustomizedMetricSpecification"]["MetricName"] == "ApproximateBacklogSizePerInstance"
    (waking,) = [
        each["Properties"]
        for each in template["Resources"].values()
        if each.get("Properties", {}).get("MetricName") == "HasBacklogWithoutCapacity"
    ]
    (action,) = waking["AlarmActions"]
    assert policies[action["Ref"]]["PolicyType"] == "StepScaling"


def test_a_rolling_update_goes_batch_by_batch(templates: Templates) -> None:
    assert deployment(templates["async"])["RollingUpdatePolicy"] == {
        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
        "RollbackMaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 100},
        "WaitIntervalInSeconds": 60,
    }


def test_a_serverless_variant_has_memory_and_no_instances(templates: Templates) -> None:
    (variant,) = config(templates["serverless"])["ProductionVariants"]
    assert variant["ServerlessConfig"] == {
        "MemorySizeInMB": 2048,
        "MaxConcurrency": 10,
        "ProvisionedConcurrency": 2,
    }
    assert "InstanceType" not in variant
    assert "InitialInstanceCount" not in variant
    assert only(templates["serverless"], "AWS::SageMaker::Model")["EnableNetworkIsolation"] is False
    routing = deployment(templates["serverless"])["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing["LinearStepSize"] == {"Type": "CAPACITY_PERCENT", "Value": 20}


def test_in_a_vpc_models_get_subnets_and_a_group_that_lets_https_out_only(templates: Templates) -> None:
    network = only(templates["vpc"], "AWS::SageMaker::Model")["VpcConfig"]
    assert network["Subnets"] == ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    group = only(templates["vpc"], "AWS::EC2::SecurityGroup")
    (egress,) = group["SecurityGroupEgress"]
    assert (egress["FromPort"], egress["ToPort"], egress["IpProtocol"]) == (443, 443, "tcp")
    assert "SecurityGroupIngress" not in group
    assert "LookAtVpc" in permissions(templates["vpc"])
    assert "LookAtVpc" not in permissions(templates["plain"])


def test_instances_with_disks_of_their_own_get_no_key(templates: Templates) -> None:
    assert "KmsKeyId" not in config(templates["vpc"])  # ml.g5: CreateEndpointConfig would refuse one
    assert "EncryptVolumes" not in permissions(templates["vpc"])


def test_an_update_of_a_scaled_endpoint_keeps_its_instances(templates: Templates) -> None:
    endpoint = only(templates["vpc"], "AWS::SageMaker::Endpoint")
    assert endpoint["RetainAllVariantProperties"] is True
    assert endpoint["ExcludeRetainedVariantProperties"] == [
        {"VariantPropertyType": "DesiredWeight"},
        {"VariantPropertyType": "DataCaptureConfig"},
    ]
    target = only(templates["vpc"], "AWS::ApplicationAutoScaling::ScalableTarget")
    before, name, after = target["ResourceId"]["Fn::Join"][1]
    assert (before, name["Fn::GetAtt"][1], after) == ("endpoint/", "EndpointName", "/variant/AllTraffic")


def test_a_deployment_with_a_reason_watches_nothing(templates: Templates) -> None:
    assert "AutoRollbackConfiguration" not in deployment(templates["vpc"])
    assert "WatchDeployments" not in permissions(templates["vpc"])
    assert "WatchDeployments" in permissions(templates["canary"])


def test_the_role_reads_its_image_and_its_artifact_and_no_others(templates: Templates) -> None:
    allowed = permissions(templates["plain"])
    assert allowed["PullImages"]["Resource"]["Fn::Join"][1][-1] == (
        ":ecr:us-east-1:763104351884:repository/mxnet-inference"
    )
    assert allowed["ReadModels"]["Resource"]["Fn::Join"][1][-1] == "/models/shop/model.tar.gz"
    assert allowed["PublishMetrics"]["Condition"]["StringLike"]["cloudwatch:namespace"]
    assert len(permissions(templates["canary"])["PullImages"]["Resource"]) == 2


def test_sagemaker_takes_the_role_for_this_account_alone(templates: Templates) -> None:
    (trust,) = only(templates["plain"], "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ENV.account}}


def test_a_callers_permission_is_for_this_endpoint_alone(templates: Templates) -> None:
    policies = [each for each in templates["vpc"]["Resources"].values() if each["Type"] == "AWS::IAM::Policy"]
    statements = [one for each in policies for one in each["Properties"]["PolicyDocument"]["Statement"]]
    (invoke,) = [one for one in statements if "sagemaker:InvokeEndpoint" in one["Action"]]
    assert list(invoke["Resource"]) == ["Ref"]


@pytest.mark.parametrize("mutable", [True, False])
def test_a_users_own_role_is_granted_what_is_needed_unless_it_is_immutable(mutable: bool) -> None:
    app = cdk.App()
    stack = cdk.Stack(app, "own", env=ENV)
    arn = "arn:aws:iam::123456789012:role/serving"
    role = iam.Role.from_role_arn(stack, "Role", arn, mutable=mutable)
    variant = Variant(ServedModel(PinnedImage.of_uri(IMAGE)), instance_type="ml.c5.large")
    DeclaredEndpoint(stack, "Shop", variants=[variant], role=role)
    template = app.synth().get_stack_by_name("own").template
    assert only(template, "AWS::SageMaker::Model")["ExecutionRoleArn"] == arn
    of_type = {each["Type"]: (name, each) for name, each in template["Resources"].items()}
    assert "AWS::IAM::Role" not in of_type
    assert ("AWS::IAM::Policy" in of_type) is mutable
    waits_for = of_type["AWS::SageMaker::Model"][1].get("DependsOn", [])
    assert waits_for == ([of_type["AWS::IAM::Policy"][0]] if mutable else [])
