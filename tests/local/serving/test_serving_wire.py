"""Endpoints by boto3 over the wire, on a whole local cloud: its control plane, S3, logs and runtime."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from serving_user import FAST_WAIT, Deployer


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
