"""The training pipeline deployed by CloudFormation and run: from a data set put into S3 to a served model.

Two runs train; what happens after the training is tried with their models, by a container that copies one.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from gluonship_infra.pipeline import PipelineSettings, TrainingPipeline
from gluonship_infra.storage import Storage
from local_account import leftovers
from local_clouds import LocalCloud, running_cloud

from gluonship.vision import artifacts

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))
from training_runs import write_images

STACK = ENDPOINT = "kit-e2e"
ALARM = "kit-e2e-errors"
SETTINGS = PipelineSettings(
    epochs=2,
    hyperparameters={"batch-size": 24, "num-threads": 1},
    accuracy_threshold=0.5,
    rollback_alarms=(ALARM, "kit-e2e-nonesuch"),
    deployment_wait_seconds=0,
    termination_wait_seconds=0,
    poll_seconds=1,
)
COPYING = "registry.example/copying"
Definition = dict[str, Any]


@dataclass
class Kit:
    """The deployed stack, with what its runs left."""

    cloud: LocalCloud
    outputs: dict[str, str]
    runs: list[dict[str, Any]]  # descriptions of the first two executions, which ran at the same time

    def start(self, machine: str | None = None, **given: Any) -> str:
        client = self.cloud.client("stepfunctions")
        started = client.start_execution(
            stateMachineArn=machine or self.outputs["Machine"], input=json.dumps(given)
        )
        return str(started["executionArn"])

    def ended(self, execution: str) -> dict[str, Any]:
        client, deadline = self.cloud.client("stepfunctions"), time.monotonic() + 150
        while time.monotonic() < deadline:
            described: dict[str, Any] = client.describe_execution(executionArn=execution)
            if described["status"] != "RUNNING":
                return described
            time.sleep(0.2)
        raise AssertionError(f"{execution} still runs")

    def serving(self) -> dict[str, Any]:
        """What a failed run must leave as it is."""
        sagemaker = self.cloud.client("sagemaker")
        endpoint = sagemaker.describe_endpoint(EndpointName=ENDPOINT)
        configs = sagemaker.list_endpoint_configs()["EndpointConfigs"]
        return {
            "status": endpoint["EndpointStatus"],
            "config": endpoint["EndpointConfigName"],
            "variants": endpoint["ProductionVariants"],
            "configs": {each["EndpointConfigName"] for each in configs},
            "models": {each["ModelName"] for each in sagemaker.list_models()["Models"]},
        }

    def packages(self) -> list[dict[str, Any]]:
        sagemaker = self.cloud.client("sagemaker")
        found = sagemaker.list_model_packages(ModelPackageGroupName=self.outputs["Packages"])
        return [
            sagemaker.describe_model_package(ModelPackageName=each["ModelPackageArn"])
            for each in found["ModelPackageSummaryList"]
        ]

    def notices(self) -> list[str]:
        """The subjects of the notices that have come so far."""
        sqs, found = self.cloud.client("sqs"), []
        while messages := sqs.receive_message(
            QueueUrl=self.outputs["Queue"], MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"])["Subject"])
                sqs.delete_message(QueueUrl=self.outputs["Queue"], ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    """A cloud with the stack, in which a marker in S3 and a person have each started a run."""
    scratch = tmp_path_factory.mktemp("pipeline")
    (scratch / "cloud").mkdir()
    copying = [sys.executable, str(Path(__file__).with_name("copying_container.py"))]
    (scratch / "cloud" / "images.toml").write_text(
        f'[[image]]\npattern = "{COPYING}"\ncommand = {json.dumps(copying)}\n'
    )
    with running_cloud(scratch / "cloud") as cloud:
        deployed = Kit(cloud, deploy(cloud, scratch / "cdk.out", STACK), [])
        cloud.client("cloudwatch").put_metric_alarm(
            AlarmName=ALARM,
            Namespace="AWS/SageMaker",
            MetricName="Invocation5XXErrors",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        listen(deployed)
        upload(deployed, scratch / "good", "datasets/good")
        by_hand = deployed.start(dataset="datasets/good")
        cloud.client("s3").put_object(Bucket=deployed.outputs["Data"], Key="datasets/good/_READY", Body=b"")
        by_marker = other_execution(deployed, by_hand)
        deployed.runs += [deployed.ended(by_hand), deployed.ended(by_marker)]
        yield deployed


@dataclass(frozen=True)
class Failures:
    """Runs that fail, each in another way and all at once, with what the endpoint was before and after."""

    before: dict[str, Any]
    after: dict[str, Any]
    runs: dict[str, dict[str, Any]]  # descriptions of the executions
    notices: list[str]  # the subjects


@pytest.fixture(scope="module")
def failures(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Failures:
    kit.notices()
    before = kit.serving()
    good = json.loads(kit.runs[0]["output"])["artifact"]
    copy_models(kit, good, tmp_path_factory.mktemp("models"))
    copying = machine(kit, "copying", train_by_copying)
    broken = machine(kit, "broken", train_by_copying, serve_nothing)
    copied = {"test": "datasets/good/test"}
    started = {
        "worse": kit.start(copying, train="models/worse", **copied),
        "broken": kit.start(broken, train="models/good", **copied),
        "training": kit.start(dataset="datasets/good", hyperparameters={"network": "resnet19_v1"}),
        "input": kit.start(datset="x"),
        "data": kit.start(dataset="nowhere"),
    }
    ended = {name: kit.ended(execution) for name, execution in started.items()}
    return Failures(before, kit.serving(), ended, kit.notices())


def copy_models(kit: Kit, uri: str, folder: Path) -> None:
    """The model at `uri` as data, and one that calls each class by another's name."""
    s3 = kit.cloud.client("s3")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3.download_file(bucket, key, str(folder / "good.tar.gz"))
    artifacts.extract(folder / "good.tar.gz", folder / "model")
    manifest = artifacts.Manifest.load(folder / "model")
    shutil.rmtree(folder / "model" / "golden")  # which would tell
    worse = replace(manifest, classes=[*manifest.classes[1:], manifest.classes[0]], golden=None)
    (folder / "model" / artifacts.MANIFEST).write_text(json.dumps(worse.to_json()))
    artifacts.seal(folder / "model")
    artifacts.pack(folder / "model", folder / "worse.tar.gz")
    for name in ("good", "worse"):
        s3.upload_file(str(folder / f"{name}.tar.gz"), kit.outputs["Data"], f"models/{name}/model.tar.gz")


