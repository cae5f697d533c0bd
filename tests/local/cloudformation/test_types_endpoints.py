"""SageMaker's model, configuration and endpoint as resource types: real serving processes behind them."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfn_wire import Stacks
from local_clouds import LocalCloud, running_cloud
from types_driver import SCOPE, TypesDriver

from gluonship.local.cloudformation.contract import UNKNOWN, CreateFailed, Made, ProvisioningError

ROLE_ARN = "arn:aws:iam::123456789012:role/somebody"
SERVER = Path(__file__).resolve().parents[1] / "serving" / "tiny_server.py"
MODEL, CONFIG, ENDPOINT = (f"AWS::SageMaker::{kind}" for kind in ("Model", "EndpointConfig", "Endpoint"))
SCALABLE_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
SCALING_POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"


def images() -> str:
    """images.toml: behaviours of tiny_server.py as images `tiny/BEHAVIOUR`."""
    command = json.dumps([sys.executable, "-S", str(SERVER)])[:-1]
    return "\n".join(
        f'[[image]]\npattern = "tiny/{behaviour}"\ncommand = {command}, "{behaviour}"]\n'
        for behaviour in ("broken", "needs-model")
    )


class Hosting(TypesDriver):
    """Models, configurations and endpoints of one stack."""

    def __init__(self, cloud: LocalCloud) -> None:
        super().__init__(cloud)
        self.stacks = Stacks(cloud)

    def model_data(self, tag: str) -> str:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            info = tarfile.TarInfo("model.txt")
            info.size = len(tag)
            tar.addfile(info, io.BytesIO(tag.encode()))
        self.client("s3").put_object(Bucket="models", Key=f"{tag}.tar.gz", Body=packed.getvalue())
        return f"s3://models/{tag}.tar.gz"

    def config(
        self,
        tag: str,
        image: str = "tiny/needs-model:1",
        count: int = 1,
        instance_type: str = "ml.m5.large",
    ) -> str:
        """A model whose answers carry `tag`, and its configuration; the configuration's name."""
        container = {"Image": image, "ModelDataUrl": self.model_data(tag)}
        model = self.create(MODEL, {"ExecutionRoleArn": ROLE_ARN, "PrimaryContainer": container})
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": model.attributes["ModelName"],
            "InstanceType": instance_type,
            "InitialInstanceCount": str(count),
        }
        config = self.create(CONFIG, {"ProductionVariants": [variant]})
        return str(config.attributes["EndpointConfigName"])

    def answer(self, made: Made) -> str:
        answer = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=made.attributes["EndpointName"], Body=b"x", ContentType="text/plain"
        )
        return str(json.loads(answer["Body"].read())["tag"])


@pytest.fixture(scope="module")
def hosting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    home = tmp_path_factory.mktemp("types-hosting")
    (home / "images.toml").write_text(images(), encoding="utf-8")
    with running_cloud(home) as cloud:
        driver = Hosting(cloud)
        driver.client("s3").create_bucket(Bucket="models")
        yield driver


def test_an_endpoint_is_made_updated_and_deleted(hosting: Hosting) -> None:
    first = {"EndpointConfigName": hosting.config("one"), "Tags": [{"Key": "a", "Value": "b"}]}
    second = {"EndpointConfigName": hosting.config("two"), "Tags": [{"Key": "a", "Value": "c"}]}
    made = hosting.create(ENDPOINT, first)
    assert made.physical_id.endswith(f":endpoint/{made.attributes['EndpointName']}")
    assert hosting.answer(made) == "one"

    changed = hosting.update(ENDPOINT, made, first, second)
    assert hosting.answer(changed) == "two"
    assert hosting.snapshot(ENDPOINT, changed)["Tags"] == [{"Key": "a", "Value": "c"}]

    hosting.delete(ENDPOINT, changed, second)
    assert hosting.gone(ENDPOINT, changed)


def test_an_endpoint_that_exists_is_not_taken_over(hosting: Hosting) -> None:
    properties = {"EndpointName": "taken", "EndpointConfigName": hosting.config("first")}
    made = hosting.create(ENDPOINT, properties)
    other = {**properties, "EndpointConfigName": hosting.config("second")}
    with pytest.raises(ProvisioningError, match="already existing"):
        hosting.create(ENDPOINT, other)
    assert hosting.answer(made) == "first"
    hosting.delete(ENDPOINT, made, properties)


