"""S3's events over the wire: from a bucket to a queue and to a state machine."""

from __future__ import annotations

import io
import json
import threading
import time
import urllib.request
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from event_queues import ACCOUNT, ROLE, Queue, queue, rule_to, unique
from local_clouds import LocalCloud

MEBIBYTE = 1024 * 1024


class Bucket:
    """A bucket whose events come into a queue."""

    def __init__(self, cloud: LocalCloud, *, tells: bool = True) -> None:
        self.s3, self.name = cloud.client("s3"), unique("bucket")
        self.s3.create_bucket(Bucket=self.name)
        if tells:
            configuration: dict[str, Any] = {"EventBridgeConfiguration": {}}
            self.s3.put_bucket_notification_configuration(
                Bucket=self.name, NotificationConfiguration=configuration
            )
        self.queue: Queue = queue(cloud)
        rule_to(cloud, {"source": ["aws.s3"], "detail": {"bucket": {"name": [self.name]}}}, self.queue)

    def put(self, key: str, body: bytes = b"hello", **more: Any) -> Any:
        return self.s3.put_object(Bucket=self.name, Key=key, Body=body, **more)

    def event(self) -> dict[str, Any]:
        [event] = self.queue.events(1)
        return event


@pytest.fixture
def bucket(cloud: LocalCloud) -> Bucket:
    return Bucket(cloud)


def test_an_object_that_is_put_is_told_of_as_aws_does(bucket: Bucket) -> None:
    bucket.put("images/a b+c/ü%20&.png")
    event = bucket.event()
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert (event["account"], event["region"]) == (ACCOUNT, "us-east-1")
    assert event["resources"] == [f"arn:aws:s3:::{bucket.name}"]
    detail = event["detail"]
    sequencer, request = detail["object"].pop("sequencer"), detail.pop("request-id")
    assert detail == {
        "version": "0",
        "event-version": "1.1",
        "bucket": {"name": bucket.name},
        "object": {
            "key": "images/a b+c/ü%20&.png",  # the key itself: only queues and topics get it encoded
            "size": 5,
            "etag": "5d41402abc4b2a76b9719d911017c592",
        },
        "requester": ACCOUNT,
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }
    assert int(sequencer, 16) > 0
    assert len(request) == 16


def test_each_way_of_creating_an_object_is_told_of_once(bucket: Bucket) -> None:
    bucket.put("one", Tagging="a=b", ACL="private")
    assert bucket.event()["detail"]["reason"] == "PutObject"
    source = {"Bucket": bucket.name, "Key": "one"}
    bucket.s3.copy_object(Bucket=bucket.name, Key="two", CopySource=source)
    assert bucket.event()["detail"]["reason"] == "CopyObject"
    whole = io.BytesIO(b"x" * (6 * MEBIBYTE))
    parts = TransferConfig(
        multipart_threshold=5 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE, use_threads=False
    )
    bucket.s3.upload_fileobj(whole, bucket.name, "big", Config=parts)
    detail = bucket.event()["detail"]
    assert (detail["reason"], detail["object"]["size"]) == ("CompleteMultipartUpload", 6 * MEBIBYTE)
    assert detail["object"]["etag"].endswith("-2")
    url = bucket.s3.generate_presigned_url("put_object", {"Bucket": bucket.name, "Key": "signed/it"})
    with urllib.request.urlopen(urllib.request.Request(url, b"data", method="PUT")) as answer:
        assert answer.status == 200
    detail = bucket.event()["detail"]
    assert (detail["reason"], detail["object"]["key"]) == ("PutObject", "signed/it")
    assert bucket.queue.stays_empty()


def test_sequencers_of_a_key_grow(bucket: Bucket) -> None:
    for _ in range(5):
        bucket.put("same")
    sequencers = [event["detail"]["object"]["sequencer"] for event in bucket.queue.events(5)]
    assert sequencers == sorted(set(sequencers))


def test_deletions_are_told_of_where_there_was_something(bucket: Bucket) -> None:
    bucket.put("gone")
    bucket.event()
    bucket.s3.delete_object(Bucket=bucket.name, Key="never-there")
    bucket.s3.delete_objects(Bucket=bucket.name, Delete={"Objects": [{"Key": "gone"}]})
    event = bucket.event()
    assert event["detail-type"] == "Object Deleted"
    assert event["detail"]["object"]["key"] == "gone"
    assert event["detail"]["reason"] == "DeleteObject"
    assert event["detail"]["deletion-type"] == "Permanently Deleted"
    assert bucket.queue.stays_empty()


def test_versions_and_delete_markers(bucket: Bucket) -> None:
    bucket.s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    first, second = (bucket.put("v", body)["VersionId"] for body in (b"1", b"2"))
    marker = bucket.s3.delete_object(Bucket=bucket.name, Key="v")["VersionId"]
    bucket.s3.delete_object(Bucket=bucket.name, Key="v", VersionId=first)
    told = [
        (each["detail-type"], each["detail"]["object"]["version-id"], each["detail"].get("deletion-type"))
        for each in bucket.queue.events(4)
    ]
    assert told == [
        ("Object Created", first, None),
        ("Object Created", second, None),
        ("Object Deleted", marker, "Delete Marker Created"),
        ("Object Deleted", first, "Permanently Deleted"),
    ]