def machine(kit: Kit, name: str, *changes: Callable[[Definition], None]) -> str:
    """The deployed machine once more, changed."""
    client = kit.cloud.client("stepfunctions")
    deployed = client.describe_state_machine(stateMachineArn=kit.outputs["Machine"])
    definition = json.loads(deployed["definition"])
    for change in changes:
        change(definition["States"])
    made = client.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=deployed["roleArn"]
    )
    return str(made["stateMachineArn"])


def train_by_copying(states: Definition) -> None:
    states["Train"]["Arguments"]["AlgorithmSpecification"]["TrainingImage"] = f"{COPYING}:1"


def serve_nothing(states: Definition) -> None:
    environment = states["CreateModel"]["Arguments"]["PrimaryContainer"]["Environment"]
    environment["SAGEMAKER_PROGRAM"] = "nonesuch.py"


def deploy(cloud: LocalCloud, target: Path, name: str) -> dict[str, str]:
    """Synthesises a stack, puts its assets where they belong, as the CDK's CLI does, and creates it."""
    app = cdk.App(outdir=str(target))
    synthesizer = cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
    environment = cdk.Environment(account="123456789012", region="us-east-1")
    stack = cdk.Stack(app, name, env=environment, synthesizer=synthesizer)
    storage = Storage(stack, "Storage", name=name, removal_policy=cdk.RemovalPolicy.DESTROY)
    pipeline = TrainingPipeline(
        stack,
        "Pipeline",
        name=name,
        data=storage.data,
        models=storage.models,
        key=storage.key,
        endpoint_name=name,
        settings=SETTINGS,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    for output, value in {
        "Machine": pipeline.state_machine.state_machine_arn,
        "Data": storage.data.bucket_name,
        "Topic": pipeline.topic.topic_arn,
        "Packages": pipeline.model_package_group_name,
    }.items():
        cdk.CfnOutput(stack, output, value=value)
    app.synth()
    s3 = cloud.client("s3")
    template = ""
    for asset in json.loads((target / f"{name}.assets.json").read_text())["files"].values():
        for place in asset["destinations"].values():
            s3.create_bucket(Bucket=place["bucketName"])
            s3.upload_file(str(target / asset["source"]["path"]), place["bucketName"], place["objectKey"])
            if asset["source"]["path"].endswith(".template.json"):
                template = f"{cloud.url}/{place['bucketName']}/{place['objectKey']}"
    return {**create(cloud, name, template), "Template": template}


def create(cloud: LocalCloud, name: str, template: str) -> dict[str, str]:
    """Creates a stack; its outputs."""
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateURL=template, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    (described,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}


def listen(kit: Kit) -> None:
    sqs, sns = kit.cloud.client("sqs"), kit.cloud.client("sns")
    kit.outputs["Queue"] = sqs.create_queue(QueueName="notices")["QueueUrl"]
    sns.subscribe(
        TopicArn=kit.outputs["Topic"], Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:notices"
    )


def upload(kit: Kit, folder: Path, prefix: str) -> None:
    """A data set of 24 images a class and part."""
    s3 = kit.cloud.client("s3")
    for number, part in enumerate(("train", "validation", "test")):
        write_images(folder / part, 24, seed=10_000 * number)
        for path in (folder / part).rglob("*.jpg"):
            key = f"{prefix}/{part}/{path.parent.name}/{path.name}"
            s3.upload_file(str(path), kit.outputs["Data"], key)


def other_execution(kit: Kit, known: str) -> str:
    client, deadline = kit.cloud.client("stepfunctions"), time.monotonic() + 30
    while time.monotonic() < deadline:
        for each in client.list_executions(stateMachineArn=kit.outputs["Machine"])["executions"]:
            if each["executionArn"] != known:
                return str(each["executionArn"])
        time.sleep(0.2)
    raise AssertionError("the marker has started no run")


def test_two_runs_at_once_both_come_into_service(kit: Kit) -> None:
    assert [(run["status"], run.get("cause")) for run in kit.runs] == [("SUCCEEDED", None)] * 2
    results = [json.loads(run["output"]) for run in kit.runs]
    assert len({result["run"] for result in results}) == 2
    # The one that came second was measured against the first, though there was nothing when both began.
    compared = [result["in_service_accuracy"] for result in results]
    assert sorted(value is None for value in compared) == [False, True]
    second = results[compared.index(None) - 1]
    assert kit.serving()["status"] == "InService"
    assert kit.serving()["config"] == second["run"]


def test_each_model_is_registered_with_its_figures(kit: Kit) -> None:
    results = {json.loads(run["output"])["model_package"]: run for run in kit.runs}
    for package in kit.packages():
        if package["ModelPackageArn"] in results:
            run = results[package["ModelPackageArn"]]
            result = json.loads(run["output"])
            assert package["ModelApprovalStatus"] == "Approved"
            metadata = package["CustomerMetadataProperties"]
            assert metadata["execution"] == run["executionArn"]
            assert float(metadata["accuracy"]) == result["accuracy"]
            report = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
            bucket, _, key = report.removeprefix("s3://").partition("/")
            body = kit.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            metrics = json.loads(body)["multiclass_classification_metrics"]
            assert metrics["accuracy"]["value"] == pytest.approx(result["accuracy"], abs=1e-6)
            del results[package["ModelPackageArn"]]
    assert results == {}


def test_an_update_is_watched_by_the_alarms_that_there_are(kit: Kit) -> None:
    results = [json.loads(run["output"]) for run in kit.runs]
    second = next(result for result in results if result["in_service_accuracy"] is not None)
    assert second["missing_alarms"] == ["kit-e2e-nonesuch"]
    described = kit.cloud.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    rollback = described["LastDeploymentConfig"]["AutoRollbackConfiguration"]
    assert rollback == {"Alarms": [{"AlarmName": ALARM}]}


def test_a_failed_run_leaves_the_endpoint_as_it_was(failures: Failures) -> None:
    assert {run["status"] for run in failures.runs.values()} == {"FAILED"}
    assert failures.after == failures.before


def test_a_worse_model_is_refused(failures: Failures) -> None:
    ended = failures.runs["worse"]
    assert ended["error"] == "QualityGate.Refused", ended["cause"]
    assert "on 72 test images" in ended["cause"]
    assert "The endpoint serves as before." in ended["cause"]
    assert len([each for each in failures.notices if each.endswith(" was refused by its gate")]) == 1
    assert len([each for each in failures.notices if each.endswith(" started")]) == 3


def test_a_failed_training_says_why(failures: Failures) -> None:
    assert "network 'resnet19_v1'" in failures.runs["training"]["cause"]


def test_an_update_that_does_not_come_up_leaves_nothing_behind(kit: Kit, failures: Failures) -> None:
    ended = failures.runs["broken"]
    assert ended["error"] == "Endpoint.UpdateFailed", ended["cause"]
    assert f"serves the config {failures.before['config']}" in ended["cause"]
    assert "nonesuch.py is not in" in ended["cause"]
    (package,) = [
        each
        for each in kit.packages()
        if each["CustomerMetadataProperties"]["execution"] == ended["executionArn"]
    ]
    assert package["ModelApprovalStatus"] == "Rejected"
    assert "could not be updated" in package["ApprovalDescription"]


@pytest.mark.parametrize(
    ("run", "error", "words"),
    [
        ("input", "Input.Refused", "Not an input: datset."),
        ("data", "Data.Missing", "There is no train/ and no test/ under s3://"),
    ],
)
def test_what_cannot_be_run_is_said(failures: Failures, run: str, error: str, words: str) -> None:
    assert failures.runs[run]["error"] == error
    assert words in failures.runs[run]["cause"]


def test_a_stack_that_was_deleted_can_be_deployed_again(kit: Kit, tmp_path: Path) -> None:
    cloudformation, s3 = kit.cloud.client("cloudformation"), kit.cloud.client("s3")
    template = deploy(kit.cloud, tmp_path, "kit-again")["Template"]
    resources = cloudformation.describe_stack_resources(StackName="kit-again")["StackResources"]
    buckets = [each["PhysicalResourceId"] for each in resources if each["ResourceType"] == "AWS::S3::Bucket"]
    for bucket in buckets:
        leftovers.stop_logging(s3, bucket)
    for bucket in buckets:
        leftovers.empty(s3, bucket)  # of the log of what CloudFormation itself asked
    cloudformation.delete_stack(StackName="kit-again")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="kit-again", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert create(kit.cloud, "kit-again", template)["Packages"] == "kit-again"
