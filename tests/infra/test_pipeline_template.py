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
        "CompilationRole": "sagemaker.amazonaws.com",
        "EventsRole": "events.amazonaws.com",
        "SilentEndRole": "events.amazonaws.com",
    }
    assert all("aws:SourceAccount" in each["Condition"]["StringEquals"] for each in services.values())


def test_the_machine_may_pass_its_roles_to_sagemaker_alone(templates: dict[str, Path]) -> None:
    (passing,) = [
        each for each in policy(templates["kit"], "MachineRole") if each["Action"] == "iam:PassRole"
    ]
    assert len(passing["Resource"]) == 4
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_the_machine_changes_its_own_endpoint_alone(templates: dict[str, Path]) -> None:
    statements = policy(templates["kit"], "MachineRole")
    (changing,) = [each for each in statements if "sagemaker:UpdateEndpoint" in each["Action"]]
    names = [json.dumps(arn).rpartition(":")[2].rstrip('"]}') for arn in changing["Resource"]]
    # As SageMaker writes ARNs: in lower case.
    assert names == ["endpoint/kit-live", f"endpoint-config/{names_of_runs('kit-dev')}"]


def test_serving_reads_trained_models_and_writes_nothing(templates: dict[str, Path]) -> None:
    statements = policy(templates["kit"], "ServingRole")
    actions = {action for each in statements for action in _list(each["Action"]) if action.startswith("s3:")}
    assert actions == {"s3:ListBucket", "s3:GetBucketLocation", "s3:GetObject"}
    (reading,) = [each for each in statements if each["Action"] == "s3:GetObject"]
    assert "/training/kit-dev/*" in json.dumps(reading["Resource"])
    keys = [each for each in statements if str(_list(each["Action"])[0]).startswith("kms:")]
    assert {action for each in keys for action in _list(each["Action"])} == {
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKeyWithoutPlaintext",
    }


def test_keys_are_granted_to_services_of_aws_alone(templates: dict[str, Path]) -> None:
    for role in ("MachineRole", "TrainingRole", "EvaluationRole", "CompilationRole", "ServingRole"):
        granting = [each for each in policy(templates["kit"], role) if "kms:CreateGrant" in each["Action"]]
        assert [(each["Action"], each["Condition"]) for each in granting] == [
            ("kms:CreateGrant", {"Bool": {"kms:GrantIsForAWSResource": "true"}})
        ]


def test_who_registers_a_model_may_read_its_image_and_its_artifact(templates: dict[str, Path]) -> None:
    statements = policy(templates["own"], "MachineRole")
    (images,) = [each for each in statements if "ecr:DescribeImages" in each["Action"]]
    assert images["Action"] == ["ecr:BatchGetImage", "ecr:DescribeImages"]
    assert json.dumps(images["Resource"]).rstrip('"]}').endswith("repository/kit-inference")
    (objects,) = [each for each in statements if each["Action"] == "s3:GetObject"]
    assert "/training/own/*" in json.dumps(objects["Resource"])


def test_a_compilation_has_a_role_of_its_own_and_only_where_there_is_one(templates: dict[str, Path]) -> None:
    statements = policy(templates["kit"], "CompilationRole")
    text = json.dumps(statements)
    assert "/compiled/kit-dev/*" in text
    assert "/aws/sagemaker/CompilationJobs*" in text
    assert "ecr:" not in text
    assert "/compiled/" not in json.dumps(policy(templates["kit"], "EvaluationRole"))
    assert not [name for name in resources(templates["own"], "AWS::IAM::Role") if "Compilation" in name]


@pytest.mark.parametrize(("role", "kind"), [("TrainingRole", "*.gz"), ("EvaluationRole", "*.zip")])
def test_an_execution_may_read_the_code_of_the_definition_that_it_began_with(
    templates: dict[str, Path], role: str, kind: str
) -> None:
    reading = [each for each in policy(templates["kit"], role) if each["Action"] == "s3:GetObject"]
    arns = [json.dumps(arn) for each in reading for arn in _list(each["Resource"])]
    (code,) = [arn for arn in arns if "cdk-" in arn]
    assert code.rstrip('"]}').endswith(f"/{kind}")


def test_interfaces_are_made_in_the_given_subnets_alone(templates: dict[str, Path]) -> None:
    for role in ("EvaluationRole", "ServingRole"):
        statements = policy(templates["own"], role)
        (making,) = [each for each in statements if each["Action"] == "ec2:CreateNetworkInterface"]
        text = json.dumps(making["Resource"])
        assert "subnet/subnet-12345678" in text
        assert ":security-group/" in text
        (keeping,) = [each for each in statements if "ec2:DeleteNetworkInterface" in each["Action"]]
        assert "network-interface/*" in json.dumps(keeping["Resource"])
        anywhere = [each for each in statements if each["Resource"] == "*"]
        actions = {action for each in anywhere for action in _list(each["Action"])}
        assert {
            action for action in actions if action.startswith("ec2:") and "Describe" not in action
        } == set()


