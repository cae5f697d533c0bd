"""Endpoints by boto3 over the wire, on a whole local cloud: its control plane, S3, logs and runtime."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from processes import still_alive
from serving_fakes import SERVER

from gluonship.local import launcher
from gluonship.local.connection import Connection

ROLE = "arn:aws:iam::123456789012:role/nobody-checks-me"
FAST_WAIT = {"Delay": 1, "MaxAttempts": 60}


def images() -> str:
    """images.toml: each behaviour of tiny_server.py as an image `tiny/BEHAVIOUR`."""
    command = json.dumps([sys.executable, "-S", str(SERVER)])[:-1]
    lines = [
        f'[[image]]\npattern = "tiny/{behaviour}"\ncommand = {command}, "{behaviour}"]\n'
        for behaviour in ("broken", "needs-model")
    ]
    return "\n".join(lines)


class Deployer:
    """A user who deploys and invokes by boto3."""

    def __init__(self, cloud: Connection) -> None:
        client = cloud.boto.client
        self.sagemaker, self.s3, self.logs = client("sagemaker"), client("s3"), client("logs")
        once = Config(retries={"total_max_attempts": 1}, max_pool_connections=16)
        self.runtime = client("sagemaker-runtime", config=once)
        self.bucket = f"models-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)

    def config(self, tag: str | None, image: str = "tiny/needs-model:1", count: int = 1) -> str:
        """A model whose answers carry `tag` (None: an archive without files), and a configuration."""
        name, packed = f"m-{uuid.uuid4().hex[:8]}", io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            if tag is not None:
                info = tarfile.TarInfo("model.txt")
                info.size = len(tag)
                tar.addfile(info, io.BytesIO(tag.encode()))
        key = f"{name}/output/model.tar.gz"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=packed.getvalue())
        container = {"Image": image, "ModelDataUrl": f"s3://{self.bucket}/{key}"}
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": count,
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        return name

    def create(self, endpoint: str, config: str) -> dict[str, Any]:
        self.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        return self.settled(endpoint)

    def update(self, endpoint: str, config: str) -> dict[str, Any]:
        self.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        return self.settled(endpoint)

    def settled(self, endpoint: str) -> dict[str, Any]:
        end = time.monotonic() + 60
        while True:
            described: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=endpoint)
            if described["EndpointStatus"] not in ("Creating", "Updating"):
                return described
            assert time.monotonic() < end, described
            time.sleep(0.1)

    def invoke(self, endpoint: str, body: bytes = b"x") -> dict[str, Any]:
        answer = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="text/plain")
        parsed: dict[str, Any] = json.loads(answer["Body"].read())
        return parsed

    def delete(self, endpoint: str) -> None:
        self.sagemaker.delete_endpoint(EndpointName=endpoint)
        self.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=endpoint, WaiterConfig=FAST_WAIT)


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployer]:
    home: Path = tmp_path_factory.mktemp("serving-cloud")
    (home / "images.toml").write_text(images(), encoding="utf-8")
    info = launcher.up(home, 0)
    cloud = psutil.Process(info.pid)
    try:
        yield Deployer(Connection(info))
    finally:
        family = cloud.children(recursive=True)
        launcher.down(home, grace_seconds=5)
        assert still_alive(family, 10) == []


def test_an_endpoint_from_creation_to_deletion(user: Deployer) -> None:
    config = user.config("one")
    user.sagemaker.create_endpoint(EndpointName="life", EndpointConfigName=config)
    assert user.sagemaker.describe_endpoint(EndpointName="life")["EndpointStatus"] == "Creating"
    user.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="life", WaiterConfig=FAST_WAIT)
    first = user.invoke("life")
    assert (first["tag"], first["headers"]["content-type"]) == ("one", "text/plain")
    end = time.monotonic() + 10
    lines: list[str] = []
    while "starting, needs-model" not in lines:
        assert time.monotonic() < end, lines
        group = "/aws/sagemaker/Endpoints/life"
        found = user.logs.filter_log_events(logGroupName=group, logStreamNamePrefix="AllTraffic/i-")
        lines = [event["message"] for event in found["events"]]
        time.sleep(0.2)
    user.delete("life")
    with pytest.raises(ClientError, match=r"Endpoint life of account \d{12} not found"):
        user.invoke("life")
    with pytest.raises(ClientError, match="Could not find endpoint"):
        user.sagemaker.describe_endpoint(EndpointName="life")


def test_updates_under_load_lose_no_request_and_a_failing_one_changes_nothing(user: Deployer) -> None:
    user.create("busy", user.config("0"))
    done = threading.Event()
    seen: list[str] = []
    failures: list[Exception] = []

    def ask() -> None:
        while not done.is_set():
            try:
                seen.append(user.invoke("busy")["tag"])
            except Exception as error:  # noqa: BLE001 - every failure is counted
                failures.append(error)

    with ThreadPoolExecutor(4) as clients:
        for _ in range(4):
            clients.submit(ask)
        try:
            assert user.update("busy", user.config("1", count=2))["EndpointStatus"] == "InService"
            broken = user.update("busy", user.config("2", "tiny/broken:1"))
            user.update("busy", user.config("3"))
        finally:
            done.set()
    assert failures == []
    assert set(seen) == {"0", "1", "3"}
    assert broken["EndpointStatus"] == "InService"
    assert broken["FailureReason"].startswith("The primary container for production variant AllTraffic did")
    assert "No module named 'nothing'" in broken["FailureReason"]
    user.delete("busy")


def test_a_container_that_dies_answers_5xx_and_is_started_again(user: Deployer) -> None:
    user.create("fragile", user.config("x"))
    first = user.invoke("fragile")["pid"]
    statuses: list[int] = []
    second, body, end = None, b"die", time.monotonic() + 30
    while second is None:
        started = time.monotonic()
        assert started < end, statuses
        try:
            second = user.invoke("fragile", body)["pid"]
        except ClientError as error:
            statuses.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
        body = b"x"
        assert time.monotonic() - started < 5
    assert set(statuses) == {503}
    assert second != first
    user.delete("fragile")


@pytest.mark.parametrize(
    ("tag", "image", "words"),
    [
        ("x", "strange:1", "images.toml"),
        (None, "tiny/needs-model:1", "A training job must write its model to /opt/ml/model"),
    ],
)
def test_an_endpoint_that_cannot_come_up_says_why(
    user: Deployer, tag: str | None, image: str, words: str
) -> None:
    failed = user.create("hopeless", user.config(tag, image))
    assert failed["EndpointStatus"] == "Failed"
    assert words in failed["FailureReason"]
    user.delete("hopeless")


def test_requests_that_the_model_of_the_api_forbids_are_refused(user: Deployer) -> None:
    with pytest.raises(ClientError) as refusal:
        user.sagemaker.create_endpoint(EndpointName="none", EndpointConfigName="none")
    assert refusal.value.response["Error"]["Code"] == "ValidationException"
    assert "Could not find endpoint configuration" in refusal.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as refusal:
        user.sagemaker.create_endpoint(EndpointName="not a name", EndpointConfigName="none")
    assert refusal.value.response["Error"]["Code"] == "ValidationException"
