"""Each rule with a template that breaks it and one that keeps it, and how exceptions are made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from gluonship_infra import rules
from gluonship_infra.rules.images import MOVING_TAGS, unpinned
from gluonship_infra.rules.requests import AtRunTime, requests
from gluonship_infra.rules.templates import text

KEY = {"Fn::GetAtt": ["Key", "Arn"]}
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/kit:1.4.0"
BY_NAME = {rule.name: rule for rule in rules.RULES}


def template(**resources: Mapping[str, Any]) -> rules.Template:
    return rules.Template.of(
        {"Resources": {id: {"Type": one["Type"], "Properties": one} for id, one in resources.items()}}
    )


def task(operation: str, language: str = "Parameters", **members: Any) -> dict[str, Any]:
    """A state machine as the CDK writes it: JSON in pieces, with references between them."""
    state = {"Type": "Task", "Resource": f"@:states:::sagemaker:{operation}.sync", language: members}
    definition = json.dumps({"StartAt": "Job", "States": {"Job": state}})
    before, after = definition.split("@", 1)
    joined = {"Fn::Join": ["", [before + "arn:", {"Ref": "AWS::Partition"}, after]]}
    return {"Type": "AWS::StepFunctions::StateMachine", "DefinitionString": joined}


def training(**members: Any) -> dict[str, Any]:
    given = {
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeKmsKeyId": "k"},
        "OutputDataConfig": {"KmsKeyId": "k"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "AlgorithmSpecification": {"TrainingImage": IMAGE},
    }
    return task("createTrainingJob", **(given | members))


def config(**properties: Any) -> dict[str, Any]:
    variants = [{"InstanceType": "ml.m5.large"}]
    return {
        "Type": "AWS::SageMaker::EndpointConfig",
        "KmsKeyId": KEY,
        "ProductionVariants": variants,
    } | properties


def policy(**statement: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::Policy",
        "PolicyDocument": {"Statement": [{"Effect": "Allow", "Resource": "arn:aws:s3:::b"} | statement]},
    }


GUARDED = {
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
    "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"}},
}
ENDPOINT = {"Type": "AWS::SageMaker::Endpoint", "EndpointName": "e", "DeploymentConfig": GUARDED}
ALARM = {
    "Type": "AWS::CloudWatch::Alarm",
    "Metrics": [{"MetricStat": {"Metric": {"Dimensions": [{"Name": "EndpointName", "Value": "e"}]}}}],
}
TARGET = {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "ServiceNamespace": "sagemaker"}
SPOT_DISK = {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1}
CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("NetworkIsolation", training(EnableNetworkIsolation=False), training(), "Isolation is not true"),
    (
        "NetworkIsolation",
        {"Type": "AWS::SageMaker::Model"},
        {"Type": "AWS::SageMaker::Model", "EnableNetworkIsolation": True},
        "EnableNetworkIsolation is not true",
    ),
    (
        "NetworkIsolation",
        task("createProcessingJob", "Arguments", NetworkConfig={"EnableNetworkIsolation": "{% $x %}"}),
        task("createProcessingJob", "Arguments", NetworkConfig={"EnableNetworkIsolation": True}),
        "NetworkConfig.EnableNetworkIsolation is not true",
    ),
    (
        "InterContainerEncryption",
        training(EnableInterContainerTrafficEncryption=False),
        training(EnableInterContainerTrafficEncryption=False, ResourceConfig=SPOT_DISK),
        "several instances",
    ),
    (
        "VolumeEncryption",
        training(ResourceConfig={"InstanceType": "ml.m5.xlarge"}),
        training(ResourceConfig=SPOT_DISK),
        "VolumeKmsKeyId is missing",
    ),
    (
        "VolumeEncryption",
        training(ResourceConfig=SPOT_DISK | {"VolumeKmsKeyId": "k"}),
        training(),
        "refuses for 'ml.g5.xlarge'",
    ),
    ("OutputEncryption", training(OutputDataConfig={}), training(), "OutputDataConfig.KmsKeyId is missing"),
    ("JobTimeLimit", training(StoppingCondition={}), training(), "MaxRuntimeInSeconds is missing"),
    (
        "ReadableDefinition",
        {"Type": "AWS::StepFunctions::StateMachine", "DefinitionS3Location": {"Bucket": "b", "Key": "k"}},
        training(),
        "a file in S3",
    ),
    (
        "ReadableDefinition",
        {"Type": "AWS::StepFunctions::StateMachine", "DefinitionString": "{"},
        {"Type": "AWS::StepFunctions::StateMachine", "Definition": {"States": {}}},
        "is not JSON",
    ),
    (
        "PinnedImage",
        training(AlgorithmSpecification={"TrainingImage": IMAGE.replace("1.4.0", "latest")}),
        training(),
        "whatever was pushed last",
    ),
    (
        "PinnedImage",
        training(AlgorithmSpecification={"TrainingImage.$": "$.image"}),
        training(AlgorithmSpecification={"TrainingImage": f"r/kit@sha256:{'0' * 64}"}),
        "chosen at run time",
    ),
    (
        "PinnedImage",
        {"Type": "AWS::SageMaker::Model", "Containers": [{"Image": "r/kit"}]},
        {"Type": "AWS::SageMaker::Model", "PrimaryContainer": {"Image": {"Fn::Join": ["", [KEY, "/kit:1"]]}}},
        "neither tag nor digest",
    ),
    ("EndpointStorageEncryption", config(KmsKeyId=None), config(), "KmsKeyId is missing"),
    (
        "EndpointStorageEncryption",
        config(ProductionVariants=[{"InstanceType": "ml.g5.xlarge"}]),
        config(ProductionVariants=[{"InstanceType": "ml.g5.xlarge"}], KmsKeyId=None),
        "refuses for 'ml.g5.xlarge'",
    ),
    (
        "CaptureEncryption",
        config(DataCaptureConfig={"EnableCapture": True}),
        config(DataCaptureConfig={"EnableCapture": True, "KmsKeyId": KEY}),
        "DataCaptureConfig.KmsKeyId is missing",
    ),
    ("ReplaceableNames", config(EndpointConfigName="c"), config(), "EndpointConfigName is fixed"),
    ("EndpointGuardrail", ENDPOINT | {"DeploymentConfig": {}}, ENDPOINT, "no alarm takes a deployment back"),
    (
        "EndpointGuardrail",
        task("updateEndpoint", "Arguments", EndpointName="e"),
        task("updateEndpoint", "Arguments", EndpointName="e", DeploymentConfig=GUARDED),
        "no alarm takes a deployment back",
    ),
    (
        "EndpointGuardrail",
        task("updateEndpoint", "Arguments", DeploymentConfig={"BlueGreenUpdatePolicy": {"x": 1}}),
        task(
            "updateEndpoint",
            "Arguments",
            DeploymentConfig={
                "BlueGreenUpdatePolicy": {"x": 1},
                "AutoRollbackConfiguration": "{% $alarms %}",
            },
        ),
        "no alarm takes a deployment back",
    ),
    (
        "EndpointGuardrail",
        task("updateEndpoint", "Arguments", DeploymentConfig=GUARDED | {"BlueGreenUpdatePolicy": None}),
        task("createEndpoint", "Arguments", EndpointName="e"),
        "neither a blue/green nor a rolling policy is set",
    ),
    (
        "NoWholeService",
        policy(Action=["s3:GetObject", "sagemaker:*"]),
        policy(Action="s3:Get*"),
        "'sagemaker:*' allows a whole service",
    ),
    ("NoWholeService", policy(NotAction="iam:*"), policy(Effect="Deny", Action="*"), "NotAction"),
    (
        "NoBareResource",
        policy(Action=["ecr:GetAuthorizationToken", "s3:GetObject"], Resource="*"),
        policy(Action="ecr:GetAuthorizationToken", Resource="*"),
        "'*' for s3:GetObject",
    ),
    (
        "NoBareResource",
        policy(Action=["ec2:CreateNetworkInterface", "ec2:DescribeSubnets"], Resource="*"),
        policy(Action="ec2:CreateNetworkInterface", Resource="arn:aws:ec2:us-east-1:1:subnet/s"),
        "'*' for ec2:CreateNetworkInterface",
    ),
    (
        "NoBareResource",
        policy(Action="cloudwatch:DescribeAlarms", Resource="*"),
        policy(Action="cloudwatch:DescribeAlarms", Resource="arn:aws:cloudwatch:us-east-1:1:alarm:*"),
        "'*' for cloudwatch:DescribeAlarms",
    ),
    (
        "PassedRole",
        policy(Action="iam:Pass*"),
        policy(
            Action="iam:PassRole",
            Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        "does not name the service",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "broken", "kept", "words"), CASES)
def test_a_rule_is_broken_and_kept(
    rule: str, broken: dict[str, Any], kept: dict[str, Any], words: str
) -> None:
    found = [finding for one, finding in rules.findings(template(It=broken)) if one.name == rule]
    assert [finding.resource for finding in found][:1] == ["It"]
    assert any(words in finding.message for finding in found)
    assert [finding for one, finding in rules.findings(template(It=kept)) if one.name == rule] == []


@pytest.mark.parametrize("endpoint", [ENDPOINT, TARGET])
def test_an_endpoint_is_watched(endpoint: dict[str, Any]) -> None:
    watched = {**ALARM, "Namespace": "AWS/SageMaker"}
    broken = list(BY_NAME["EndpointAlarm"].check(template(It=endpoint, Other=config())))
    assert [finding.resource for finding in broken] == ["It"]
    assert list(BY_NAME["EndpointAlarm"].check(template(It=endpoint, Alarm=watched))) == []


def test_every_rule_has_a_case_and_says_why() -> None:
    assert {case[0] for case in CASES} | {"EndpointAlarm"} == set(BY_NAME)
    for rule in rules.RULES:
        assert rule.source.startswith("https://docs.aws.amazon.com/"), rule.name
        assert all(words[0].isupper() and words.endswith(".") for words in (rule.what, rule.why, rule.fix)), (
            rule
        )


def test_jobs_inside_map_and_parallel_are_seen() -> None:
    one = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sagemaker:createProcessingJob"}
    states = {
        "Each": {"Type": "Map", "ItemProcessor": {"States": {"Inner": one}}},
        "Both": {"Type": "Parallel", "Branches": [{"States": {"Left": one}}, {"States": {"Right": one}}]},
    }
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Definition": {"States": states}}
    found = [request.location.rsplit("/", 1)[1] for request in requests(template(It=machine))]
    assert found == ["Inner", "Left", "Right"]


def test_intrinsic_functions_are_shown_in_braces() -> None:
    uri = {
        "Fn::Join": ["", [{"Ref": "AWS::AccountId"}, ".dkr.ecr.", {"Fn::Sub": "${AWS::Region}"}, "/kit:1"]]
    }
    assert text(uri) == "{Ref AWS::AccountId}.dkr.ecr.${AWS::Region}/kit:1"
    assert text({"Fn::ImportValue": "x"}) == "{ImportValue}"
    assert unpinned(uri) is None
    assert unpinned(AtRunTime("$.image")) == "is chosen at run time ('$.image')"
    assert "not sha256" in str(unpinned("kit@sha256:12"))


@pytest.mark.parametrize("tag", sorted(MOVING_TAGS))
def test_a_tag_that_moves_pins_nothing(tag: str) -> None:
    assert unpinned(f"r/kit:{tag}") == f"'r/kit:{tag}' is whatever was pushed last"
    assert unpinned(f"r/kit:{tag}-1.4.0") is None


@pytest.mark.parametrize("reason", ["", "needed", "it is needed because the job says so.", "Short one."])
def test_an_exception_needs_a_sentence(reason: str) -> None:
    bucket = s3.Bucket(cdk.Stack(cdk.App(), "S"), "B")
    with pytest.raises(rules.WeakReason, match="AwsSolutions-S1 is not a sentence"):
        rules.acknowledge(bucket, {"AwsSolutions-S1": reason})


def test_a_broken_rule_fails_the_synthesis_and_an_exception_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not rules.synthesise(app_with_a_model(tmp_path / "broken"))
    said = capsys.readouterr().err
    assert "The rules have 1 findings; all are in" in said
    report = (tmp_path / "broken" / "rules-report.csv").read_text(encoding="utf-8").splitlines()
    assert report[0] == "result,rule,construct,text"
    assert report[1].startswith("violation,NetworkIsolation,S/Model,")

    reason = "The container installs what it lacks when it starts."
    assert rules.synthesise(app_with_a_model(tmp_path / "kept", {"GluonShip::NetworkIsolation": reason}))
    report = (tmp_path / "kept" / "rules-report.csv").read_text(encoding="utf-8").splitlines()
    assert report[1:] == [f"acknowledged,GluonShip::NetworkIsolation,S/Model,{reason}"]


@pytest.mark.parametrize(
    ("excepted", "left"),
    [("NetworkIsolation[Serve]", {"Evaluate"}), ("NetworkIsolation", {"Evaluate", "Serve"})],
)
def test_an_exception_for_one_state_hides_no_other(tmp_path: Path, excepted: str, left: set[str]) -> None:
    app = cdk.App(outdir=str(tmp_path), analytics_reporting=False)
    operations = {"Evaluate": "createProcessingJob.sync", "Serve": "createModel"}
    states = {
        name: {"Type": "Task", "Resource": f"arn:aws:states:::sagemaker:{operation}"}
        for name, operation in operations.items()
    }
    machine = cdk.CfnResource(
        cdk.Stack(app, "S"),
        "Machine",
        type="AWS::StepFunctions::StateMachine",
        properties={"RoleArn": "arn:aws:iam::123456789012:role/r", "Definition": {"States": states}},
    )
    rules.acknowledge(machine, {f"GluonShip::{excepted}": "The container installs what it lacks."})
    assert not rules.synthesise(app)
    report = (tmp_path / "rules-report.csv").read_text(encoding="utf-8").splitlines()
    broken = {line.split(",")[1] for line in report if line.startswith("violation,NetworkIsolation")}
    assert broken == {f"NetworkIsolation[{state}]" for state in left}


def app_with_a_model(outdir: Path, reasons: Mapping[str, str] | None = None) -> cdk.App:
    app = cdk.App(outdir=str(outdir), analytics_reporting=False)
    model = cdk.CfnResource(
        cdk.Stack(app, "S"),
        "Model",
        type="AWS::SageMaker::Model",
        properties={
            "ExecutionRoleArn": "arn:aws:iam::123456789012:role/r",
            "PrimaryContainer": {"Image": IMAGE},
        },
    )
    rules.acknowledge(model, reasons or {})
    return app
