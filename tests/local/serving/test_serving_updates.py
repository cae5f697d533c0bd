"""Endpoints over real fleets and a real data plane: updates under load, failing updates, deletion."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from serving_fakes import SCOPE, KeptEvents, NoAlarms, NothingScales, OffsetClock, TinyRuntime, runtime_client

from gluonship.local.contracts import AwsError
from gluonship.local.sagemaker.endpoint_configs import EndpointConfigs
from gluonship.local.sagemaker.endpoints import Endpoints
from gluonship.local.sagemaker.model_packages import ModelPackages
from gluonship.local.sagemaker.models import Models
from gluonship.local.sagemaker.tags import Tags
from gluonship.local.serving.fleets import ProcessFleets
from gluonship.local.serving.router import DataPlane

ROLE = "arn:aws:iam::123456789012:role/any"


class Account:
    """The operations of an account, called as the control plane calls them."""

    def __init__(self, fleets: ProcessFleets, plane: DataPlane, clock: OffsetClock) -> None:
        tags = Tags()
        self.events = KeptEvents()
        models = Models(clock, tags, ModelPackages(clock, self.events, tags))
        configs = EndpointConfigs(clock, tags, models)
        endpoints = Endpoints(
            models,
            configs,
            fleets,
            plane,
            NoAlarms(),
            NothingScales(),
            clock,
            self.events,
            tags,
            startup_seconds=20,
            drain_seconds=5,
        )
        self._operations = {**models.operations(), **configs.operations(), **endpoints.operations()}

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        return self._operations[operation](SCOPE, members)

    def config(self, name: str, image: str = "ok", count: int = 1, **environment: str) -> str:
        """A model and a configuration of that name, with one variant."""
        container = {"Image": image, "Environment": {"TAG": name, **environment}}
        self.call("CreateModel", ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": count,
        }
        self.call("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=[variant])
        return name

    def describe(self) -> dict[str, Any]:
        return self.call("DescribeEndpoint", EndpointName="pets")

    def settled(self, seconds: float = 20) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while (now := self.describe())["EndpointStatus"] in ("Creating", "Updating"):
            assert time.monotonic() < end, now
            time.sleep(0.02)
        return now


@pytest.fixture
def account(fleets: ProcessFleets, data_plane: DataPlane, clock: OffsetClock) -> Account:
    return Account(fleets, data_plane, clock)


def tag(client: Any, body: bytes = b"x") -> str:
    answer = client.invoke_endpoint(EndpointName="pets", Body=body)
    return str(json.loads(answer["Body"].read())["tag"])


def gone(account: Account) -> bool:
    try:
        account.describe()
    except AwsError:
        return True
    return False


def eventually(true: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_of_2000_requests_by_8_clients_during_3_updates_none_fails(
    account: Account, data_plane: DataPlane, runtime: TinyRuntime
) -> None:
    for version in ("v0", "v1", "v2", "v3"):
        account.config(version, count=2 if version in ("v0", "v2") else 1)
    account.call("CreateEndpoint", EndpointName="pets", EndpointConfigName="v0")
    assert account.settled()["EndpointStatus"] == "InService"
    client = runtime_client(data_plane.port)
    updated = threading.Event()
    seen: list[str] = []
    failures: list[Exception] = []

    def ask(_: int) -> None:
        # 250 requests each, and on until the last update is through: all three happen under load.
        asked = 0
        while asked < 250 or not updated.is_set():
            try:
                seen.append(tag(client))
            except Exception as error:  # noqa: BLE001 - every failure is counted
                failures.append(error)
            asked += 1

    with ThreadPoolExecutor(8) as clients:
        running = [clients.submit(ask, each) for each in range(8)]
        for version in ("v1", "v2", "v3"):
            account.call("UpdateEndpoint", EndpointName="pets", EndpointConfigName=version)
            assert account.settled()["EndpointConfigName"] == version
        updated.set()
        for each in running:
            each.result()
    assert failures == []
    assert len(seen) >= 2000
    assert set(seen) == {"v0", "v1", "v2", "v3"}
    assert tag(client) == "v3"
    assert len(runtime.alive) == 1


@pytest.mark.parametrize("image", ["broken", "strange:1"])
def test_a_failing_update_leaves_the_old_fleet_serving(
    account: Account, data_plane: DataPlane, runtime: TinyRuntime, image: str
) -> None:
    account.config("good")
    account.config("bad", image)
    account.call("CreateEndpoint", EndpointName="pets", EndpointConfigName="good")
    account.settled()
    account.call("UpdateEndpoint", EndpointName="pets", EndpointConfigName="bad")
    after = account.settled()
    assert after["EndpointStatus"] == "InService"
    assert after["EndpointConfigName"] == "good"
    assert "PendingDeploymentSummary" not in after
    words = {"broken": "did not pass the ping health check", "strange:1": "add one"}
    assert words[image] in after["FailureReason"]
    assert tag(runtime_client(data_plane.port)) == "good"
    assert len(runtime.alive) == 1
    account.config("better")
    account.call("UpdateEndpoint", EndpointName="pets", EndpointConfigName="better")
    after = account.settled()
    assert "FailureReason" not in after
    assert tag(runtime_client(data_plane.port)) == "better"


def test_a_failing_endpoint_says_why_and_can_only_be_deleted(
    account: Account, data_plane: DataPlane, runtime: TinyRuntime
) -> None:
    account.config("bad", "broken")
    account.call("CreateEndpoint", EndpointName="pets", EndpointConfigName="bad")
    after = account.settled()
    assert after["EndpointStatus"] == "Failed"
    assert "No module named 'nothing'" in after["FailureReason"]
    with pytest.raises(AwsError, match="DeleteEndpoint is all it takes"):
        account.call("UpdateEndpoint", EndpointName="pets", EndpointConfigName="bad")
    account.call("DeleteEndpoint", EndpointName="pets")
    eventually(lambda: gone(account))
    assert runtime.alive == []


def test_deletion_ends_requests_first_and_then_the_instances(
    account: Account, data_plane: DataPlane, runtime: TinyRuntime
) -> None:
    account.config("good", count=2)
    account.call("CreateEndpoint", EndpointName="pets", EndpointConfigName="good")
    account.settled()
    client = runtime_client(data_plane.port)
    last: list[str] = []
    thread = threading.Thread(target=lambda: last.append(tag(client, b"sleep 1")))
    thread.start()
    time.sleep(0.3)
    account.call("DeleteEndpoint", EndpointName="pets")
    assert account.describe()["EndpointStatus"] == "Deleting"
    with pytest.raises(AwsError, match="Cannot update in-progress endpoint"):
        account.call("DeleteEndpoint", EndpointName="pets")
    with pytest.raises(AwsError, match="Cannot create already existing endpoint"):
        account.call("CreateEndpoint", EndpointName="pets", EndpointConfigName="good")
    eventually(lambda: gone(account))
    thread.join()
    assert last == ["good"]
    assert runtime.alive == []
    with pytest.raises(ClientError, match="Endpoint pets of account 123456789012 not found"):
        tag(client)
    statuses = [change.status for change in account.events.changes]
    assert statuses == ["Creating", "InService", "Deleting", "Deleted"]


def test_weights_and_counts_change_in_service(
    account: Account, data_plane: DataPlane, runtime: TinyRuntime
) -> None:
    account.config("good")
    account.call("CreateEndpoint", EndpointName="pets", EndpointConfigName="good")
    account.settled()
    kept = [container.process.pid for container in runtime.alive]
    desired = [{"VariantName": "AllTraffic", "DesiredWeight": 0.5}]
    account.call(
        "UpdateEndpointWeightsAndCapacities", EndpointName="pets", DesiredWeightsAndCapacities=desired
    )
    (variant,) = account.settled()["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (0.5, 1)
    assert [container.process.pid for container in runtime.alive] == kept
    desired = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 3}]
    account.call(
        "UpdateEndpointWeightsAndCapacities", EndpointName="pets", DesiredWeightsAndCapacities=desired
    )
    (variant,) = account.settled()["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (0.5, 3)
    assert len(runtime.alive) == 3
