"""The training pipeline deployed by CloudFormation and run: from a data set put into S3 to a served model."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from gluonship_infra.pipeline import PipelineSettings, TrainingPipeline
from gluonship_infra.storage import Storage
from local_clouds import LocalCloud, running_cloud

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))
from training_runs import CLASSES, write_images

STACK = ENDPOINT = "kit-e2e"
SETTINGS = PipelineSettings(
    epochs=2,
    hyperparameters={"batch-size": 24, "num-threads": 1},
    accuracy_threshold=0.5,
    poll_seconds=1,
)


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
    with running_cloud(scratch / "cloud") as cloud:
        deployed = Kit(cloud, deploy(cloud, scratch / "cdk.out"), [])
        listen(deployed)
        upload(deployed, scratch / "good", "datasets/good")
        by_hand = deployed.start(dataset="datasets/good")
        cloud.client("s3").put_object(Bucket=deployed.outputs["Data"], Key="datasets/good/_READY", Body=b"")
        by_marker = other_execution(deployed, by_hand)
        deployed.runs += [deployed.ended(by_hand), deployed.ended(by_marker)]
        yield deployed


def deploy(cloud: LocalCloud, target: Path) -> dict[str, str]:
    """Synthesises the stack, puts its assets where they belong, as the CDK's CLI does, and creates it."""
    app = cdk.App(outdir=str(target))
    synthesizer = cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
    environment = cdk.Environment(account="123456789012", region="us-east-1")
    stack = cdk.Stack(app, STACK, env=environment, synthesizer=synthesizer)
    storage = Storage(stack, "Storage", name=STACK, removal_policy=cdk.RemovalPolicy.DESTROY)
    pipeline = TrainingPipeline(
        stack,
        "Pipeline",
        name=STACK,
        data=storage.data,
        models=storage.models,
        key=storage.key,
        endpoint_name=ENDPOINT,
        settings=SETTINGS,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    for name, value in {
        "Machine": pipeline.state_machine.state_machine_arn,
        "Data": storage.data.bucket_name,
        "Topic": pipeline.topic.topic_arn,
        "Packages": pipeline.model_package_group_name,
    }.items():
        cdk.CfnOutput(stack, name, value=value)
    app.synth()
    s3, cloudformation = cloud.client("s3"), cloud.client("cloudformation")
    template = ""
    for asset in json.loads((target / f"{STACK}.assets.json").read_text())["files"].values():
        for place in asset["destinations"].values():
            s3.create_bucket(Bucket=place["bucketName"])
            s3.upload_file(str(target / asset["source"]["path"]), place["bucketName"], place["objectKey"])
            if asset["source"]["path"].endswith(".template.json"):
                template = f"{cloud.url}/{place['bucketName']}/{place['objectKey']}"
    cloudformation.create_stack(StackName=STACK, TemplateURL=template, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    (described,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}


def listen(kit: Kit) -> None:
    sqs, sns = kit.cloud.client("sqs"), kit.cloud.client("sns")
    kit.outputs["Queue"] = sqs.create_queue(QueueName="notices")["QueueUrl"]
    sns.subscribe(
        TopicArn=kit.outputs["Topic"], Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:notices"
    )


def upload(kit: Kit, folder: Path, prefix: str, wrong: bool = False) -> None:
    """A data set of 24 images a class and part; `wrong` gives the training images each other's labels."""
    s3 = kit.cloud.client("s3")
    for number, part in enumerate(("train", "validation", "test")):
        write_images(folder / part, 24, seed=10_000 * number)
        for path in (folder / part).rglob("*.jpg"):
            name = path.parent.name
            if wrong and part == "train":
                name = CLASSES[(CLASSES.index(name) + 1) % len(CLASSES)]
            s3.upload_file(str(path), kit.outputs["Data"], f"{prefix}/{part}/{name}/{path.name}")


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


def test_a_worse_model_is_refused_and_the_endpoint_stays(kit: Kit, tmp_path: Path) -> None:
    upload(kit, tmp_path, "datasets/wrong", wrong=True)
    before, _ = kit.serving(), kit.notices()
    ended = kit.ended(kit.start(dataset="datasets/wrong/"))
    assert (ended["status"], ended["error"]) == ("FAILED", "QualityGate.Refused")
    assert "on 72 test images" in ended["cause"]
    assert "The endpoint serves as before." in ended["cause"]
    assert kit.serving() == before
    started, refused = kit.notices()
    assert started.endswith(" started")
    assert refused.endswith(" was refused by its gate")


def test_a_failed_training_says_why_and_the_endpoint_stays(kit: Kit) -> None:
    before = kit.serving()
    ended = kit.ended(kit.start(dataset="datasets/good", hyperparameters={"network": "resnet19_v1"}))
    assert ended["status"] == "FAILED"
    assert "network 'resnet19_v1'" in ended["cause"]
    assert kit.serving() == before


def test_an_update_that_does_not_come_up_leaves_nothing_behind(kit: Kit) -> None:
    client = kit.cloud.client("stepfunctions")
    deployed = client.describe_state_machine(stateMachineArn=kit.outputs["Machine"])
    definition = json.loads(deployed["definition"])
    container = definition["States"]["CreateModel"]["Arguments"]["PrimaryContainer"]
    container["Environment"]["SAGEMAKER_PROGRAM"] = "nonesuch.py"
    broken = client.create_state_machine(
        name="broken", definition=json.dumps(definition), roleArn=deployed["roleArn"]
    )
    before = kit.serving()
    execution = kit.start(broken["stateMachineArn"], dataset="datasets/good")
    ended = kit.ended(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "Endpoint.UpdateFailed")
    assert f"serves the config {before['config']}" in ended["cause"]
    assert "nonesuch.py is not in" in ended["cause"]
    assert kit.serving() == before
    (package,) = [
        each for each in kit.packages() if each["CustomerMetadataProperties"]["execution"] == execution
    ]
    assert package["ModelApprovalStatus"] == "Rejected"
    assert "could not be updated" in package["ApprovalDescription"]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"datset": "x"}, "Input.Refused", "Not an input: datset."),
        ({"dataset": "nowhere"}, "Data.Missing", "There is no train/ and no test/ under s3://"),
    ],
)
def test_what_cannot_be_run_is_said_at_once(kit: Kit, given: Any, error: str, words: str) -> None:
    ended = kit.ended(kit.start(**given))
    assert (ended["status"], ended["error"]) == ("FAILED", error)
    assert words in ended["cause"]