def test_an_endpoint_that_does_not_come_up_is_told_with_what_was_made(hosting: Hosting) -> None:
    properties = {"EndpointConfigName": hosting.config("broken", "tiny/broken:1")}
    with pytest.raises(CreateFailed, match="did not come up; it is Failed: ") as failure:
        hosting.create(ENDPOINT, properties)
    made = failure.value.made
    assert made is not None
    assert hosting.snapshot(ENDPOINT, made)[""]["EndpointStatus"] == "Failed"
    hosting.delete(ENDPOINT, made, properties)
    assert hosting.gone(ENDPOINT, made)


def test_an_update_that_does_not_come_up_leaves_the_endpoint_as_it_was(hosting: Hosting) -> None:
    good = {"EndpointConfigName": hosting.config("good")}
    bad = {"EndpointConfigName": hosting.config("bad", "tiny/broken:1")}
    made = hosting.create(ENDPOINT, good)
    before = hosting.snapshot(ENDPOINT, made)

    with pytest.raises(ProvisioningError, match="did not come up; it is rolled back: "):
        hosting.update(ENDPOINT, made, good, bad)
    assert hosting.answer(made) == "good"

    restored = hosting.update(ENDPOINT, made, bad, good)
    assert hosting.snapshot(ENDPOINT, restored) == before
    hosting.delete(ENDPOINT, restored, good)


def test_an_update_shifts_by_its_guardrails_and_an_alarm_takes_it_back(hosting: Hosting) -> None:
    """A canary that bakes longer than the test waits: only the alarm can end it so soon."""
    watches = hosting.client("cloudwatch")
    watches.put_metric_alarm(
        AlarmName="too-slow",
        Namespace="n",
        MetricName="m",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        Statistic="Sum",
    )
    guarded = {
        "DeploymentConfig": {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "CANARY",
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": "50"},
                    "WaitIntervalInSeconds": "600",
                }
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "too-slow"}]},
        }
    }
    first = {"EndpointConfigName": hosting.config("calm", count=2), **guarded}
    second = {"EndpointConfigName": hosting.config("wild", count=2), **guarded}
    made = hosting.create(ENDPOINT, first)
    watches.set_alarm_state(AlarmName="too-slow", StateValue="ALARM", StateReason="the test says so")
    with pytest.raises(ProvisioningError, match=r"rolled back: .*too-slow"):
        hosting.update(ENDPOINT, made, first, second)
    assert hosting.answer(made) == "calm"
    hosting.delete(ENDPOINT, made, second)


def test_a_scaling_target_needs_its_endpoint_s_variant(hosting: Hosting) -> None:
    endpoint = hosting.create(ENDPOINT, {"EndpointConfigName": hosting.config("scaled")})
    name = endpoint.attributes["EndpointName"]

    def target(resource: str) -> dict[str, Any]:
        return {
            "ServiceNamespace": "sagemaker",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            "ResourceId": resource,
            "MinCapacity": 1,
            "MaxCapacity": "4",
        }

    for resource in ("endpoint/nobody/variant/AllTraffic", f"endpoint/{name}/variant/Blue"):
        with pytest.raises(ProvisioningError, match=f"variant does not exist: {resource}"):
            hosting.create(SCALABLE_TARGET, target(resource))

    resource = f"endpoint/{name}/variant/AllTraffic"
    made = hosting.create(SCALABLE_TARGET, target(resource))
    assert made.physical_id == f"{resource}|sagemaker:variant:DesiredInstanceCount|sagemaker"

    policy = {
        "PolicyName": "by-invocations",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": made.physical_id,
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": "70.0",
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
        },
    }
    scaling = hosting.create(SCALING_POLICY, policy)
    assert scaling.physical_id.startswith("arn:aws:autoscaling:")

    second = {
        "PolicyName": "down-by-two",
        "PolicyType": "StepScaling",
        "ScalingTargetId": made.physical_id,
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": -2}],
        },
    }
    beside = hosting.create(SCALING_POLICY, second)
    assert beside.physical_id != scaling.physical_id
    changed = {**second, "StepScalingPolicyConfiguration": {"AdjustmentType": "ExactCapacity"}}
    updated = hosting.update(SCALING_POLICY, beside, second, changed)
    assert updated.attributes["Arn"] == updated.physical_id == beside.physical_id
    with pytest.raises(ProvisioningError, match="already exists"):
        hosting.create(SCALING_POLICY, second)
    hosting.delete(SCALING_POLICY, beside, changed)
    assert hosting.gone(SCALING_POLICY, beside)
    assert not hosting.gone(SCALING_POLICY, scaling)

    for _ in range(2):  # gone already is no error
        hosting.delete(SCALING_POLICY, scaling, policy)
        hosting.delete(SCALABLE_TARGET, made, target(resource))
    assert hosting.gone(SCALABLE_TARGET, made)


