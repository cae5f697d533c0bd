"""Watched updates by boto3 over the wire: real fleets under load, CloudWatch's alarms, an advanced clock."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from serving_user import Deployer

from gluonship.local import launcher


@dataclass
class Load:
    """What the requests were answered with, one after the other; and those that failed."""

    seen: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def until(self, *tags: str, count: int = 20) -> None:
        """Returns when the last `count` answers are of exactly these tags."""
        eventually(lambda: set(self.seen[-count:]) == set(tags), f"{self.seen[-count:]} {self.failures}")


def eventually(true: Callable[[], bool], otherwise: object = "") -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)


@contextlib.contextmanager
def load(user: Deployer, endpoint: str) -> Iterator[Load]:
    """Requests without a pause, as long as the block lasts."""
    done, made = threading.Event(), Load()

    def ask() -> None:
        while not done.is_set():
            try:
                made.seen.append(user.invoke(endpoint)["tag"])
            except Exception as error:  # noqa: BLE001 - every failure is counted
                made.failures.append(error)
            time.sleep(0.005)  # the machine is shared

    with ThreadPoolExecutor(2) as clients:
        for _ in range(2):
            clients.submit(ask)
        try:
            yield made
        finally:
            done.set()


def alarm(user: Deployer, name: str, state: str) -> None:
    user.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    user.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


def deployment(*alarms: str, wait: int = 300, after: int = 0, **routing: Any) -> dict[str, Any]:
    """As the kit's own pipeline asks for it."""
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "ALL_AT_ONCE",
                "WaitIntervalInSeconds": wait,
                **routing,
            },
            "TerminationWaitInSeconds": after,
            "MaximumExecutionTimeoutInSeconds": 600,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]},
    }


def begin(user: Deployer, endpoint: str, config: str, chosen: dict[str, Any]) -> None:
    user.sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=config,
        RetainAllVariantProperties=True,
        DeploymentConfig=chosen,
    )


def message(user: Deployer, endpoint: str) -> str:
    """What the new fleet is doing now."""
    pending = user.sagemaker.describe_endpoint(EndpointName=endpoint).get("PendingDeploymentSummary")
    status = pending["ProductionVariants"][0].get("VariantStatus", [{}])[0] if pending else {}
    return str(status.get("StatusMessage", ""))


def bakes(user: Deployer, endpoint: str, words: str) -> None:
    eventually(lambda: message(user, endpoint).startswith(f"Baking for {words}"))


def advance(user: Deployer, seconds: float) -> None:
    launcher.advance_clock(seconds, user.home)


def test_an_update_bakes_and_then_the_old_fleet_goes(user: Deployer) -> None:
    alarm(user, "calm", "OK")
    old, new = user.config("old"), user.config("new")
    user.create("baked", old)
    chosen = deployment("calm", wait=300, after=60)
    with load(user, "baked") as requests:
        begin(user, "baked", new, chosen)
        bakes(user, "baked", "300 seconds")
        requests.until("new")
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
            begin(user, "baked", old, chosen)
        advance(user, 300)
        bakes(user, "baked", "60 seconds")
        advance(user, 60)
        after = user.settled("baked")
        requests.until("new")
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", new)
    assert after["LastDeploymentConfig"] == chosen
    assert "PendingDeploymentSummary" not in after
    assert requests.failures == []
    user.delete("baked")


def test_an_alarm_while_baking_brings_the_requests_back_and_none_fails(user: Deployer) -> None:
    alarm(user, "errors", "OK")
    old, new = user.config("old"), user.config("new")
    user.create("guarded", old)
    pid = user.invoke("guarded")["pid"]
    with load(user, "guarded") as requests:
        begin(user, "guarded", new, deployment("errors"))
        bakes(user, "guarded", "300 seconds")
        requests.until("new")
        alarm(user, "errors", "ALARM")
        after = user.settled("guarded")
        requests.until("old")
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", old)
    assert after["FailureReason"].endswith("the CloudWatch alarm is in state ALARM: errors.")
    assert requests.failures == []
    assert user.invoke("guarded")["pid"] == pid, "the old fleet was not touched"
    user.delete("guarded")


def test_a_composite_alarm_in_alarm_keeps_the_new_fleet_from_requests(user: Deployer) -> None:
    user.cloudwatch.put_composite_alarm(AlarmName="any", AlarmRule="ALARM(errors) OR ALARM(latency)")
    user.cloudwatch.set_alarm_state(AlarmName="any", StateValue="ALARM", StateReason="a test")
    old, new = user.config("old"), user.config("new")
    user.create("composed", old)
    with load(user, "composed") as requests:
        begin(user, "composed", new, deployment("any"))
        after = user.settled("composed")
        requests.until("old")
    assert after["EndpointConfigName"] == old
    assert "ALARM: any." in after["FailureReason"]
    assert set(requests.seen) == {"old"}
    assert requests.failures == []
    user.delete("composed")


def test_a_canary_shares_the_requests_and_an_alarm_not_made_yet_stops_nothing(user: Deployer) -> None:
    old, new = user.config("old", count=2), user.config("new", count=2)
    user.create("canary", old)
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    with load(user, "canary") as requests:
        begin(user, "canary", new, deployment("made-later", wait=200, Type="CANARY", CanarySize=size))
        bakes(
            user, "canary", "200 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1"
        )
        requests.until("old", "new")
        advance(user, 200)
        bakes(
            user, "canary", "200 seconds (WaitIntervalInSeconds) with traffic enabled on full capacity of 2"
        )
        requests.until("new")
        advance(user, 200)
        after = user.settled("canary")
    assert after["EndpointConfigName"] == new
    assert requests.failures == []
    user.delete("canary")


def test_an_update_that_takes_too_long_goes_back(user: Deployer) -> None:
    old, new = user.config("old"), user.config("new")
    user.create("late", old)
    with load(user, "late") as requests:
        begin(user, "late", new, deployment("made-later", wait=300, after=600))
        bakes(user, "late", "300 seconds")
        advance(user, 300)
        bakes(user, "late", "600 seconds")
        advance(user, 300)
        after = user.settled("late")
        requests.until("old")
    assert after["EndpointConfigName"] == old
    assert "longer than MaximumExecutionTimeoutInSeconds (600 s)" in after["FailureReason"]
    assert requests.failures == []
    user.delete("late")


def test_what_does_not_run_here_is_refused_at_the_call(user: Deployer) -> None:
    config = user.config("old")
    user.create("plain", config)
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    rolling = {"MaximumBatchSize": size, "WaitIntervalInSeconds": 0}
    with pytest.raises(ClientError, match="RollingUpdatePolicy is not supported by the local cloud"):
        begin(user, "plain", config, {"RollingUpdatePolicy": rolling})
    with pytest.raises(ClientError, match="CANARY needs CanarySize"):
        begin(user, "plain", config, deployment("any", Type="CANARY"))
    assert user.sagemaker.describe_endpoint(EndpointName="plain")["EndpointStatus"] == "InService"
    user.delete("plain")
