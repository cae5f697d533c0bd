"""Updates that are watched, over fleets, alarms and a clock that are moved by hand."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from endpoint_fakes import Account, variant

from gluonship.local.contracts import AwsError


@pytest.fixture
def account() -> Account:
    """With an endpoint of two instances in service, and a configuration `second`."""
    account = Account()
    account.model("m")
    account.config("first", variant(InitialInstanceCount=2))
    account.config("second", variant(InitialInstanceCount=2))
    account.call("CreateEndpoint", EndpointName="pets", EndpointConfigName="first")
    account.settled()
    return account


def guarded(
    *alarms: str,
    kind: str = "ALL_AT_ONCE",
    wait: int = 300,
    after: int = 0,
    limit: int | None = None,
    **routing: Any,
) -> dict[str, Any]:
    policy: dict[str, Any] = {
        "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": wait, **routing},
        "TerminationWaitInSeconds": after,
    }
    if limit is not None:
        policy["MaximumExecutionTimeoutInSeconds"] = limit
    named = [{"AlarmName": name} for name in alarms]
    return {
        "BlueGreenUpdatePolicy": policy,
        **({"AutoRollbackConfiguration": {"Alarms": named}} if named else {}),
    }


def begin(account: Account, config: dict[str, Any], to: str = "second") -> None:
    account.call("UpdateEndpoint", EndpointName="pets", EndpointConfigName=to, DeploymentConfig=config)


def waits(account: Account) -> None:
    account.until(lambda: len(account.clock.waiting) == 1)


def coming(account: Account) -> dict[str, Any]:
    (pending,) = account.describe()["PendingDeploymentSummary"]["ProductionVariants"]
    shown: dict[str, Any] = pending
    return shown


def statuses(account: Account) -> list[str]:
    return [change.status for change in account.events.changes[2:]]  # after the creation


def routed(account: Account) -> list[tuple[float, str]]:
    """Each route's weight, and to which fleet it leads."""
    old = account.fleets.fleets[0]
    return [(r.weight, "old" if r.fleet is old else "new") for r in account.router.history[-1]]


def went_back(account: Account, words: str) -> None:
    after = account.settled()
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", "first")
    assert words in after["FailureReason"]
    assert "PendingDeploymentSummary" not in after
    assert statuses(account) == ["Updating", "RollingBack", "InService"]
    rolling_back = account.events.changes[-2].detail
    assert words in rolling_back["FailureReason"]
    assert rolling_back["EndpointConfigName"] == "first"
    assert routed(account) == [(1.0, "old")]
    assert account.fleets.up == account.fleets.fleets[:1]


def test_an_update_bakes_twice_and_then_the_old_fleet_goes(account: Account) -> None:
    chosen = guarded(after=60)
    begin(account, chosen)
    waits(account)
    baking = coming(account)
    assert (baking["CurrentInstanceCount"], baking["DesiredInstanceCount"]) == (2, 2)
    assert baking["VariantStatus"] == [
        {
            "Status": "Baking",
            "StatusMessage": "Baking for 300 seconds (WaitIntervalInSeconds) with traffic enabled on full "
            "capacity of 2 instance(s).",
            "StartTime": account.clock.now(),
        }
    ]
    assert routed(account) == [(1.0, "new")]
    assert account.describe()["EndpointConfigName"] == "first", "until the update is through"
    account.clock.advance(300)
    waits(account)
    assert "60 seconds (TerminationWaitInSeconds)" in coming(account)["VariantStatus"][0]["StatusMessage"]
    assert len(account.fleets.up) == 2
    account.clock.advance(60)
    after = account.settled()
    assert (after["EndpointConfigName"], after["LastDeploymentConfig"]) == ("second", chosen)
    assert statuses(account) == ["Updating", "InService"]
    assert account.fleets.fleets[0].retired == 30.0


def test_a_clock_advanced_over_all_waits_ends_the_update_in_time(account: Account) -> None:
    begin(account, guarded("errors", after=60, limit=600))
    waits(account)
    account.clock.advance(3600)
    assert account.settled()["EndpointConfigName"] == "second"