def test_an_end_without_a_notice_is_told(templates: dict[str, Path]) -> None:
    found = resources(templates["kit"], "AWS::Events::Rule").values()
    (rule,) = [each for each in found if each.get("EventPattern", {}).get("source") == ["aws.states"]]
    detail = rule["EventPattern"]["detail"]
    assert detail["stateMachineArn"][0]["Ref"].startswith("PipelineMachine")
    stopped, failed = detail["$or"]
    assert stopped == {"status": ["ABORTED", "TIMED_OUT"]}
    assert failed["status"] == ["FAILED"]
    assert "States.Runtime" in failed["error"]
    (target,) = rule["Targets"]
    assert "Ref" in target["Arn"]
    assert "SilentEndRole" in json.dumps(target["RoleArn"])
    statements = policy(templates["kit"], "SilentEndRole")
    assert [each["Action"] for each in statements] == ["sns:Publish", ["kms:Decrypt", "kms:GenerateDataKey*"]]


def test_the_log_may_use_the_key_as_aws_asks(templates: dict[str, Path]) -> None:
    (key,) = resources(templates["kit"], "AWS::KMS::Key").values()
    (statement,) = [each for each in key["KeyPolicy"]["Statement"] if each.get("Sid") == "CloudWatchLogs"]
    assert statement["Action"] == [
        "kms:Encrypt*",
        "kms:Decrypt*",
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
        "kms:Describe*",
    ]


def test_a_machine_that_is_taken_away_is_deleted_and_its_log_stays(templates: dict[str, Path]) -> None:
    found = json.loads(templates["kit"].read_text())["Resources"].values()
    policies = {each["Type"]: each.get("DeletionPolicy") for each in found}
    assert policies["AWS::StepFunctions::StateMachine"] == "Delete"
    assert policies["AWS::Logs::LogGroup"] == "Retain"
    assert policies["AWS::SageMaker::ModelPackageGroup"] == "Retain"


def names_of_runs(stem: str) -> str:
    return f"{stem}-20{'?' * 12}-{'?' * 12}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_a_marker_in_a_data_sets_folder_starts_a_run(templates: dict[str, Path]) -> None:
    found = resources(templates["kit"], "AWS::Events::Rule").values()
    (rule,) = [each for each in found if each.get("EventPattern", {}).get("source") == ["aws.s3"]]
    assert rule["EventPattern"]["detail"]["object"]["key"] == [{"wildcard": "datasets/*/_READY"}]
    (target,) = rule["Targets"]
    assert target["InputTransformer"]["InputPathsMap"] == {"detail-object-key": "$.detail.object.key"}
    assert target["InputTransformer"]["InputTemplate"] == '{"ready":<detail-object-key>}'
    (schedule,) = [each for each in found if "ScheduleExpression" in each]
    assert schedule["ScheduleExpression"] == "rate(7 days)"


def test_a_container_of_awss_is_all_that_is_not_isolated(templates: dict[str, Path]) -> None:
    for stack, excepted in (("kit", {"CreateModel"}), ("own", set())):
        found = rules.findings(rules.Template.read(templates[stack]))
        assert {finding.state for rule, finding in found if rule.name == "NetworkIsolation"} == excepted


def test_jobs_are_isolated_and_encrypted(templates: dict[str, Path]) -> None:
    found = states(templates["kit"])
    train, evaluate = found["Train"]["Arguments"], found["Evaluate"]["Arguments"]
    assert train["EnableNetworkIsolation"] is True
    assert evaluate["NetworkConfig"]["EnableNetworkIsolation"] is True
    assert train["ResourceConfig"]["VolumeKmsKeyId"] == "<token>"
    assert (
        train["OutputDataConfig"]["KmsKeyId"] == evaluate["ProcessingOutputConfig"]["KmsKeyId"] == "<token>"
    )
    assert train["AlgorithmSpecification"]["TrainingImage"].endswith(
        "/mxnet-training:1.9.0-cpu-py38-ubuntu20.04-sagemaker"
    )


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
    on_gpu = "/mxnet-training:1.9.0-gpu-py38-cu112-ubuntu20.04-sagemaker"
    assert train["AlgorithmSpecification"]["TrainingImage"].endswith(on_gpu)
    on_cpu = "/mxnet-training:1.9.0-cpu-py38-ubuntu20.04-sagemaker"
    assert found["Evaluate"]["Arguments"]["AppSpecification"]["ImageUri"].endswith(on_cpu)
    assert "VolumeKmsKeyId" not in train["ResourceConfig"]  # a g4dn's disk is its own
    assert model["PrimaryContainer"]["Image"] == OWN_IMAGE
    assert model["EnableNetworkIsolation"] is True
    assert found["LookAtData"]["Arguments"]["Bucket"] == "my-images"
    assert resources(path, "AWS::S3::Bucket") == {}
    assert len(resources(path, "AWS::Events::Rule")) == 1
    assert len(resources(path, "AWS::IAM::Role")) == 4


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
