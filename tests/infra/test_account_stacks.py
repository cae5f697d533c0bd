"""The stacks of the kit's own configuration, and the storage construct in somebody else's app."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import account_apps
import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Match, Template
from cfnlint.api import ManualArgs, lint_file
from gluonship_infra import rules
from gluonship_infra.rules.acknowledgements import check_reason
from gluonship_infra.storage import Storage

# The CDK makes a state machine depend on the whole policy of its role, which covers what GetAtt says.
_OF_THE_CDK = "W3005"
_KEY = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012"


@pytest.fixture(scope="module")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The kit's stacks for each environment, on disk."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("dev", "local", "prod")}
    for name, folder in folders.items():
        account_apps.synthesise(folder, name)
    return folders


def templates(folder: Path) -> account_apps.Templates:
    return {
        path.name.split(".")[0]: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.template.json"))
    }


def every_resource(folder: Path) -> list[dict[str, Any]]:
    return [one for template in templates(folder).values() for one in template["Resources"].values()]


def test_the_stacks_are_those_of_the_snapshot(assemblies: dict[str, Path]) -> None:
    expected = account_apps.SNAPSHOT.read_text(encoding="utf-8")
    assert account_apps.summary(templates(assemblies["dev"])) == expected, "see account_apps.py"


def test_the_local_environment_has_the_resources_of_the_others(assemblies: dict[str, Path]) -> None:
    expected = account_apps.SNAPSHOT.read_text(encoding="utf-8")
    assert account_apps.summary(templates(assemblies["local"])) == expected.replace("-dev-", "-local-")


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_templates_are_clean_to_cfn_lint(assemblies: dict[str, Path], environment: str) -> None:
    config = ManualArgs(regions=["us-east-1"], ignore_checks=[_OF_THE_CDK])
    paths = sorted(assemblies[environment].glob("*.template.json"))
    assert len(paths) == 3
    assert [str(match) for path in paths for match in lint_file(path, config=config)] == []


def test_nothing_is_looked_up_or_run_by_lambda(assemblies: dict[str, Path]) -> None:
    for folder in assemblies.values():
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert "missing" not in manifest
        types = {one["Type"] for one in every_resource(folder)}
        assert not {
            one for one in types if one.startswith(("Custom::", "AWS::Lambda::", "AWS::CloudFormation::"))
        }


def test_prod_keeps_what_dev_deletes(assemblies: dict[str, Path]) -> None:
    """Of all types: what is found retained in prod is what the page says."""
    kept = {
        "AWS::S3::Bucket",
        "AWS::ECR::Repository",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::SageMaker::ModelPackageGroup",
    }
    for environment, policy in (("dev", "Delete"), ("prod", "Retain")):
        for one in every_resource(assemblies[environment]):
            expected = policy if one["Type"] in kept else "Delete"
            found = (one.get("DeletionPolicy", "Delete"), one.get("UpdateReplacePolicy", "Delete"))
            assert found == (expected, expected), one["Type"]
    types = {one["Type"] for one in every_resource(assemblies["prod"])}
    assert kept < types


def named(folder: Path) -> list[tuple[str, str, str]]:
    """Each fixed name, with its resource's type and what becomes of it."""
    return [
        (one["Properties"][property], one["Type"], one.get("DeletionPolicy", "Delete"))
        for one in every_resource(folder)
        for property in (f"{one['Type'].rpartition(':')[2]}Name", "Name")
        if property in one["Properties"]
        and one["Type"] != "AWS::IAM::Policy"  # inline: its name is its role's affair
    ]


def test_environments_of_one_account_share_no_name(assemblies: dict[str, Path]) -> None:
    for environment, folder in assemblies.items():
        names = [name.removeprefix("alias/") for name, _, _ in named(folder)]
        assert len(names) == 11
        assert all(name.partition("-")[2].partition("-")[0] == environment for name in names), names


def test_what_keeps_its_name_can_be_deployed_again(assemblies: dict[str, Path]) -> None:
    """Gone with its stack, or such as `cdk deploy --import-existing-resources` takes back."""
    for environment in ("dev", "local"):
        assert {policy for _, _, policy in named(assemblies[environment])} == {"Delete"}
    kept = {type_ for _, type_, policy in named(assemblies["prod"]) if policy != "Delete"}
    assert kept == {"AWS::ECR::Repository", "AWS::SageMaker::ModelPackageGroup"}


