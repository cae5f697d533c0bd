"""The pipeline's templates: the rules kept, the roles narrow, the user's own parts used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import cfnlint
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from gluonship_infra import rules
from gluonship_infra.pipeline import PipelineSettings, TrainingPipeline
from gluonship_infra.storage import Storage

Resources = dict[str, dict[str, Any]]
ACCOUNT = cdk.Environment(account="123456789012", region="us-east-1")
OWN_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/kit-inference:1.2.3"


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One app of two stacks: `kit` with all by default, `own` with the user's own bucket, key, role, VPC and
    image. The rules are applied: the synthesis fails where one is not kept."""
    app = cdk.App(outdir=str(tmp_path_factory.mktemp("cdk.out")))
    kit = cdk.Stack(app, "kit")
    storage = Storage(kit, "Storage", name="kit-dev")
    TrainingPipeline(
        kit,
        "Pipeline",
        name="kit-dev",
        data=storage.data,
        models=storage.models,
        key=storage.key,
        endpoint_name="Kit-Live",
        settings=PipelineSettings(schedule="rate(7 days)", compile_targets=("ml_c5", "jetson_nano")),
    )
    own = cdk.Stack(app, "own", env=ACCOUNT)
    arn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    TrainingPipeline(
        own,
        "Pipeline",
        name="own",
        data=s3.Bucket.from_bucket_name(own, "Data", "my-images"),
        models=s3.Bucket.from_bucket_name(own, "Models", "my-models"),
        key=kms.Key.from_key_arn(own, "Key", arn),
        endpoint_name="own",
        settings=PipelineSettings(trigger_prefix=None, training_instance_type="ml.g4dn.xlarge"),
        inference_image=OWN_IMAGE,
        training_role=iam.Role.from_role_arn(own, "Role", "arn:aws:iam::123456789012:role/mine"),
        vpc=ec2.Vpc.from_vpc_attributes(
            own,
            "Vpc",
            vpc_id="vpc-12345678",
            availability_zones=["us-east-1a"],
            private_subnet_ids=["subnet-12345678"],
        ),
    )
    rules.apply(app)
    assembly = app.synth()
    return {name: Path(assembly.get_stack_by_name(name).template_full_path) for name in ("kit", "own")}


def resources(path: Path, type_: str) -> Resources:
    found = json.loads(path.read_text())["Resources"]
    return {name: each["Properties"] for name, each in found.items() if each["Type"] == type_}


def machine(path: Path) -> dict[str, Any]:
    (properties,) = resources(path, "AWS::StepFunctions::StateMachine").values()
    return properties


def states(path: Path) -> dict[str, Any]:
    """The machine's states, with tokens of CloudFormation as <...>."""
    text = machine(path)["DefinitionString"]
    parts = text["Fn::Join"][1] if isinstance(text, dict) else [text]
    joined = "".join(part if isinstance(part, str) else "<token>" for part in parts)
    return json.loads(joined)["States"]  # type: ignore[no-any-return]


def policy(path: Path, role: str) -> list[dict[str, Any]]:
    for name, properties in resources(path, "AWS::IAM::Policy").items():
        if role in name:
            return properties["PolicyDocument"]["Statement"]  # type: ignore[no-any-return]
    raise AssertionError(f"{role} has no policy")


@pytest.mark.parametrize("stack", ["kit", "own"])
def test_cfn_lint_finds_nothing(templates: dict[str, Path], stack: str) -> None:
    found = cfnlint.lint(templates[stack].read_text(), regions=["us-east-1"])
    assert [str(match) for match in found if match.rule.severity == "error"] == []


def test_the_machine_logs_and_traces(templates: dict[str, Path]) -> None:
    properties = machine(templates["kit"])
    assert properties["StateMachineType"] == "STANDARD"
    assert properties["TracingConfiguration"] == {"Enabled": True}
    assert properties["LoggingConfiguration"]["Level"] == "ALL"
    assert properties["LoggingConfiguration"]["IncludeExecutionData"] is False
    (group,) = resources(templates["kit"], "AWS::Logs::LogGroup").values()
    assert "KmsKeyId" in group


def test_each_purpose_has_a_role_that_its_service_alone_may_take(templates: dict[str, Path]) -> None:
    services = {
        name.removeprefix("Pipeline")[:-8]: properties["AssumeRolePolicyDocument"]["Statement"][0]
        for name, properties in resources(templates["kit"], "AWS::IAM::Role").items()
    }
    assert {name: each["Principal"]["Service"] for name, each in services.items()} == {
        "MachineRole": "states.amazonaws.com",
        "TrainingRole": "sagemaker.amazonaws.com",
        "EvaluationRole": "sagemaker.amazonaws.com",
        "ServingRole": "sagemaker.amazonaws.com",
        "EventsRole": "events.amazonaws.com",
    }
    assert all("aws:SourceAccount" in each["Condition"]["StringEquals"] for each in services.values())