def test_a_stack_puts_several_policies_on_one_target(hosting: Hosting) -> None:
    endpoint = hosting.create(ENDPOINT, {"EndpointConfigName": hosting.config("several")})
    resource_id = f"endpoint/{endpoint.attributes['EndpointName']}/variant/AllTraffic"

    def resources(highest: int, *names: str) -> dict[str, Any]:
        target = {
            "ServiceNamespace": "sagemaker",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            "ResourceId": resource_id,
            "MinCapacity": 1,
            "MaxCapacity": highest,
        }
        policies = {
            name: {
                "PolicyName": name,
                "PolicyType": "StepScaling",
                "ScalingTargetId": {"Ref": "Target"},
                "StepScalingPolicyConfiguration": {
                    "AdjustmentType": "ChangeInCapacity",
                    "MetricAggregationType": "Maximum",
                    "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": highest}],
                },
            }
            for name in names
        }
        return {
            "Target": {"Type": SCALABLE_TARGET, "Properties": target},
            **{name: {"Type": SCALING_POLICY, "Properties": policy} for name, policy in policies.items()},
        }

    def kept() -> set[str]:
        found = hosting.client("application-autoscaling").describe_scaling_policies(
            ServiceNamespace="sagemaker", ResourceId=resource_id
        )
        return {policy["PolicyName"] for policy in found["ScalingPolicies"]}

    assert hosting.stacks.create("scaling", resources(3, "up", "down")) == "CREATE_COMPLETE"
    before = hosting.stacks.ids("scaling")
    assert kept() == {"up", "down"}
    assert hosting.stacks.update("scaling", resources(5, "up", "sideways")) == "UPDATE_COMPLETE"
    assert kept() == {"up", "sideways"}
    assert hosting.stacks.ids("scaling")["up"] == before["up"]
    assert hosting.stacks.delete("scaling") == "DELETE_COMPLETE"
    assert kept() == set()
    hosting.delete(ENDPOINT, endpoint, {})


def test_a_scaled_variant_keeps_its_instance_type_and_goes_with_its_endpoint(hosting: Hosting) -> None:
    first = {"EndpointConfigName": hosting.config("kept-type")}
    second = {"EndpointConfigName": hosting.config("new-type", instance_type="ml.c5.xlarge")}
    endpoint = hosting.create(ENDPOINT, first)
    scaled = {
        "ServiceNamespace": "sagemaker",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ResourceId": f"endpoint/{endpoint.attributes['EndpointName']}/variant/AllTraffic",
        "MinCapacity": 1,
        "MaxCapacity": 3,
    }
    target = hosting.create(SCALABLE_TARGET, scaled)
    with pytest.raises(ProvisioningError, match="must be deregistered as scalable targets"):
        hosting.update(ENDPOINT, endpoint, first, second)
    hosting.delete(SCALABLE_TARGET, target, scaled)
    hosting.update(ENDPOINT, endpoint, first, second)
    assert hosting.answer(endpoint) == "new-type"

    target = hosting.create(SCALABLE_TARGET, scaled)
    hosting.delete(ENDPOINT, endpoint, second)
    assert hosting.gone(SCALABLE_TARGET, target)
    hosting.delete(SCALABLE_TARGET, target, scaled)


@pytest.mark.parametrize(
    ("type_name", "properties", "path"),
    [
        (
            ENDPOINT,
            {
                "EndpointConfigName": UNKNOWN,
                "DeploymentConfig": {
                    "RollingUpdatePolicy": {
                        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                        "WaitIntervalInSeconds": 0,
                    }
                },
            },
            "DeploymentConfig/RollingUpdatePolicy: use BlueGreenUpdatePolicy",
        ),
        (
            CONFIG,
            {
                "ProductionVariants": [
                    {
                        "VariantName": "v",
                        "ModelName": UNKNOWN,
                        "ServerlessConfig": {"MaxConcurrency": 1, "MemorySizeInMB": 2048},
                    }
                ]
            },
            "ProductionVariants/0/ServerlessConfig: serverless inference does not run here yet",
        ),
        (
            MODEL,
            {"ExecutionRoleArn": UNKNOWN, "Containers": [{"Image": "a"}, {"Image": "b"}]},
            "Containers: an inference pipeline",
        ),
        (MODEL, {"PrimaryContainer": {"Image": "a"}}, "ExecutionRoleArn is required"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_made(
    hosting: Hosting, type_name: str, properties: dict[str, Any], path: str
) -> None:
    refused = hosting.types.review(SCOPE, type_name, properties).refused
    assert len(refused) == 1
    assert path in refused[0]
