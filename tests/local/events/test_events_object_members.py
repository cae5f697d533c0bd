"""Every documented member of what S3 tells: a record in a queue and an event on the bus for each change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

import pytest
import urllib3
from botocore.exceptions import ClientError
from event_queues import ACCOUNT, Queue, queue, unique
from local_clouds import LocalCloud

REGION = "eu-west-1"
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
HELLO = "5d41402abc4b2a76b9719d911017c592"
KEY = "in put/größe (1)+2.png"
ENCODED = "in+put/gr%C3%B6%C3%9Fe+%281%29%2B2.png"
KINDS = ("ObjectCreated", "ObjectRemoved", "ObjectTagging", "ObjectRestore")
ALL = ["s3:ObjectAcl:Put", *(f"s3:{kind}:*" for kind in KINDS)]
TAGS = {"TagSet": [{"Key": "split", "Value": "train"}]}
Absent = object()


def like(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def member(document: Mapping[str, Any], path: str) -> Any:
    """What is at a path of members between slashes; Absent where it ends."""
    found: Any = document
    for name in path.split("/"):
        if not isinstance(found, Mapping) or name not in found:
            return Absent
        found = found[name]
    return found


@dataclass
class Told:
    """A versioned bucket, and what came of each change to it."""

    s3: Any
    bucket: str
    records: Queue
    events: Queue
    record: dict[str, dict[str, Any]] = field(default_factory=dict)
    event: dict[str, dict[str, Any]] = field(default_factory=dict)
    answer: dict[str, dict[str, Any]] = field(default_factory=dict)

    def after(self, name: str, answer: dict[str, Any]) -> None:
        """Keeps the one record and the one event that a change is told by."""
        [message] = self.records.events(1)
        [self.record[name]] = message["Records"]
        [self.event[name]] = self.events.events(1)
        self.answer[name] = answer


@pytest.fixture(scope="module")
def told(cloud: LocalCloud) -> Told:
    s3, name = cloud.client("s3", REGION), unique("bucket")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    made = Told(s3, name, queue(cloud, REGION), queue(cloud, REGION))
    bus, rule = cloud.client("events", REGION), unique("rule")
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [name]}}}
    bus.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    bus.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": made.events.arn}])
    configuration = {
        "QueueConfigurations": [{"Id": "everything", "QueueArn": made.records.arn, "Events": ALL}],
        "EventBridgeConfiguration": {},
    }
    answer = s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=configuration)
    [test] = made.records.events(1)
    made.record["test"], made.answer["test"] = test, answer

    made.after("put", s3.put_object(Bucket=name, Key=KEY, Body=b"hello", Tagging="a=b", ACL="private"))
    made.after("tags", s3.put_object_tagging(Bucket=name, Key=KEY, Tagging=TAGS))
    made.after("acl", s3.put_object_acl(Bucket=name, Key=KEY, ACL="private"))
    source = {"Bucket": name, "Key": KEY}
    made.after("copy", s3.copy_object(Bucket=name, Key="copy", CopySource=source))
    upload = {"Bucket": name, "Key": "parts", "UploadId": ""}
    upload["UploadId"] = s3.create_multipart_upload(Bucket=name, Key="parts")["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"hello")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    made.after("upload", s3.complete_multipart_upload(**upload, MultipartUpload=parts))
    form = s3.generate_presigned_post(name, "posted")
    response = urllib3.request("POST", form["url"], fields={**form["fields"], "file": ("f", b"hello")})
    headers = {key.lower(): value for key, value in response.headers.items()}
    made.after("post", {"ResponseMetadata": {"HTTPHeaders": headers}})
    made.after("marker", s3.delete_object(Bucket=name, Key=KEY))
    version = made.answer["put"]["VersionId"]
    made.after("version", s3.delete_object(Bucket=name, Key=KEY, VersionId=version))
    return made


NAMES = {
    "put": ("ObjectCreated:Put", "Object Created", "PutObject", Absent),
    "post": ("ObjectCreated:Post", "Object Created", "POST Object", Absent),
    "copy": ("ObjectCreated:Copy", "Object Created", "CopyObject", Absent),
    "upload": (
        "ObjectCreated:CompleteMultipartUpload",
        "Object Created",
        "CompleteMultipartUpload",
        Absent,
    ),
    "marker": (
        "ObjectRemoved:DeleteMarkerCreated",
        "Object Deleted",
        "DeleteObject",
        "Delete Marker Created",
    ),
    "version": ("ObjectRemoved:Delete", "Object Deleted", "DeleteObject", "Permanently Deleted"),
    "tags": ("ObjectTagging:Put", "Object Tags Added", Absent, Absent),
    "acl": ("ObjectAcl:Put", "Object ACL Updated", Absent, Absent),
}


@pytest.mark.parametrize("change", NAMES)
def test_a_change_is_told_by_its_names(told: Told, change: str) -> None:
    record, event = told.record[change], told.event[change]
    found = (
        record["eventName"],
        event["detail-type"],
        member(event, "detail/reason"),
        member(event, "detail/deletion-type"),
    )
    assert found == NAMES[change]


RECORD: list[tuple[str, Any]] = [
    ("eventVersion", "2.6"),
    ("eventSource", "aws:s3"),
    ("awsRegion", REGION),
    ("eventTime", like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")),
    ("userIdentity/principalId", like(r"AWS:[A-Z0-9:_.-]+")),
    ("requestParameters/sourceIPAddress", "127.0.0.1"),
    ("responseElements/x-amz-request-id", like(r"[A-Z0-9]{16}")),
    ("responseElements/x-amz-id-2", like(r"[A-Za-z0-9+/]{70,}=*")),
    ("s3/s3SchemaVersion", "1.0"),
    ("s3/configurationId", "everything"),
    ("s3/bucket/ownerIdentity/principalId", like(r"A[A-Z0-9]{13}")),
    ("s3/object/versionId", like(r"\S+")),
    ("glacierEventData", Absent),
]


@pytest.mark.parametrize(("path", "expected"), RECORD, ids=[path for path, _ in RECORD])
def test_a_record_has_its_members(told: Told, path: str, expected: Any) -> None:
    for change in NAMES:
        found = member(told.record[change], path)
        assert expected(found) if callable(expected) else found == expected, (change, found)


EVENT: list[tuple[str, Any]] = [
    ("version", "0"),
    ("id", like(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")),
    ("source", "aws.s3"),
    ("account", ACCOUNT),
    ("time", like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")),
    ("region", REGION),
    ("detail/version", "0"),
    ("detail/event-version", "1.1"),
    ("detail/object/version-id", like(r"\S+")),
    ("detail/object/sequencer", like(r"[0-9A-F]{16}")),
    ("detail/requester", ACCOUNT),
    ("detail/source-ip-address", "127.0.0.1"),
]


@pytest.mark.parametrize(("path", "expected"), EVENT, ids=[path for path, _ in EVENT])
def test_an_event_has_its_members(told: Told, path: str, expected: Any) -> None:
    for change in NAMES:
        found = member(told.event[change], path)
        assert expected(found) if callable(expected) else found == expected, (change, found)


OBJECT = {  # key in a record, key in an event, size, etag; Absent where S3 does not tell it
    "put": (ENCODED, KEY, 5, HELLO),
    "post": ("posted", "posted", 5, HELLO),
    "copy": ("copy", "copy", 5, HELLO),
    "upload": ("parts", "parts", 5, like(r"[0-9a-f]{32}-1")),
    "marker": (ENCODED, KEY, Absent, EMPTY),
    "version": (ENCODED, KEY, Absent, Absent),
    "tags": (ENCODED, KEY, Absent, HELLO),
    "acl": (ENCODED, KEY, Absent, HELLO),
}


@pytest.mark.parametrize("change", OBJECT)
def test_the_object_is_told_as_far_as_it_is_there(told: Told, change: str) -> None:
    encoded, key, size, etag = OBJECT[change]
    record, event = told.record[change]["s3"], told.event[change]
    shown, detail = record["object"], event["detail"]["object"]
    assert (shown["key"], detail["key"]) == (encoded, key)
    assert (member(shown, "size"), member(detail, "size")) == (size, size)
    for found in (member(shown, "eTag"), member(detail, "etag")):
        assert etag(found) if callable(etag) else found == etag
    assert shown["versionId"] == detail["version-id"]
    assert record["bucket"]["name"] == event["detail"]["bucket"]["name"] == told.bucket
    assert event["resources"] == [record["bucket"]["arn"]] == [f"arn:aws:s3:::{told.bucket}"]


@pytest.mark.parametrize("change", ["put", "copy", "upload", "marker", "version"])
def test_versions_are_those_that_the_call_answered(told: Told, change: str) -> None:
    assert told.record[change]["s3"]["object"]["versionId"] == told.answer[change]["VersionId"]


@pytest.mark.parametrize("change", NAMES)
def test_the_ids_are_those_of_the_response(told: Told, change: str) -> None:
    headers = told.answer[change]["ResponseMetadata"]["HTTPHeaders"]
    elements = told.record[change]["responseElements"]
    assert elements == {name: headers[name] for name in ("x-amz-request-id", "x-amz-id-2")}
    assert told.event[change]["detail"]["request-id"] == headers["x-amz-request-id"]


def test_sequencers_of_what_puts_and_deletes_grow(told: Told) -> None:
    changes = [change for change in told.event if change not in ("tags", "acl")]
    sequencers = [told.record[change]["s3"]["object"]["sequencer"] for change in changes]
    assert sequencers == [told.event[change]["detail"]["object"]["sequencer"] for change in changes]
    assert sequencers == sorted(set(sequencers), key=lambda text: int(text, 16))
    assert "sequencer" not in told.record["tags"]["s3"]["object"]


def test_a_test_message_names_its_request(told: Told) -> None:
    metadata, message = told.answer["test"]["ResponseMetadata"], told.record["test"]
    datetime.fromisoformat(message.pop("Time"))
    assert message == {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Bucket": told.bucket,
        "RequestId": metadata["RequestId"],
        "HostId": metadata["HostId"],
    }


def test_who_did_it_is_told_by_its_unique_id(cloud: LocalCloud, told: Told) -> None:
    iam, name = cloud.client("iam"), unique("user")
    user = iam.create_user(UserName=name)["User"]["UserId"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    of_user = cloud.client(
        "s3",
        REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=None,
    )
    told.after("by user", of_user.put_object(Bucket=told.bucket, Key="by user", Body=b"1"))
    assert told.record["by user"]["userIdentity"] == {"principalId": f"AWS:{user}"}
    trust = {"Version": "2012-10-17", "Statement": []}
    role = iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    session = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="night-shift")
    given = session["Credentials"]
    of_role = cloud.client(
        "s3",
        REGION,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    url = of_role.generate_presigned_url("put_object", {"Bucket": told.bucket, "Key": "by role"})
    response = urllib3.request("PUT", url, body=b"1")
    assert response.status == 200
    told.after("by role", {})
    principal = session["AssumedRoleUser"]["AssumedRoleId"]
    assert principal.endswith(":night-shift")
    assert told.record["by role"]["userIdentity"] == {"principalId": f"AWS:{principal}"}
    assert told.event["by role"]["detail"]["requester"] == ACCOUNT


def test_an_unversioned_bucket_has_no_version_ids_and_a_batch_is_told_one_by_one(cloud: LocalCloud) -> None:
    s3, name, named = cloud.client("s3"), unique("bucket"), queue(cloud)
    s3.create_bucket(Bucket=name)
    wanted = [{"QueueArn": named.arn, "Events": ["s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete"]}]
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"QueueConfigurations": wanted}
    )
    for key in ("a", "b/ü"):
        s3.put_object(Bucket=name, Key=key, Body=b"hello")
    s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "a"}, {"Key": "b/ü"}, {"Key": "never"}]})
    [_, *messages] = named.events(5)
    objects = [(each["eventName"], each["s3"]["object"]) for [each] in (m["Records"] for m in messages)]
    assert [(what, each["key"]) for what, each in objects] == [
        ("ObjectCreated:Put", "a"),
        ("ObjectCreated:Put", "b/%C3%BC"),
        ("ObjectRemoved:Delete", "a"),
        ("ObjectRemoved:Delete", "b/%C3%BC"),
    ]
    assert [sorted(each) for _, each in objects] == [
        *[["eTag", "key", "sequencer", "size"]] * 2,
        *[["key", "sequencer"]] * 2,
    ]
    assert named.stays_empty()


def test_a_restored_object_is_told_with_its_archive(cloud: LocalCloud) -> None:
    s3, name, named = cloud.client("s3"), unique("bucket"), queue(cloud)
    s3.create_bucket(Bucket=name)
    wanted = [{"QueueArn": named.arn, "Events": ["s3:ObjectRestore:*"]}]
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"QueueConfigurations": wanted}
    )
    s3.put_object(Bucket=name, Key="old", Body=b"hello", StorageClass="GLACIER")
    s3.restore_object(Bucket=name, Key="old", RestoreRequest={"Days": 2})
    s3.head_object(Bucket=name, Key="old")
    [_, [asked], [done]] = [message.get("Records") for message in named.events(3)]
    assert (asked["eventName"], member(asked, "glacierEventData")) == ("ObjectRestore:Post", Absent)
    assert done["eventName"] == "ObjectRestore:Completed"
    restored = done["glacierEventData"]["restoreEventData"]
    assert restored["lifecycleRestoreStorageClass"] == "GLACIER"
    until = datetime.fromisoformat(restored["lifecycleRestorationExpiryTime"])
    assert round((until - datetime.fromisoformat(asked["eventTime"])).total_seconds() / 86_400) == 2
    assert sorted(done["s3"]["object"]) == ["eTag", "key", "size"]


@pytest.mark.parametrize(
    ("rules", "passing", "failing"),
    [
        ([("prefix", "in put/")], "in put/a", "in-put/a"),  # as the key is
        ([("prefix", "in+put/")], "in put/a", "put/a"),  # as AWS wants it
        ([("Prefix", "a%2Bb/"), ("Suffix", "%28%C3%BC%29.png")], "a+b/(ü).png", "a b/(ü).png"),
        ([("suffix", ".png"), ("prefix", "")], "a.png", "a.png.txt"),
    ],
)
def test_filters_are_on_the_encoded_key(
    cloud: LocalCloud, rules: list[tuple[str, str]], passing: str, failing: str
) -> None:
    s3, name, named = cloud.client("s3"), unique("bucket"), queue(cloud)
    s3.create_bucket(Bucket=name)
    given = {
        "QueueConfigurations": [
            {
                "Id": "filtered",
                "QueueArn": named.arn,
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": each, "Value": value} for each, value in rules]}},
            }
        ],
        "EventBridgeConfiguration": {},
    }
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=given)
    answered = s3.get_bucket_notification_configuration(Bucket=name)
    answered.pop("ResponseMetadata")
    assert answered == given
    for key in (failing, passing):
        s3.put_object(Bucket=name, Key=key, Body=b"1")
    [_, message] = named.events(2)
    [record] = message["Records"]
    assert unquote_plus(record["s3"]["object"]["key"]) == passing
    assert named.stays_empty()


QUEUE = {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", "Events": ["s3:ObjectCreated:*"]}


@pytest.mark.parametrize(
    ("configuration", "code", "said"),
    [
        ({**QUEUE, "QueueArn": "no-arn"}, "InvalidArgument", "ARN is not well formed"),
        ({**QUEUE, "QueueArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:t"}, "InvalidArgument", "ARN is not well"),
        ({**QUEUE, "Events": [""]}, "MalformedXML", "did not validate"),
        (
            {**QUEUE, "Filter": {"Key": {"FilterRules": [{"Name": "middle", "Value": "x"}]}}},
            "InvalidArgument",
            "must be either prefix or suffix",
        ),
        (
            {**QUEUE, "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": v} for v in "ab"]}}},
            "InvalidArgument",
            "more than one prefix rule",
        ),
    ],
)
def test_what_is_wrong_with_a_configuration_is_said(
    cloud: LocalCloud, configuration: dict[str, Any], code: str, said: str
) -> None:
    s3, name = cloud.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=name)
    with pytest.raises(ClientError, match=said) as caught:
        s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"QueueConfigurations": [configuration]}
        )
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