def test_the_machine_may_pass_three_roles_to_sagemaker_alone(templates: dict[str, Path]) -> None:
    (passing,) = [
        each for each in policy(templates["kit"], "MachineRole") if each["Action"] == "iam:PassRole"
    ]
    assert len(passing["Resource"]) == 3
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_the_machine_changes_its_own_endpoint_alone(templates: dict[str, Path]) -> None:
    statements = policy(templates["kit"], "MachineRole")
    (changing,) = [each for each in statements if "sagemaker:UpdateEndpoint" in each["Action"]]
    names = [json.dumps(arn).rpartition(":")[2].rstrip('"]}') for arn in changing["Resource"]]
    # As SageMaker writes ARNs: in lower case.
    assert names == ["endpoint/kit-live", "endpoint-config/kit-dev-*"]


def test_serving_reads_trained_models_and_writes_nothing(templates: dict[str, Path]) -> None:
    statements = policy(templates["kit"], "ServingRole")
    actions = {action for each in statements for action in _list(each["Action"]) if action.startswith("s3:")}
    assert actions == {"s3:ListBucket", "s3:GetBucketLocation", "s3:GetObject"}
    (reading,) = [each for each in statements if each["Action"] == "s3:GetObject"]
    assert "/training/kit-dev/*" in json.dumps(reading["Resource"])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_a_marker_in_a_data_sets_folder_starts_a_run(templates: dict[str, Path]) -> None:
    found = resources(templates["kit"], "AWS::Events::Rule").values()
    (rule,) = [each for each in found if "EventPattern" in each]
    assert rule["EventPattern"]["detail"]["object"]["key"] == [{"wildcard": "datasets/*/_READY"}]
    (target,) = rule["Targets"]
    assert target["InputTransformer"]["InputPathsMap"] == {"detail-object-key": "$.detail.object.key"}
    assert target["InputTransformer"]["InputTemplate"] == '{"ready":<detail-object-key>}'
    (schedule,) = [each for each in found if "ScheduleExpression" in each]
    assert schedule["ScheduleExpression"] == "rate(7 days)"


def test_a_container_of_awss_is_all_that_is_not_isolated(templates: dict[str, Path]) -> None:
    for stack, excepted in (("kit", {"CreateModel"}), ("own", set())):
        found = rules.findings(rules.Template.read(templates[stack]))
        assert {(rule.name, finding.state) for rule, finding in found} == {
            ("NetworkIsolation", state) for state in excepted
        }


def test_jobs_are_isolated_and_encrypted(templates: dict[str, Path]) -> None:
    found = states(templates["kit"])
    train, evaluate = found["Train"]["Arguments"], found["Evaluate"]["Arguments"]
    assert train["EnableNetworkIsolation"] is True
    assert evaluate["NetworkConfig"]["EnableNetworkIsolation"] is True
    assert train["ResourceConfig"]["VolumeKmsKeyId"] == "<token>"
    assert (
        train["OutputDataConfig"]["KmsKeyId"] == evaluate["ProcessingOutputConfig"]["KmsKeyId"] == "<token>"
    )
    assert train["AlgorithmSpecification"]["TrainingImage"].endswith("/mxnet-training:1.9.0-cpu-py38")


def test_a_stack_without_a_region_finds_awss_account_in_each(templates: dict[str, Path]) -> None:
    mappings = json.loads(templates["kit"].read_text())["Mappings"]
    (accounts,) = mappings.values()
    assert accounts["eu-west-1"] == {"value": "763104351884"}
    assert accounts["me-south-1"] == {"value": "217643126080"}


def test_the_users_own_parts_are_used(templates: dict[str, Path]) -> None:
    found, path = states(templates["own"]), templates["own"]
    train, model = found["Train"]["Arguments"], found["CreateModel"]["Arguments"]
    assert train["RoleArn"] == "arn:aws:iam::123456789012:role/mine"
    assert train["VpcConfig"]["Subnets"] == ["subnet-12345678"]
    assert train["AlgorithmSpecification"]["TrainingImage"].endswith("mxnet-training:1.9.0-gpu-py38")
    assert "VolumeKmsKeyId" not in train["ResourceConfig"]  # a g4dn's disk is its own
    assert model["PrimaryContainer"]["Image"] == OWN_IMAGE
    assert model["EnableNetworkIsolation"] is True
    assert found["LookAtData"]["Arguments"]["Bucket"] == "my-images"
    assert resources(path, "AWS::S3::Bucket") == {}
    assert resources(path, "AWS::Events::Rule") == {}
    assert len(resources(path, "AWS::IAM::Role")) == 3


def test_a_name_that_is_a_token_is_refused() -> None:
    stack = cdk.Stack()
    with pytest.raises(ValueError, match="name must be known when the template is made"):
        TrainingPipeline(
            stack,
            "Pipeline",
            name=cdk.Aws.STACK_NAME,
            data=s3.Bucket(stack, "Data"),
            models=s3.Bucket(stack, "Models"),
            key=kms.Key(stack, "Key"),
            endpoint_name="x",
            settings=PipelineSettings(),
        )
