"""Schedules over the wire, on the clock of a cloud of their own, which the tests advance."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError
from event_queues import ACCOUNT, ROLE, Queue, queue, unique
from local_clouds import LocalCloud, running_cloud

from gluonship.local import launcher

OFF = {"Mode": "OFF"}


@pytest.fixture(scope="module")
def timed_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A cloud whose clock nobody else relies on."""
    with running_cloud(tmp_path_factory.mktemp("timed-cloud")) as running:
        yield running


def advance(cloud: LocalCloud, **span: float) -> None:
    launcher.advance_clock(timedelta(**span).total_seconds(), cloud.home)


def now(cloud: LocalCloud) -> datetime:
    """The cloud's time: what a new schedule says of itself."""
    scheduler, name = cloud.client("scheduler"), unique("now")
    target = {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:none", "RoleArn": ROLE}
    scheduler.create_schedule(
        Name=name,
        ScheduleExpression="rate(1 day)",
        State="DISABLED",
        FlexibleTimeWindow=OFF,
        Target=target,
    )
    created: datetime = scheduler.get_schedule(Name=name)["CreationDate"]
    scheduler.delete_schedule(Name=name)
    return created.astimezone(UTC)


def scheduled_rule(cloud: LocalCloud, expression: str, target: Queue) -> str:
    events, name = cloud.client("events"), unique("rule")
    events.put_rule(Name=name, ScheduleExpression=expression)
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": target.arn}])
    return name


def schedule(cloud: LocalCloud, target: dict[str, Any] | Queue, expression: str, **more: Any) -> str:
    name = unique("schedule")
    chosen = {"Arn": target.arn, "Input": "{}"} if isinstance(target, Queue) else target
    members = {"FlexibleTimeWindow": OFF, "Target": {"RoleArn": ROLE, **chosen}, **more}
    cloud.client("scheduler").create_schedule(Name=name, ScheduleExpression=expression, **members)
    return name


def names(cloud: LocalCloud) -> list[str]:
    return [each["Name"] for each in cloud.client("scheduler").list_schedules()["Schedules"]]


def test_a_rule_by_rate_fires_each_period(timed_cloud: LocalCloud) -> None:
    target = queue(timed_cloud)
    rule = scheduled_rule(timed_cloud, "rate(10 minutes)", target)
    assert target.stays_empty(0.2)
    advance(timed_cloud, minutes=10, seconds=1)
    [event] = target.events(1)
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert event["resources"] == [f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{rule}"]
    assert event["detail"] == {}
    advance(timed_cloud, minutes=30)  # three periods at once: all of them happen
    later = target.events(3)
    times = [datetime.fromisoformat(each["time"]) for each in (event, *later)]
    assert [second - first for first, second in itertools.pairwise(times)] == [timedelta(minutes=10)] * 3
    timed_cloud.client("events").disable_rule(Name=rule)
    advance(timed_cloud, minutes=30)
    assert target.stays_empty(0.3)


def test_a_rule_by_cron_fires_at_its_minute(timed_cloud: LocalCloud) -> None:
    target = queue(timed_cloud)
    due = (now(timed_cloud) + timedelta(hours=5)).replace(minute=7, second=0, microsecond=0)
    rule = scheduled_rule(timed_cloud, f"cron({due.minute} {due.hour} {due.day} * ? *)", target)
    advance(timed_cloud, seconds=(due - now(timed_cloud)).total_seconds() - 30)
    assert target.stays_empty(0.2)
    advance(timed_cloud, seconds=31)
    [event] = target.events(1)
    assert event["time"] == due.strftime("%Y-%m-%dT%H:%M:%SZ")
    timed_cloud.client("events").remove_targets(Rule=rule, Ids=["1"])
    timed_cloud.client("events").delete_rule(Name=rule)


def test_a_rule_that_changes_its_schedule_or_is_deleted_stops(timed_cloud: LocalCloud) -> None:
    events, target = timed_cloud.client("events"), queue(timed_cloud)
    rule = scheduled_rule(timed_cloud, "rate(5 minutes)", target)
    events.put_rule(Name=rule, ScheduleExpression="rate(2 hours)")
    advance(timed_cloud, minutes=20)
    assert target.stays_empty(0.2)
    events.remove_targets(Rule=rule, Ids=["1"])
    events.delete_rule(Name=rule)
    advance(timed_cloud, hours=3)
    assert target.stays_empty(0.2)


@pytest.mark.parametrize(
    "expression", ["rate(1 minutes)", "rate(0 minutes)", "cron(0 10 * * * *)", "cron(x)", "often"]
)
def test_an_expression_that_is_none_is_refused(timed_cloud: LocalCloud, expression: str) -> None:
    with pytest.raises(ClientError) as error:
        timed_cloud.client("events").put_rule(Name="bad", ScheduleExpression=expression)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert error.value.response["Error"]["Message"] == "Parameter ScheduleExpression is not valid."


def test_schedules_of_two_regions_do_not_mix(timed_cloud: LocalCloud) -> None:
    here, there = queue(timed_cloud), queue(timed_cloud, "eu-west-1")
    for target, region in ((here, "us-east-1"), (there, "eu-west-1")):
        events = timed_cloud.client("events", region)
        events.put_rule(Name="same-name", ScheduleExpression="rate(1 hour)")
        events.put_targets(Rule="same-name", Targets=[{"Id": "1", "Arn": target.arn}])
    timed_cloud.client("events").disable_rule(Name="same-name")
    advance(timed_cloud, hours=1, seconds=1)
    [event] = there.events(1)
    assert event["region"] == "eu-west-1"
    assert here.stays_empty(0.1)
    timed_cloud.client("events", "eu-west-1").disable_rule(Name="same-name")


def test_a_schedule_by_rate_begins_at_once_and_goes_on_until_deleted(timed_cloud: LocalCloud) -> None:
    target = queue(timed_cloud)
    text = '{"arn": "<aws.scheduler.schedule-arn>", "time": "<aws.scheduler.scheduled-time>"}'
    name = schedule(timed_cloud, {"Arn": target.arn, "Input": text}, "rate(15 minutes)")
    [first] = target.events(1)
    assert first["arn"].endswith(f":schedule/default/{name}")
    advance(timed_cloud, minutes=15, seconds=1)
    [second] = target.events(1)
    passed = datetime.fromisoformat(second["time"]) - datetime.fromisoformat(first["time"])
    assert passed == timedelta(minutes=15)
    timed_cloud.client("scheduler").delete_schedule(Name=name)
    advance(timed_cloud, hours=1)
    assert target.stays_empty(0.2)


def test_at_starts_a_machine_once_in_its_zone_and_the_schedule_is_deleted(timed_cloud: LocalCloud) -> None:
    states = timed_cloud.client("stepfunctions")
    definition = json.dumps({"StartAt": "Keep", "States": {"Keep": {"Type": "Pass", "End": True}}})
    machine = states.create_state_machine(name=unique("machine"), definition=definition, roleArn=ROLE)
    arn = machine["stateMachineArn"]
    local = (now(timed_cloud) + timedelta(hours=1)).astimezone(ZoneInfo("Asia/Tokyo"))
    members = {"stateMachineArn": arn, "Input": '{"by": "schedule"}'}  # whatever the capitals
    name = schedule(
        timed_cloud,
        {"Arn": "arn:aws:scheduler:::aws-sdk:sfn:startExecution", "Input": json.dumps(members)},
        f"at({local:%Y-%m-%dT%H:%M:%S})",
        ScheduleExpressionTimezone="Asia/Tokyo",
        ActionAfterCompletion="DELETE",
    )
    advance(timed_cloud, minutes=58)
    assert name in names(timed_cloud)
    advance(timed_cloud, minutes=3)
    end = time.monotonic() + 10
    executions: list[Any] = []
    while not executions and time.monotonic() < end:
        executions = states.list_executions(stateMachineArn=arn)["executions"]
    described = states.describe_execution(executionArn=executions[0]["executionArn"])
    assert json.loads(described["input"]) == {"by": "schedule"}
    while name in names(timed_cloud) and time.monotonic() < end:
        time.sleep(0.02)
    assert name not in names(timed_cloud)
    advance(timed_cloud, hours=24)
    assert len(states.list_executions(stateMachineArn=arn)["executions"]) == 1


def test_start_date_end_date_and_state(timed_cloud: LocalCloud) -> None:
    scheduler, target = timed_cloud.client("scheduler"), queue(timed_cloud)
    start = now(timed_cloud) + timedelta(hours=2)
    name = schedule(
        timed_cloud,
        target,
        "rate(1 hour)",
        StartDate=start,
        EndDate=start + timedelta(hours=1, minutes=30),
    )
    advance(timed_cloud, hours=1, minutes=50)
    assert target.stays_empty(0.2)
    advance(timed_cloud, minutes=11)
    assert len(target.messages(1)) == 1
    advance(timed_cloud, hours=5)
    assert len(target.messages(2, within=1)) == 1  # at the start, an hour later, and no more
    kept = scheduler.get_schedule(Name=name)
    assert kept["ActionAfterCompletion"] == "NONE"
    assert kept["State"] == "ENABLED"


def test_a_schedule_is_disabled_and_enabled_by_updates(timed_cloud: LocalCloud) -> None:
    scheduler, target = timed_cloud.client("scheduler"), queue(timed_cloud)
    name = schedule(timed_cloud, target, "rate(20 minutes)", State="DISABLED")
    advance(timed_cloud, hours=1)
    assert target.stays_empty(0.2)
    kept = scheduler.get_schedule(Name=name)
    members = {key: kept[key] for key in ("ScheduleExpression", "Target", "FlexibleTimeWindow")}
    scheduler.update_schedule(Name=name, ActionAfterCompletion="DELETE", **members)
    assert scheduler.get_schedule(Name=name)["State"] == "ENABLED"
    assert scheduler.get_schedule(Name=name)["ActionAfterCompletion"] == "DELETE"
    advance(timed_cloud, minutes=21)
    assert len(target.messages(1)) == 1
    scheduler.update_schedule(Name=name, State="DISABLED", **members)
    advance(timed_cloud, hours=1)
    assert target.stays_empty(0.2)


def test_what_a_schedule_cannot_deliver_becomes_a_dead_letter(timed_cloud: LocalCloud) -> None:
    dead = queue(timed_cloud)
    missing = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{unique('missing')}"
    target = {"Arn": missing, "Input": '{"n": 1}', "DeadLetterConfig": {"Arn": dead.arn}}
    name = schedule(timed_cloud, target, "rate(1 day)")
    [letter] = dead.messages(1)
    said = {key: each["StringValue"] for key, each in letter["MessageAttributes"].items()}
    assert letter["Body"] == '{"n": 1}'
    assert said["SCHEDULE_ARN"].endswith(f":schedule/default/{name}")
    assert (said["ERROR_CODE"], said["TARGET_ARN"], said["RETRY_ATTEMPTS"]) == ("NO_RESOURCE", missing, "0")


def test_a_group_goes_with_its_schedules(timed_cloud: LocalCloud) -> None:
    scheduler, target, group = timed_cloud.client("scheduler"), queue(timed_cloud), unique("group")
    scheduler.create_schedule_group(Name=group)
    schedule(timed_cloud, target, "rate(1 hour)", GroupName=group)
    assert len(target.messages(1)) == 1
    scheduler.delete_schedule_group(Name=group)
    advance(timed_cloud, hours=2)
    assert target.stays_empty(0.2)
    with pytest.raises(ClientError, match="does not exist"):
        scheduler.get_schedule_group(Name=group)


@pytest.mark.parametrize(
    ("members", "code", "words"),
    [
        (
            {"ScheduleExpression": "rate(0 days)"},
            "ValidationException",
            "Invalid Schedule Expression rate(0 days)",
        ),
        ({"ScheduleExpression": "at(tomorrow)"}, "ValidationException", "Invalid Schedule Expression at"),
        ({"ScheduleExpressionTimezone": "Mars/Base"}, "ValidationException", "Timezone Mars/Base"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "ValidationException", "MaximumWindowInMinutes"),
        ({"GroupName": "nowhere"}, "ResourceNotFoundException", "nowhere"),
        (
            {"Target": {"Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", "RoleArn": ROLE}},
            "UnsupportedOperation",
            "lambda",
        ),
        (
            {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:listQueues", "RoleArn": ROLE}},
            "ValidationException",
            "only read",
        ),
        (
            {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendFlowers", "RoleArn": ROLE}},
            "ValidationException",
            "no operation sendFlowers",
        ),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(
    timed_cloud: LocalCloud, members: dict[str, Any], code: str, words: str
) -> None:
    given = {
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": OFF,
        "Target": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", "RoleArn": ROLE},
        **members,
    }
    with pytest.raises(ClientError) as error:
        timed_cloud.client("scheduler").create_schedule(Name="bad", **given)
    assert error.value.response["Error"]["Code"] == code
    assert words in error.value.response["Error"]["Message"]