def test_a_canary_takes_its_part_bakes_and_takes_the_rest(account: Account) -> None:
    begin(account, guarded(kind="CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}))
    waits(account)
    assert routed(account) == [(0.5, "old"), (0.5, "new")]
    part = coming(account)
    assert (part["CurrentInstanceCount"], part["DesiredInstanceCount"]) == (1, 2)
    assert "on canary capacity of 1 instance(s)" in part["VariantStatus"][0]["StatusMessage"]
    account.clock.advance(300)
    waits(account)
    assert routed(account) == [(1.0, "new")]
    assert "on full capacity of 2 instance(s)" in coming(account)["VariantStatus"][0]["StatusMessage"]
    account.clock.advance(300)
    assert account.settled()["EndpointConfigName"] == "second"


def test_a_linear_shift_goes_back_from_any_of_its_steps(account: Account) -> None:
    account.alarms.now = {"errors": "OK"}
    begin(
        account,
        guarded("errors", kind="LINEAR", LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 40}),
    )
    for new in (0.4, 0.8):
        waits(account)
        assert [round(weight, 3) for weight, _ in routed(account)] == [round(1 - new, 3), new]
        account.clock.advance(300)
    account.until(lambda: routed(account) == [(1.0, "new")])
    waits(account)
    account.alarms.now = {"errors": "ALARM"}
    account.clock.advance(1)
    went_back(account, "in state ALARM: errors.")


@pytest.mark.parametrize("passed", [0, 299, 301, 359])
def test_an_alarm_takes_the_update_back_as_long_as_the_old_fleet_is_there(
    account: Account, passed: int
) -> None:
    account.alarms.now = {"errors": "OK", "latency": "INSUFFICIENT_DATA", "other": "ALARM"}
    begin(account, guarded("errors", "latency", after=60))
    waits(account)
    if passed > 300:
        account.clock.advance(300)
        waits(account)
    account.clock.advance(passed % 300)
    waits(account)
    account.alarms.now["latency"] = "ALARM"
    account.clock.advance(1)
    went_back(account, "the CloudWatch alarm is in state ALARM: latency.")


def test_an_alarm_that_trips_at_the_very_end_of_baking_counts(account: Account) -> None:
    account.alarms.now = {"errors": "OK"}
    begin(account, guarded("errors", wait=1))
    waits(account)
    account.alarms.now = {"errors": "ALARM"}
    account.clock.advance(1)
    went_back(account, "errors")


def test_an_alarm_in_alarm_from_the_start_lets_no_request_to_the_new_fleet(account: Account) -> None:
    account.alarms.now = {"errors": "ALARM", "latency": "ALARM"}
    begin(account, guarded("errors", "latency"))
    went_back(account, "the CloudWatch alarms are in state ALARM: errors, latency.")
    assert all(route.fleet is account.fleets.fleets[0] for each in account.router.history for route in each)


def test_an_alarm_that_does_not_exist_takes_nothing_back_and_is_named_once(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    begin(account, guarded("not-yet"))
    for _ in range(3):
        waits(account)
        account.clock.advance(1)
    waits(account)
    account.clock.advance(297)
    assert account.settled()["EndpointConfigName"] == "second"
    assert account.alarms.asked == [["not-yet"]] * len(account.alarms.asked)
    assert len(account.alarms.asked) >= 4
    warnings = [record.getMessage() for record in caplog.records]
    assert warnings == ["endpoint pets: there is no alarm not-yet; it takes no update back"]


def test_alarms_that_cannot_be_read_take_the_update_back(account: Account) -> None:
    account.alarms.unreadable = True
    begin(account, guarded("errors"))
    went_back(account, "CloudWatch's alarms could not be read")


def test_an_update_beyond_its_time_limit_goes_back(account: Account) -> None:
    begin(account, guarded(wait=590, after=300, limit=600))
    waits(account)
    account.clock.advance(590)
    waits(account)
    account.clock.advance(9)
    assert account.describe()["EndpointStatus"] == "Updating"
    account.clock.advance(1)
    went_back(account, "longer than MaximumExecutionTimeoutInSeconds (600 s)")


def test_the_time_limit_counts_the_start_of_the_instances(account: Account) -> None:
    account.fleets.gate.clear()
    begin(account, guarded(wait=0, limit=600))
    account.clock.advance(601)
    account.fleets.gate.set()
    went_back(account, "longer than MaximumExecutionTimeoutInSeconds (600 s)")


def test_a_rollback_that_fails_is_said(account: Account) -> None:
    account.alarms.now = {"errors": "OK"}
    begin(account, guarded("errors"))
    waits(account)
    account.alarms.now = {"errors": "ALARM"}
    account.router.broken = 1
    account.clock.advance(1)
    after = account.settled()
    assert after["EndpointStatus"] == "UpdateRollbackFailed"
    assert statuses(account) == ["Updating", "RollingBack", "UpdateRollbackFailed"]
    assert account.fleets.up == account.fleets.fleets[:1]


def test_after_a_rollback_the_next_update_is_taken(account: Account) -> None:
    account.alarms.now = {"errors": "ALARM"}
    begin(account, guarded("errors"))
    went_back(account, "errors")
    account.alarms.now = {"errors": "OK"}
    begin(account, guarded("errors"))
    waits(account)
    account.clock.advance(300)
    after = account.settled()
    assert after["EndpointConfigName"] == "second"
    assert "FailureReason" not in after


def test_a_creation_neither_bakes_nor_looks_at_alarms(account: Account) -> None:
    account.alarms.now = {"errors": "ALARM"}
    chosen = guarded("errors", kind="CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": 50})
    account.call("CreateEndpoint", EndpointName="other", EndpointConfigName="first", DeploymentConfig=chosen)
    after = account.settled("other")
    assert (after["EndpointStatus"], after["LastDeploymentConfig"]) == ("InService", chosen)
    assert account.alarms.asked == []


def test_a_refused_deployment_changes_nothing(account: Account) -> None:
    account.config("renamed", variant("another"))
    before = account.describe()
    with pytest.raises(AwsError, match=r"variants of the old one \(AllTraffic\), and has another"):
        begin(account, guarded(), to="renamed")
    with pytest.raises(AwsError, match="RollingUpdatePolicy"):
        begin(account, {"RollingUpdatePolicy": {"MaximumBatchSize": {}, "WaitIntervalInSeconds": 1}})
    with pytest.raises(AwsError, match="at most 50%"):
        begin(account, guarded(kind="CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 2}))
    with pytest.raises(AwsError, match="RollingUpdatePolicy"):
        account.call(
            "CreateEndpoint",
            EndpointName="other",
            EndpointConfigName="first",
            DeploymentConfig={"RollingUpdatePolicy": {}},
        )
    assert account.describe() == before