def test_tags_and_acls_are_told_of_when_they_are_what_changes(bucket: Bucket) -> None:
    bucket.put("one")
    bucket.event()
    tags = {"TagSet": [{"Key": "k", "Value": "v"}]}
    bucket.s3.put_object_tagging(Bucket=bucket.name, Key="one", Tagging=tags)
    assert bucket.event()["detail-type"] == "Object Tags Added"
    bucket.s3.delete_object_tagging(Bucket=bucket.name, Key="one")
    assert bucket.event()["detail-type"] == "Object Tags Deleted"
    bucket.s3.put_object_acl(Bucket=bucket.name, Key="one", ACL="private")
    assert bucket.event()["detail-type"] == "Object ACL Updated"


def test_a_bucket_without_the_configuration_tells_nobody(cloud: LocalCloud) -> None:
    silent = Bucket(cloud, tells=False)
    silent.put("one")
    assert silent.queue.stays_empty()


def test_a_bucket_whose_configuration_is_taken_away_falls_silent(bucket: Bucket) -> None:
    bucket.s3.put_bucket_notification_configuration(Bucket=bucket.name, NotificationConfiguration={})
    bucket.put("one")
    bucket.s3.delete_object(Bucket=bucket.name, Key="one")
    assert bucket.queue.stays_empty()


def test_an_object_starts_a_state_machine(cloud: LocalCloud, bucket: Bucket) -> None:
    states = cloud.client("stepfunctions")
    definition = {
        "StartAt": "Read",
        "States": {
            "Read": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:headObject",
                "Parameters": {"Bucket.$": "$.detail.bucket.name", "Key.$": "$.detail.object.key"},
                "ResultSelector": {"size.$": "$.ContentLength"},
                "End": True,
            }
        },
    }
    machine = states.create_state_machine(
        name=unique("machine"), definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket.name]}, "object": {"key": [{"prefix": "incoming/"}]}},
    }
    rule_to(cloud, pattern, {"Arn": machine, "RoleArn": ROLE})
    bucket.put("elsewhere/a.png")
    bucket.put("incoming/a.png", b"picture")
    end, found = time.monotonic() + 20, []
    while not found and time.monotonic() < end:
        found = states.list_executions(stateMachineArn=machine, statusFilter="SUCCEEDED")["executions"]
        time.sleep(0.05)
    [execution] = found
    output = states.describe_execution(executionArn=execution["executionArn"])["output"]
    assert json.loads(output) == {"size": 7}  # the object is there when its event arrives
    assert len(states.list_executions(stateMachineArn=machine)["executions"]) == 1


def test_a_bucket_tells_queues_and_topics_that_it_names(cloud: LocalCloud) -> None:
    s3, sns, name = cloud.client("s3"), cloud.client("sns"), unique("bucket")
    named, subscribed = queue(cloud), queue(cloud)
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=subscribed.arn)
    s3.create_bucket(Bucket=name)
    only_images = {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".png"}]}}
    events = ["s3:ObjectCreated:*"]
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": named.arn, "Events": events, "Filter": only_images}],
            "TopicConfigurations": [{"TopicArn": topic, "Events": events}],
        },
    )
    assert named.events(1)[0]["Event"] == "s3:TestEvent"
    assert json.loads(subscribed.events(1)[0]["Message"])["Event"] == "s3:TestEvent"
    for key in ("a.txt", "b c.png"):
        s3.put_object(Bucket=name, Key=key, Body=b"1")
    [told] = named.events(1)
    [record] = told["Records"]
    assert (record["eventName"], record["s3"]["object"]["key"]) == ("ObjectCreated:Put", "b+c.png")
    keys = [json.loads(each["Message"])["Records"][0]["s3"]["object"]["key"] for each in subscribed.events(2)]
    assert keys == ["a.txt", "b+c.png"]


def test_many_at_once_lose_nothing_and_nobody_waits_for_ever(cloud: LocalCloud) -> None:
    """S3's lock is held while its events are made; meanwhile rules come and go, and targets call S3."""
    bucket, threads, each = Bucket(cloud), 5, 8
    failures: list[Exception] = []

    def store(number: int) -> None:
        try:
            for index in range(each):
                bucket.put(f"{number}/{index}")
        except Exception as error:  # noqa: BLE001 - told below, from the test's own thread
            failures.append(error)

    def change_rules() -> None:
        try:
            for _ in range(10):
                rule = rule_to(cloud, {"source": [unique("nobody")]}, bucket.queue)
                cloud.client("events").remove_targets(Rule=rule, Ids=["1"])
                cloud.client("events").delete_rule(Name=rule)
        except Exception as error:  # noqa: BLE001 - told below, from the test's own thread
            failures.append(error)

    workers = [threading.Thread(target=store, args=(number,)) for number in range(threads)]
    workers.append(threading.Thread(target=change_rules))
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()
    assert failures == []
    keys = {event["detail"]["object"]["key"] for event in bucket.queue.events(threads * each)}
    assert len(keys) == threads * each