def test_every_exception_has_a_reason_and_nothing_else_is_found(assemblies: dict[str, Path]) -> None:
    for folder in assemblies.values():
        with (folder / "rules-report.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        assert lines
        assert {line["result"] for line in lines} == {"acknowledged"}
        for line in lines:
            check_reason(line["rule"], line["text"])


def test_the_alarms_that_roll_back_are_those_that_there_are(assemblies: dict[str, Path]) -> None:
    stacks = templates(assemblies["prod"])
    pipeline = json.dumps(stacks["GluonShip-prod-Pipeline"])
    names = [
        one["Properties"]["AlarmName"]
        for one in stacks["GluonShip-prod-Endpoint"]["Resources"].values()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    ]
    guarding = [name for name in names if "errors-5xx" in name or "latency" in name]
    assert len(guarding) == 4
    assert [name for name in guarding if name not in pipeline] == []


def test_without_the_endpoint_stack_no_alarm_is_named(tmp_path: Path) -> None:
    config = tmp_path / "one.toml"
    config.write_text('stacks = ["storage", "pipeline"]\n[environments.dev]\n', encoding="utf-8")
    stacks = account_apps.synthesise(tmp_path / "out", config=config)
    assert list(stacks) == ["GluonShip-dev-Pipeline", "GluonShip-dev-Storage"]
    assert "errors-5xx" not in json.dumps(stacks)
    assert not_rolled_back(tmp_path / "out")


def not_rolled_back(folder: Path) -> bool:
    """Whether the rules' report says that no alarm takes an update back, by somebody's choice."""
    report = (folder / "rules-report.csv").read_text(encoding="utf-8")
    return "acknowledged,GluonShip::EndpointGuardrail[UpdateEndpoint]" in report


def test_only_updates_that_nothing_takes_back_are_excepted(
    assemblies: dict[str, Path], tmp_path: Path
) -> None:
    assert not any(map(not_rolled_back, assemblies.values()))
    config = tmp_path / "never.toml"
    config.write_text("[environments.dev.endpoint]\nrolls_back = false\n", encoding="utf-8")
    account_apps.synthesise(tmp_path / "out", config=config)
    assert not_rolled_back(tmp_path / "out")


def test_the_users_network_images_and_address_arrive(tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text(
        'tags = {owner = "vision"}\n[environments.dev]\n'
        '[account]\nid = "123456789012"\nregion = "eu-west-1"\npermissions_boundary = "limits"\n'
        'bootstrap_qualifier = "mine"\n[notices]\nemail = "ops@example.com"\n'
        '[images]\ntraining = "1.4.0"\n'
        f'[storage]\nkey_arn = "{_KEY}"\ninfrequent_days = 60\n'
        '[network]\nvpc_id = "vpc-12345678"\navailability_zones = ["eu-west-1a"]\n'
        'subnet_ids = ["subnet-12345678"]\nsecurity_group_ids = ["sg-12345678"]\nreaches_pypi = true\n'
        "[endpoint.scaling]\nscale_in = false\n",
        encoding="utf-8",
    )
    stacks = account_apps.synthesise(tmp_path / "out", config=config)
    pipeline, storage = stacks["GluonShip-dev-Pipeline"], stacks["GluonShip-dev-Storage"]
    text = json.dumps(pipeline)
    assert "123456789012.dkr.ecr.eu-west-1." in text
    assert "/gluonship-dev-training:1.4.0" in text
    assert "subnet-12345678" in text
    assert "sg-12345678" in text
    assert "policy/limits" in text
    assert "AWS::KMS::Key" not in {one["Type"] for one in storage["Resources"].values()}
    assert '"owner"' in json.dumps(storage)
    assert '"DisableScaleIn": true' in json.dumps(stacks["GluonShip-dev-Endpoint"])
    for name in ("Pipeline", "Endpoint"):
        template = Template.from_json(stacks[f"GluonShip-dev-{name}"])
        template.has_resource_properties(
            "AWS::SNS::Subscription", {"Protocol": "email", "Endpoint": "ops@example.com"}
        )
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    artifact = manifest["artifacts"]["GluonShip-dev-Storage"]
    assert artifact["environment"] == "aws://123456789012/eu-west-1"
    assert "cdk-mine-deploy-role" in artifact["properties"]["assumeRoleArn"]


@pytest.fixture(scope="module")
def storage() -> Template:
    """The storage construct in an app without any of the CDK's flags."""
    stack = cdk.Stack(cdk.App(), "Mine")
    Storage(stack, "Storage", name="mine", removal_policy=cdk.RemovalPolicy.DESTROY, infrequent_days=90)
    return Template.from_stack(stack)


def test_buckets_are_closed_encrypted_and_versioned(storage: Template) -> None:
    storage.resource_count_is("AWS::S3::Bucket", 3)
    storage.all_resources_properties(
        "AWS::S3::Bucket",
        {
            "VersioningConfiguration": {"Status": "Enabled"},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
        },
    )
    by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": Match.any_value()}
    storage.resource_properties_count_is(
        "AWS::S3::Bucket",
        {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": by_key}
                ]
            },
            "LoggingConfiguration": {"DestinationBucketName": Match.any_value()},
        },
        2,
    )


