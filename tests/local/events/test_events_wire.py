"""Rules over the wire: events of users to every kind of target of a real cloud."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from event_queues import ACCOUNT, ROLE, put, queue, rule_to, unique
from local_clouds import LocalCloud

ARN = f"arn:aws:events:us-east-1:{ACCOUNT}"
MACHINE = {"StartAt": "Keep", "States": {"Keep": {"Type": "Pass", "End": True}}}


def machine(cloud: LocalCloud) -> str:
    created = cloud.client("stepfunctions").create_state_machine(
        name=unique("machine"), definition=json.dumps(MACHINE), roleArn=ROLE
    )
    return str(created["stateMachineArn"])


def executions(cloud: LocalCloud, arn: str, number: int, within: float = 10.0) -> list[dict[str, Any]]:
    states, end = cloud.client("stepfunctions"), time.monotonic() + within
    found: list[dict[str, Any]] = []
    while len(found) < number and time.monotonic() < end:
        found = states.list_executions(stateMachineArn=arn)["executions"]
        time.sleep(0.02)
    return [states.describe_execution(executionArn=each["executionArn"]) for each in found]


def refused(cloud: LocalCloud, rule: str, **target: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        cloud.client("events").put_targets(Rule=rule, Targets=[{"Id": "1", **target}])
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_an_event_goes_to_the_rules_that_match(cloud: LocalCloud) -> None:
    here, elsewhere, source = queue(cloud), queue(cloud), unique("shop")
    rule_to(cloud, {"source": [source], "detail": {"price": [{"numeric": [">", 10]}]}}, here)
    rule_to(cloud, {"source": [unique("other")]}, elsewhere)
    put(cloud, source, {"price": 5})
    identity = put(cloud, source, {"price": 50}, Resources=["arn:aws:s3:::b"])
    [event] = here.events(1)
    assert event["id"] == identity
    assert (event["version"], event["account"], event["region"]) == ("0", ACCOUNT, "us-east-1")
    assert (event["source"], event["detail-type"], event["detail"]) == (source, "test", {"price": 50})
    assert event["resources"] == ["arn:aws:s3:::b"]
    assert here.stays_empty()
    assert elsewhere.stays_empty(0.05)


def test_events_of_a_rule_arrive_in_their_order(cloud: LocalCloud) -> None:
    target, source = queue(cloud), unique("count")
    rule_to(cloud, {"source": [source]}, {"Arn": target.arn, "InputPath": "$.detail.n"})
    for number in range(30):
        put(cloud, source, {"n": number})
    assert [message["Body"] for message in target.messages(30)] == [str(number) for number in range(30)]


def test_a_state_machine_starts_with_the_transformed_event(cloud: LocalCloud) -> None:
    arn, source = machine(cloud), unique("drop")
    transformer = {
        "InputPathsMap": {"key": "$.detail.key"},
        "InputTemplate": '{"uri": "s3://b/<key>", "key": <key>}',
    }
    rule_to(cloud, {"source": [source]}, {"Arn": arn, "RoleArn": ROLE, "InputTransformer": transformer})
    identity = put(cloud, source, {"key": 'a "b"'})
    [execution] = executions(cloud, arn, 1)
    assert json.loads(execution["input"]) == {"uri": 's3://b/a "b"', "key": 'a "b"'}
    assert execution["name"].startswith(f"{identity}_")


def test_a_topic_a_log_group_and_another_bus_get_the_event(cloud: LocalCloud) -> None:
    source, subscribed, behind = unique("fan"), queue(cloud), queue(cloud)
    topic = cloud.client("sns").create_topic(Name=unique("topic"))["TopicArn"]
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=subscribed.arn)
    group, bus = f"/aws/events/{unique('group')}", unique("bus")
    cloud.client("logs").create_log_group(logGroupName=group)
    cloud.client("events").create_event_bus(Name=bus)
    rule_to(cloud, {"source": [source]}, behind, EventBusName=bus)
    rule_to(cloud, {"source": [source]}, {"Arn": topic})
    rule_to(cloud, {"source": [source]}, {"Arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"})
    rule_to(cloud, {"source": [source]}, {"Arn": f"{ARN}:event-bus/{bus}"})
    identity = put(cloud, source)
    [notice] = subscribed.events(1)
    assert (notice["Type"], notice["TopicArn"]) == ("Notification", topic)
    assert json.loads(notice["Message"])["id"] == identity
    assert [event["id"] for event in behind.events(1)] == [identity]
    logged: list[Any] = []
    end = time.monotonic() + 10
    while not logged and time.monotonic() < end:
        logged = cloud.client("logs").filter_log_events(logGroupName=group)["events"]
    assert json.loads(logged[0]["message"])["id"] == identity


def test_rules_that_forward_to_each_other_come_to_an_end(cloud: LocalCloud) -> None:
    source, seen, bus = unique("loop"), queue(cloud), unique("bus")
    cloud.client("events").create_event_bus(Name=bus)
    there = rule_to(cloud, {"source": [source]}, {"Arn": f"{ARN}:event-bus/{bus}"})
    rule_to(cloud, {"source": [source]}, {"Arn": f"{ARN}:event-bus/default"}, EventBusName=bus)
    rule_to(cloud, {"source": [source]}, seen)
    put(cloud, source)
    assert len(seen.messages(3)) == 3
    assert seen.stays_empty()
    cloud.client("events").remove_targets(Rule=there, Ids=["1"])


def test_a_disabled_rule_does_not_fire_and_an_enabled_one_does(cloud: LocalCloud) -> None:
    events, target, source = cloud.client("events"), queue(cloud), unique("switch")
    rule = rule_to(cloud, {"source": [source]}, target, State="DISABLED")
    put(cloud, source, {"n": 1})
    events.enable_rule(Name=rule)
    put(cloud, source, {"n": 2})
    events.disable_rule(Name=rule)
    put(cloud, source, {"n": 3})
    events.enable_rule(Name=rule)
    put(cloud, source, {"n": 4})
    assert [event["detail"]["n"] for event in target.events(2)] == [2, 4]


def test_a_deleted_rule_and_a_removed_target_get_nothing(cloud: LocalCloud) -> None:
    events, target, source = cloud.client("events"), queue(cloud), unique("gone")
    rule = rule_to(cloud, {"source": [source]}, target)
    events.remove_targets(Rule=rule, Ids=["1"])
    put(cloud, source)
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": target.arn}])
    events.remove_targets(Rule=rule, Ids=["1"])
    events.delete_rule(Name=rule)
    put(cloud, source)
    assert target.stays_empty()


def test_what_a_target_cannot_take_becomes_a_dead_letter(cloud: LocalCloud) -> None:
    dead, source = queue(cloud), unique("lost")
    missing = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{unique('missing')}"
    rule = rule_to(cloud, {"source": [source]}, {"Arn": missing, "DeadLetterConfig": {"Arn": dead.arn}})
    identity = put(cloud, source)
    [letter] = dead.messages(1)
    assert json.loads(letter["Body"])["id"] == identity
    said = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert "queue" in said.pop("ERROR_MESSAGE")
    assert said == {
        "RULE_ARN": f"{ARN}:rule/{rule}",
        "TARGET_ARN": missing,
        "ERROR_CODE": "NO_RESOURCE",
        "RETRY_ATTEMPTS": "0",
    }


def test_input_that_is_no_json_does_not_start_a_machine(cloud: LocalCloud) -> None:
    dead, arn, source = queue(cloud), machine(cloud), unique("text")
    transformer = {"InputPathsMap": {}, "InputTemplate": "plain words"}
    rule_to(
        cloud,
        {"source": [source]},
        {
            "Arn": arn,
            "RoleArn": ROLE,
            "InputTransformer": transformer,
            "DeadLetterConfig": {"Arn": dead.arn},
        },
    )
    put(cloud, source)
    [letter] = dead.messages(1)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "INVALID_JSON"
    assert executions(cloud, arn, 1, within=0.1) == []


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f",
        f"arn:aws:events:us-east-1:{ACCOUNT}:api-destination/d/1",
        f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/c",
    ],
)
def test_a_target_that_cannot_be_called_here_is_refused_in_words(cloud: LocalCloud, arn: str) -> None:
    rule = rule_to(cloud, {"source": [unique("x")]}, queue(cloud))
    code, message = refused(cloud, rule, Arn=arn)
    assert code == "UnsupportedOperation"
    assert arn in message
    assert "Step Functions state machine" in message
    assert len(cloud.client("events").list_targets_by_rule(Rule=rule)["Targets"]) == 1


def test_targets_that_aws_refuses_are_refused(cloud: LocalCloud) -> None:
    rule = rule_to(cloud, {"source": [unique("x")]}, queue(cloud))
    arn = machine(cloud)
    assert refused(cloud, rule, Arn=arn) == (
        "ValidationException",
        f"RoleArn is required for target {arn}.",
    )
    far = f"arn:aws:events:us-east-1:{'9' * 12}:event-bus/default"
    assert refused(cloud, rule, Arn=far)[1] == f"RoleArn is required for target {far}."
    assert "not in correct format" in refused(cloud, rule, Arn="no-arn")[1]
    assert "Only one of Input" in refused(cloud, rule, Arn=arn, RoleArn=ROLE, Input="{}", InputPath="$")[1]


def test_put_events_answers_for_each_entry(cloud: LocalCloud) -> None:
    answer = cloud.client("events").put_events(
        Entries=[
            {"Source": "me", "DetailType": "t", "Detail": "{}"},
            {"Source": "aws.s3", "DetailType": "t", "Detail": "{}"},
            {"Source": "me", "DetailType": "t", "Detail": "[]"},
            {"Source": "me", "DetailType": "t", "Detail": '{"a": NaN}'},
            {"Source": "me", "Detail": "{}"},
            {"Source": "me", "DetailType": "t", "Detail": "{}", "EventBusName": "nobody-has-it"},
        ]
    )
    assert answer["FailedEntryCount"] == 4
    assert [entry.get("ErrorCode") for entry in answer["Entries"]] == [
        None,
        "NotAuthorizedForSource",
        "MalformedDetail",
        "MalformedDetail",
        "InvalidArgument",
        None,
    ]


def test_patterns_are_checked_and_tried(cloud: LocalCloud) -> None:
    events = cloud.client("events")
    with pytest.raises(ClientError) as error:
        events.put_rule(Name=unique("r"), EventPattern='{"source": [{"starts": "x"}]}')
    assert error.value.response["Error"]["Code"] == "InvalidEventPatternException"
    assert "Unrecognized match type starts" in error.value.response["Error"]["Message"]
    event = {"id": "1", "detail-type": "t", "source": "s", "account": "1", "time": "2026-11-22T00:00:00Z"}
    text = json.dumps({**event, "region": "us-east-1", "resources": [], "detail": {"a": [{"b": 1}]}})
    for pattern, result in (({"detail": {"a": {"b": [1]}}}, True), ({"detail": {"a": {"b": [2]}}}, False)):
        assert events.test_event_pattern(EventPattern=json.dumps(pattern), Event=text)["Result"] is result
    with pytest.raises(ClientError, match="it has no id"):
        events.test_event_pattern(EventPattern='{"source": ["s"]}', Event="{}")


def test_rules_are_found_by_their_target(cloud: LocalCloud) -> None:
    target = queue(cloud)
    rule = rule_to(cloud, {"source": [unique("x")]}, target)
    assert cloud.client("events").list_rule_names_by_target(TargetArn=target.arn)["RuleNames"] == [rule]


def test_regions_do_not_mix(cloud: LocalCloud) -> None:
    source, here, there = unique("region"), queue(cloud), queue(cloud, "eu-west-1")
    rule_to(cloud, {"source": [source]}, here)
    other = cloud.client("events", "eu-west-1")
    other.put_rule(Name="same", EventPattern=json.dumps({"source": [source]}))
    other.put_targets(Rule="same", Targets=[{"Id": "1", "Arn": there.arn}])
    other.put_events(Entries=[{"Source": source, "DetailType": "t", "Detail": "{}"}])
    [event] = there.events(1)
    assert event["region"] == "eu-west-1"
    assert here.stays_empty(0.2)


def test_invocations_are_counted(cloud: LocalCloud) -> None:
    target, source = queue(cloud), unique("metric")
    rule = rule_to(cloud, {"source": [source]}, target)
    put(cloud, source)
    assert _sum(cloud, "Invocations", rule) == 1.0


def _sum(cloud: LocalCloud, metric: str, rule: str) -> float:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        points = cloud.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Events",
            MetricName=metric,
            Dimensions=[{"Name": "RuleName", "Value": rule}],
            StartTime=time.time() - 3600,
            EndTime=time.time() + 3600,
            Period=7200,
            Statistics=["Sum"],
        )["Datapoints"]
        if points:
            return sum(float(point["Sum"]) for point in points)
        time.sleep(0.1)
    return 0.0


def test_the_status_of_an_execution_is_an_event(cloud: LocalCloud) -> None:
    target, arn = queue(cloud), machine(cloud)
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [arn], "status": ["SUCCEEDED"]}}
    rule_to(cloud, pattern, target)
    started = cloud.client("stepfunctions").start_execution(stateMachineArn=arn, input='{"a":1}')
    [event] = target.events(1)
    assert event["detail-type"] == "Step Functions Execution Status Change"
    assert event["resources"] == [started["executionArn"]]
    assert json.loads(event["detail"]["output"]) == {"a": 1}
    assert event["detail"]["stopDate"] >= event["detail"]["startDate"] > 1e12


def test_the_approval_of_a_model_package_is_an_event(cloud: LocalCloud) -> None:
    sagemaker, target, group = cloud.client("sagemaker"), queue(cloud), unique("group")
    pattern = {
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [group], "ModelApprovalStatus": ["Approved"]},
    }
    rule_to(cloud, pattern, target)
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    image = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/gluonship-inference:1"
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": image, "ModelDataUrl": "s3://b/model.tar.gz"}],
            "SupportedContentTypes": ["image/png"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    assert target.stays_empty(0.2)
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    [event] = target.events(1)
    assert event["resources"] == [arn]


def test_a_topic_with_a_broken_subscription_takes_messages(cloud: LocalCloud) -> None:
    sns, raw, dead = cloud.client("sns"), queue(cloud), queue(cloud)
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    missing = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{unique('missing')}"
    redrive = json.dumps({"deadLetterTargetArn": dead.arn})
    _subscribe(sns, topic, missing, RedrivePolicy=redrive)
    _subscribe(sns, topic, raw.arn, RawMessageDelivery="true", FilterPolicy='{"kind": ["cat"]}')
    for kind in ("dog", "cat"):
        sns.publish(
            TopicArn=topic,
            Message=kind,
            MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}},
        )
    [message] = raw.messages(1)
    assert message["Body"] == "cat"
    assert message["MessageAttributes"]["kind"]["StringValue"] == "cat"
    assert sorted(event["Message"] for event in dead.events(2)) == ["cat", "dog"]
    with pytest.raises(ClientError, match="no function runs here"):
        _subscribe(sns, topic, f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", protocol="lambda")


def _subscribe(sns: Any, topic: str, endpoint: str, protocol: str = "sqs", **attributes: str) -> None:
    sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint, Attributes=attributes)


def test_an_archive_keeps_events_and_a_replay_sends_them_again(cloud: LocalCloud) -> None:
    events, target, source = cloud.client("events"), queue(cloud), unique("past")
    bus = f"{ARN}:event-bus/default"
    archive = events.create_archive(
        ArchiveName=unique("archive"), EventSourceArn=bus, EventPattern=json.dumps({"source": [source]})
    )["ArchiveArn"]
    put(cloud, source)
    rule_to(cloud, {"source": [source]}, target)
    assert target.stays_empty(0.1)
    events.start_replay(
        ReplayName=unique("replay"),
        EventSourceArn=archive,
        EventStartTime=time.time() - 3600,
        EventEndTime=time.time() + 3600,
        Destination={"Arn": bus},
    )
    [event] = target.events(1)
    assert event["source"] == source
    assert event["replay-name"].startswith("replay-")


def test_a_training_job_tells_of_each_state(cloud: LocalCloud) -> None:
    target, name = queue(cloud), unique("job")
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Training Job State Change"],
        "detail": {"TrainingJobName": [name]},
    }
    rule_to(cloud, pattern, {"Arn": target.arn, "InputPath": "$.detail"})
    missing = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{unique('no-bucket')}/x"}}
    cloud.client("sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38",
            "TrainingInputMode": "File",
        },
        InputDataConfig=[{"ChannelName": "train", "DataSource": missing}],
        OutputDataConfig={"S3OutputPath": "s3://nowhere/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    told: list[dict[str, Any]] = []
    while not told or told[-1]["TrainingJobStatus"] == "InProgress":
        arrived = target.events(1)
        assert arrived, [each["SecondaryStatus"] for each in told]
        told += arrived
    assert told[0]["TrainingJobStatus"] == "InProgress"
    assert told[0]["CreationTime"] > 1e12
    assert told[-1]["TrainingJobStatus"] == "Failed"
    assert told[-1]["FailureReason"].startswith("ClientError")
