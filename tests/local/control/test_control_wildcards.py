"""Where AWS has wildcards and prefixes, what would be a poisonous regular expression is only a text."""

from __future__ import annotations

import json
import urllib.request
import uuid

import pytest
from botocore.exceptions import ClientError
from local_clouds import LocalCloud

from gluonship.local.deviations.wildcards import matches

LONG = "a" * 60
STARS = "*a" * 30 + "b"  # in a regular expression: .*a.*a.*a... tried in every way
GROUP = "(a+)+b"


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/deep/key", True),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/xy", False),
        ("s3:Get?bject", "s3:GetObject", True),
        ("[ab]*", "a", False),
        ("[ab]*", "[ab]c", True),
        (r"a\*", "a*", True),
        (r"a\*", "ab", False),
        ("a.c", "abc", False),
        (GROUP, GROUP, True),
        (STARS, LONG, False),
    ],
)
def test_wildcards(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


def test_a_bucket_policys_resource(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="wildcards")
    resources = [
        f"arn:aws:s3:::wildcards/{STARS}",
        "arn:aws:s3:::wildcards/[x]*",
        "arn:aws:s3:::wildcards/(a+)+",
    ]
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": resources}
    s3.put_bucket_policy(
        Bucket="wildcards", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    for key in (LONG, "x", "aa"):
        s3.put_object(Bucket="wildcards", Key=key, Body=b"1")
    for key in (LONG + "b", "[x]y", "(a+)+"):
        with pytest.raises(ClientError) as caught:
            s3.put_object(Bucket="wildcards", Key=key, Body=b"1")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize(
    ("allowed", "answered"), [("(.+)+x", False), ("http://127.*", True), ("http://127?0?0?1:*", True)]
)
def test_a_cors_rules_origin(cloud: LocalCloud, allowed: str, answered: bool) -> None:
    s3 = cloud.client("s3")
    bucket = f"origins-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": [allowed]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Origin": cloud.url})) as answer:
        assert ("Access-Control-Allow-Origin" in answer.headers) is answered


def test_a_queues_prefix(cloud: LocalCloud) -> None:
    sqs = cloud.client("sqs")
    for name in (LONG, "prefix-one", "prefixed"):
        sqs.create_queue(QueueName=name)
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=GROUP)
    found = sqs.list_queues(QueueNamePrefix="prefix-")["QueueUrls"]
    assert [url.rpartition("/")[2] for url in found] == ["prefix-one"]


def test_a_security_groups_filter(cloud: LocalCloud) -> None:
    ec2 = cloud.client("ec2")
    ec2.create_security_group(GroupName="wild", Description=LONG)
    for value, count in ((GROUP, 0), (STARS, 0), ("aa*a", 1)):
        found = ec2.describe_security_groups(Filters=[{"Name": "description", "Values": [value]}])
        assert len(found["SecurityGroups"]) == count


def test_a_repositorys_exclusion_filters(cloud: LocalCloud) -> None:
    ecr = cloud.client("ecr")
    filters = [{"filterType": "WILDCARD", "filter": each} for each in (STARS, "dev-*")]
    ecr.create_repository(
        repositoryName="wild",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )

    def push(tag: str, number: int) -> None:
        media = "application/vnd.docker.distribution.manifest.v2+json"
        config = {"digest": f"sha256:{number:064x}"}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": media, "config": config, "layers": []})
        ecr.put_image(repositoryName="wild", imageTag=tag, imageManifest=manifest)

    for number, tag in enumerate(("dev-1", "dev-1", LONG)):
        push(tag, number)
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        push(LONG, 7)