@pytest.mark.parametrize(
    ("condition", "value"),
    [("Bool", {"aws:SecureTransport": "false"}), ("NumericLessThan", {"s3:TlsVersion": 1.2})],
)
def test_buckets_take_tls_alone(storage: Template, condition: str, value: dict[str, Any]) -> None:
    denial = {"Effect": "Deny", "Action": "s3:*", "Condition": {condition: value}}
    statements = Match.array_with([Match.object_like(denial)])
    storage.resource_properties_count_is(
        "AWS::S3::BucketPolicy", {"PolicyDocument": {"Statement": statements}}, 3
    )


def test_only_data_tells_events_and_by_the_bucket_itself(storage: Template) -> None:
    events = {"NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}}
    storage.resource_properties_count_is("AWS::S3::Bucket", events, 1)
    types = {one["Type"] for one in storage.to_json()["Resources"].values()}
    assert types == {
        "AWS::ECR::Repository",
        "AWS::KMS::Alias",
        "AWS::KMS::Key",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
    }


def test_life_cycles(storage: Template) -> None:
    buckets = storage.find_resources("AWS::S3::Bucket")
    rules_of = {
        id: {rule["Id"]: rule for rule in one["Properties"]["LifecycleConfiguration"]["Rules"]}
        for id, one in buckets.items()
    }
    (models,) = (one for one in rules_of.values() if "expire-checkpoints" in one)
    assert models["tidy"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert models["tidy"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert models["expire-checkpoints"]["Prefix"] == "checkpoints/"
    assert models["expire-checkpoints"]["ExpirationInDays"] == 30
    transition = {"StorageClass": "STANDARD_IA", "TransitionInDays": 90}
    assert models["infrequent-access"]["Transitions"] == [transition]
    (logs,) = (one for one in rules_of.values() if "expire-logs" in one)
    assert logs["expire-logs"]["ExpirationInDays"] == 365


def test_repositories_and_key(storage: Template) -> None:
    for name in ("mine-training", "mine-inference"):
        storage.has_resource_properties(
            "AWS::ECR::Repository",
            {
                "RepositoryName": name,
                "ImageTagMutability": "IMMUTABLE",
                "ImageScanningConfiguration": {"ScanOnPush": True},
                "EncryptionConfiguration": {"EncryptionType": "KMS", "KmsKey": Match.any_value()},
            },
        )
    storage.has_resource_properties("AWS::KMS::Key", {"EnableKeyRotation": True, "PendingWindowInDays": 7})


def test_storage_with_a_key_of_the_users_own_keeps_the_rules(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path), analytics_reporting=False)
    stack = cdk.Stack(app, "Mine")
    storage = Storage(stack, "Storage", name="mine", key=kms.Key.from_key_arn(stack, "Key", _KEY))
    assert rules.synthesise(app)
    assert storage.key.key_arn == _KEY
    template = Template.from_json(json.loads((tmp_path / "Mine.template.json").read_text(encoding="utf-8")))
    template.resource_count_is("AWS::KMS::Key", 0)
