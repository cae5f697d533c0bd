"""The door over the wire: which keys open it, and who stays outside whatever he brings."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import stat
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import requests
from botocore.auth import S3SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from local_clouds import LocalCloud

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"
ROLE = "arn:aws:iam::123456789012:role/door"


@pytest.fixture
def connection(cloud: LocalCloud) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection("127.0.0.1", cloud.info.control_port, timeout=20)
    yield made
    made.close()


def by_key(cloud: LocalCloud, service: str, key: dict[str, Any], **options: Any) -> Any:
    """A client that asks with `key`, as STS and IAM answer one."""
    session = boto3.Session(
        key["AccessKeyId"], key["SecretAccessKey"], key.get("SessionToken"), region_name="us-east-1"
    )
    url = cloud.runtime_url if service == "sagemaker-runtime" else cloud.url
    return session.client(service, endpoint_url=url, **options)


def code_of(call: Callable[..., object], *arguments: Any, **members: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **members)
    response = caught.value.response
    assert response["ResponseMetadata"]["RetryAttempts"] == 0
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


# --- who stays outside -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://page.example"},
        {"Origin": "http://localhost:8888"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "rebound.example"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_web_page_stays_outside_even_with_a_key(
    cloud: LocalCloud, connection: http.client.HTTPConnection, method: str, headers: dict[str, str]
) -> None:
    signed = {**cloud.signed("sts", method, body=IDENTITY, headers=FORM), **headers}
    connection.request(method, "/", body=IDENTITY, headers=signed)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 403
    assert b"local cloud" in body
    assert answer.headers.get("Access-Control-Allow-Origin") is None


def test_what_a_picture_on_a_page_asks_for_does_nothing(
    cloud: LocalCloud, connection: http.client.HTTPConnection
) -> None:
    """A GET without an Origin: a page's <img>, of a browser that sends no Sec-Fetch-Site."""
    scope = "AKIAINVENTED/20261129/us-east-1/cloudformation/aws4_request"
    query = f"Action=CreateStack&Version=2010-05-15&StackName=web&TemplateBody={{}}&X-Amz-Credential={scope}"
    connection.request("GET", f"/?{query}")
    answer = connection.getresponse()
    assert (answer.status, b"MissingAuthenticationToken" in answer.read()) == (403, True)
    stacks = cloud.client("cloudformation").describe_stacks()["Stacks"]
    assert "web" not in [each["StackName"] for each in stacks]


def test_an_operation_by_get_is_refused_with_a_key_too(
    cloud: LocalCloud, connection: http.client.HTTPConnection
) -> None:
    path = f"/?{IDENTITY.decode()}"
    connection.request("GET", path, headers=cloud.signed("sts", "GET", path))
    answer = connection.getresponse()
    assert (answer.status, b"by POST only" in answer.read()) == (403, True)


@pytest.mark.parametrize(
    ("service", "operation", "members", "unknown", "wrong"),
    [
        ("sts", "get_caller_identity", {}, ("InvalidClientTokenId", 403), ("SignatureDoesNotMatch", 403)),
        (
            "sagemaker",
            "list_models",
            {},
            ("UnrecognizedClientException", 400),
            ("InvalidSignatureException", 400),
        ),
        ("s3", "list_buckets", {}, ("InvalidAccessKeyId", 403), ("SignatureDoesNotMatch", 403)),
        ("ec2", "describe_vpcs", {}, ("AuthFailure", 401), ("AuthFailure", 401)),
        ("iot", "list_things", {}, ("UnrecognizedClientException", 403), ("InvalidSignatureException", 403)),
        (
            "sagemaker-runtime",
            "invoke_endpoint",
            {"EndpointName": "e", "Body": b"x"},
            ("UnrecognizedClientException", 403),
            ("InvalidSignatureException", 403),
        ),
    ],
)
def test_an_invented_key_and_a_guessed_secret_stay_outside(
    cloud: LocalCloud,
    service: str,
    operation: str,
    members: dict[str, Any],
    unknown: tuple[str, int],
    wrong: tuple[str, int],
) -> None:
    home = cloud.boto.get_credentials()
    for key_id, secret, expected in (
        ("AKIAINVENTED", home.secret_key, unknown),
        (home.access_key, "guess", wrong),
    ):
        client = by_key(cloud, service, {"AccessKeyId": key_id, "SecretAccessKey": secret})
        assert code_of(getattr(client, operation), **members) == expected


def test_nobody_else_can_read_the_homes_key(cloud: LocalCloud) -> None:
    assert stat.S_IMODE((cloud.home / "credentials").stat().st_mode) == 0o600
    assert stat.S_IMODE(cloud.home.stat().st_mode) == 0o700


# --- keys that this cloud has issued ---------------------------------------------------------------------


def test_who_the_homes_key_is(cloud: LocalCloud) -> None:
    identity = cloud.client("sts").get_caller_identity()
    assert identity["Account"] == "123456789012"
    assert identity["Arn"] == "arn:aws:sts::123456789012:assumed-role/SageMakerRole/gluonship"


def test_a_users_access_key_opens_both_planes_while_it_is_active(cloud: LocalCloud) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="door-user")
    key = iam.create_access_key(UserName="door-user")["AccessKey"]
    sts, runtime = by_key(cloud, "sts", key), by_key(cloud, "sagemaker-runtime", key)
    assert sts.get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/door-user"
    assert code_of(runtime.invoke_endpoint, EndpointName="none", Body=b"") == ("ValidationError", 400)
    iam.update_access_key(UserName="door-user", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert code_of(sts.get_caller_identity) == ("InvalidClientTokenId", 403)
    iam.update_access_key(UserName="door-user", AccessKeyId=key["AccessKeyId"], Status="Active")
    assert sts.get_caller_identity()["Account"] == "123456789012"
    iam.delete_access_key(UserName="door-user", AccessKeyId=key["AccessKeyId"])
    assert code_of(sts.get_caller_identity) == ("InvalidClientTokenId", 403)
    assert code_of(runtime.invoke_endpoint, EndpointName="none", Body=b"")[0] == "UnrecognizedClientException"


def test_a_session_of_a_role_opens_with_its_token_in_its_account(cloud: LocalCloud) -> None:
    other = "arn:aws:iam::210987654321:role/path/elsewhere"
    session = cloud.client("sts").assume_role(RoleArn=other, RoleSessionName="me")["Credentials"]
    identity = by_key(cloud, "sts", session).get_caller_identity()
    assert (identity["Account"], identity["Arn"].split(":", 5)[5]) == (
        "210987654321",
        "assumed-role/elsewhere/me",
    )
    by_key(cloud, "s3", session).create_bucket(Bucket="of-the-other-account")
    here = [each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"]]
    assert "of-the-other-account" not in here
    for token in ("", "another"):
        wrong = by_key(cloud, "sts", {**session, "SessionToken": token})
        assert code_of(wrong.get_caller_identity) == ("InvalidClientTokenId", 403)


def test_a_session_that_has_expired_stays_outside(cloud: LocalCloud) -> None:
    sts = cloud.client("sts", config=Config(parameter_validation=False))
    session = sts.assume_role(RoleArn=ROLE, RoleSessionName="short", DurationSeconds=0)["Credentials"]
    assert code_of(by_key(cloud, "sts", session).get_caller_identity) == ("ExpiredToken", 403)
    assert code_of(by_key(cloud, "s3", session).list_buckets) == ("ExpiredToken", 400)


def test_session_tokens_are_the_callers_and_federated_users_their_own(cloud: LocalCloud) -> None:
    sts = cloud.client("sts")
    mine, again = (sts.get_session_token()["Credentials"] for _ in range(2))
    assert mine["AccessKeyId"] != again["AccessKeyId"]
    assert by_key(cloud, "sts", mine).get_caller_identity()["Arn"] == sts.get_caller_identity()["Arn"]
    federated = sts.get_federation_token(Name="guest")["Credentials"]
    arn = by_key(cloud, "sts", federated).get_caller_identity()["Arn"]
    assert arn == "arn:aws:sts::123456789012:federated-user/guest"


def test_a_job_asks_with_a_key_of_its_own_that_ends_with_it(cloud: LocalCloud) -> None:
    script = [
        "import boto3, json; ",
        "arn = boto3.client('sts').get_caller_identity()['Arn']; ",
        "key = boto3.Session().get_credentials(); ",
        "told = {'Arn': arn, 'AccessKeyId': key.access_key, 'SecretAccessKey': key.secret_key, ",
        "'SessionToken': key.token}; ",
        "boto3.client('s3').put_object(Bucket='job-keys', Key='key', Body=json.dumps(told)); ",
    ]
    s3, sagemaker = cloud.client("s3"), cloud.client("sagemaker")
    s3.create_bucket(Bucket="job-keys")
    sagemaker.create_processing_job(
        ProcessingJobName="asks-with-its-key",
        RoleArn="arn:aws:iam::123456789012:role/service-role/Worker",
        AppSpecification={
            "ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9",
            "ContainerEntrypoint": ["python", "-c", "import sys; exec(''.join(sys.argv[1:]))"],
            "ContainerArguments": script,
        },
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    )
    waiter = sagemaker.get_waiter("processing_job_completed_or_stopped")
    waiter.wait(ProcessingJobName="asks-with-its-key", WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    key = json.loads(s3.get_object(Bucket="job-keys", Key="key")["Body"].read())
    assert key["Arn"] == "arn:aws:sts::123456789012:assumed-role/Worker/SageMaker"
    assert key["AccessKeyId"] != cloud.boto.get_credentials().access_key
    assert code_of(by_key(cloud, "sts", key).get_caller_identity) == ("InvalidClientTokenId", 403)


# --- S3's other ways to sign -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket(cloud: LocalCloud) -> str:
    cloud.client("s3").create_bucket(Bucket="door-bucket")
    cloud.client("s3").put_object(Bucket="door-bucket", Key="a b+ü", Body=b"inside")
    return "door-bucket"


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("session", [False, True])
def test_presigned_urls(cloud: LocalCloud, bucket: str, version: str, session: bool) -> None:
    config = Config(signature_version=version)
    key = cloud.client("sts").get_session_token()["Credentials"]
    s3 = by_key(cloud, "s3", key, config=config) if session else cloud.client("s3", config=config)
    place = {"Bucket": bucket, "Key": f"put by {version} {session}"}
    put = s3.generate_presigned_url("put_object", Params={**place, "ContentType": "image/png"})
    assert requests.put(put, b"new", headers={"Content-Type": "image/png"}, timeout=10).status_code == 200
    assert requests.put(put, b"new", headers={"Content-Type": "text/html"}, timeout=10).status_code == 403
    url = s3.generate_presigned_url("get_object", Params={**place, "ResponseContentType": "image/x"})
    got = requests.get(url, timeout=10)
    assert (got.content, got.headers["Content-Type"]) == (b"new", "image/x")
    for changed in (
        url.replace(bucket, "other-bucket"),
        url.replace("image%2Fx", "text%2Fhtml"),
        url.replace("AWSAccessKeyId=", "AWSAccessKeyId=A").replace("X-Amz-Credential=", "X-Amz-Credential=A"),
        url.replace("put%20by", "put%20By"),
        url.replace("Expires=", "Expires=1"),
    ):
        assert changed != url
        assert requests.get(changed, timeout=10).status_code in (400, 403)
    assert requests.delete(url, timeout=10).status_code == 403
    copying = {"Content-Type": "image/png", "x-amz-copy-source": f"/{bucket}/a b+ü".encode()}
    assert requests.put(put, headers=copying, timeout=10).status_code == 403
    over = s3.generate_presigned_url("get_object", Params=place, ExpiresIn=-5 if version == "s3" else 0)
    assert requests.get(over, timeout=10).status_code in (400, 403)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": "application/x-amz-json-1.1"},
        {"Authorization": "AWS4-HMAC Credential=a/20260101/us-east-1/sagemaker/aws4_request"},
    ],
)
def test_a_presigned_url_is_for_s3_alone(
    cloud: LocalCloud, bucket: str, version: str, headers: dict[str, str]
) -> None:
    """Whoever was given one has no other service by it: not STS, which AWS asks unsigned too."""
    s3, signing = cloud.client("s3"), cloud.client("s3", config=Config(signature_version=version))
    kind = {"ContentType": headers["Content-Type"]} if "Content-Type" in headers else {}
    params = {"Bucket": bucket, "Key": "alone", **kind}
    url = signing.generate_presigned_url("put_object", Params=params)
    body = (
        b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=me&WebIdentityToken=x&RoleArn="
    )
    answer = requests.put(url, body + ROLE.encode(), headers=headers, timeout=10)
    assert b"AssumedRole" not in answer.content
    assert b"Models" not in answer.content
    stored = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="alone").get("Contents", [])]
    assert stored == (["alone"] if answer.status_code == 200 else [])
    assert answer.status_code < 500
    s3.delete_object(Bucket=bucket, Key="alone")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_an_upload_by_a_form_obeys_its_policy(cloud: LocalCloud, bucket: str, version: str) -> None:
    s3 = cloud.client("s3", config=Config(signature_version=version))

    def upload(file: bytes = b"12345", seconds: int = 60, **changed: str) -> int:
        post = s3.generate_presigned_post(
            bucket,
            "forms/${filename}",
            Fields={"x-amz-meta-by": "form"},
            Conditions=[["starts-with", "$x-amz-meta-by", "fo"], ["content-length-range", 2, 6]],
            ExpiresIn=seconds,
        )
        fields = {**post["fields"], **changed}
        answer = requests.post(post["url"], fields, files={"file": ("name.txt", file)}, timeout=10)
        assert answer.status_code < 500, answer.text
        return answer.status_code

    assert upload() == 204
    assert upload(**{"x-amz-meta-by": "fox"}) == 204
    for status in (
        upload(b"1"),
        upload(b"1234567"),
        upload(seconds=-1),
        upload(key="elsewhere"),
        upload(**{"x-amz-meta-by": "bar"}),
        upload(acl="public-read"),
        upload(policy="e30="),
        upload(**{"signature" if version == "s3" else "x-amz-signature": "0" * 64}),
    ):
        assert status == 403
    bare = requests.post(f"{cloud.url}/{bucket}", {"key": "k"}, files={"file": b"x"}, timeout=10)
    assert bare.status_code == 403


def test_a_form_is_what_its_policy_says_and_nothing_beside(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="victim", Body=b"here")
    s3.create_bucket(Bucket="door-other")
    within = [["content-length-range", 0, 10]]
    post = s3.generate_presigned_post(bucket, "allowed", Conditions=within)
    fields, file = list(post["fields"].items()), ("file", ("name", b"12345"))
    host = cloud.url.removeprefix("http://").replace("127.0.0.1", "door-other.s3.localhost")

    def upload(
        url: str, fields: list[tuple[str, str]], files: list[Any], headers: dict[str, str] | None = None
    ) -> int:
        status = requests.post(url, fields, files=files, headers=headers, timeout=10).status_code
        s3.delete_object(Bucket=bucket, Key="allowed")
        return status

    url = post["url"]
    assert upload(url, fields, [file]) == 204
    for status in (
        upload(f"{url}?delete", fields, [file]),
        upload(url, [("key", "evil"), *[(name.title(), value) for name, value in fields]], [file]),
        upload(url, [*fields, ("key", "evil")], [file]),
        upload(url, fields, [file, ("zz", ("name", b"x" * 4000))]),
        upload(url, fields, [file, ("file", ("name", b"x" * 4000))]),
        upload(url, [*fields, ("file", "x" * 4000)], [file]),
        upload(f"{url}/below", fields, [file]),
        upload(f"{url}/", fields, [file], {"Host": host}),
    ):
        assert status == 403
    assert s3.list_objects_v2(Bucket=bucket, Prefix="evil")["KeyCount"] == 0
    assert s3.get_object(Bucket=bucket, Key="victim")["Body"].read() == b"here"
    assert s3.list_objects_v2(Bucket="door-other")["KeyCount"] == 0


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_url_is_what_it_says_and_nothing_beside(cloud: LocalCloud, bucket: str, version: str) -> None:
    s3, signing = cloud.client("s3"), cloud.client("s3", config=Config(signature_version=version))
    name = f"door-versions-{version}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    place = {"Bucket": name, "Key": "k"}
    first = s3.put_object(**place, Body=b"first")["VersionId"]
    s3.put_object(**place, Body=b"second")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    get = signing.generate_presigned_url("get_object", Params=place)
    assert requests.get(get, timeout=10).content == b"second"
    assert b"first" not in requests.get(get, data=f"versionId={first}", headers=form, timeout=10).content
    delete = signing.generate_presigned_url("delete_object", Params=place)
    requests.delete(delete, data=f"versionId={first}", headers=form, timeout=10)
    assert s3.get_object(**place, VersionId=first)["Body"].read() == b"first"
    for added in ("&attributes", "&legal-hold", f"&versionId={first}"):
        assert requests.get(get + added, timeout=10).status_code == 403
    put = signing.generate_presigned_url("put_object", Params={**place, "ACL": "private"})
    assert requests.put(put, b"x", headers={"x-amz-acl": "public-read"}, timeout=10).status_code == 403
    host = cloud.url.removeprefix("http://").replace("127.0.0.1", f"{bucket}.s3.localhost")
    assert requests.put(put, b"x", headers={"Host": host}, timeout=10).status_code == 403
    for seconds in ("1" * 5000, "%D9%A3", "-1", ""):
        new = f"{cloud.url}/{bucket}/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires={seconds}"
        old = f"{cloud.url}/{bucket}/k?AWSAccessKeyId=A&Signature=x&Expires={seconds}"
        assert [requests.get(each, timeout=10).status_code for each in (new, old)] == [400, 400]


def test_a_url_that_signs_a_digest_takes_that_body_only(cloud: LocalCloud, bucket: str) -> None:
    digest = hashlib.sha256(b"good").hexdigest()
    headers = {"X-Amz-Content-SHA256": digest}
    request = AWSRequest("PUT", f"{cloud.url}/{bucket}/digest", {**headers, "Host": cloud.url[7:]})
    SigV4QueryAuth(cloud.boto.get_credentials(), "s3", "us-east-1").add_auth(request)
    assert requests.put(request.url, b"EVIL", headers=headers, timeout=10).status_code == 400
    assert requests.put(request.url, b"good", headers=headers, timeout=10).status_code == 200


def test_names_of_metadata_may_have_underscores(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="named", Body=b"", Metadata={"a_b": "c", "d-e": "f"})
    assert s3.head_object(Bucket=bucket, Key="named")["Metadata"] == {"a_b": "c", "d-e": "f"}


def test_who_is_refused_writes_no_line_of_the_log(
    cloud: LocalCloud, connection: http.client.HTTPConnection
) -> None:
    connection.request("GET", "/x%0a2026-11-29%20ERROR%20forged%1b[31m")
    assert connection.getresponse().status == 403
    log = (cloud.home / "cloud.log").read_text()
    assert "%0a2026-11-29%20ERROR%20forged%1b" in log
    assert not any(line.startswith("2026-11-29 ERROR forged") for line in log.splitlines())


def chunked(cloud: LocalCloud, path: str, body: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body of an upload in chunks with its checksum behind it, as clients send streams."""
    wrapped = AwsChunkedWrapper(
        io.BytesIO(body), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32", chunk_size=10_000
    ).read()
    headers = {
        "Host": cloud.url.split("/")[2],
        "Content-Encoding": "aws-chunked",
        "X-Amz-Decoded-Content-Length": str(len(body)),
        "X-Amz-Trailer": "x-amz-checksum-crc32",
    }
    request = AWSRequest("PUT", f"{cloud.url}{path}", headers, wrapped)
    request.context["checksum"] = {"request_algorithm": {"in": "trailer", "algorithm": "crc32"}}
    S3SigV4Auth(cloud.boto.get_credentials(), "s3", "us-east-1").add_auth(request)
    assert request.headers["X-Amz-Content-SHA256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    return dict(request.headers.items()), wrapped


def test_a_body_in_chunks_with_a_trailer(
    cloud: LocalCloud, bucket: str, connection: http.client.HTTPConnection
) -> None:
    body = bytes(range(256)) * 150
    headers, wrapped = chunked(cloud, f"/{bucket}/in-chunks", body)
    connection.request("PUT", f"/{bucket}/in-chunks", wrapped, headers)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    assert cloud.client("s3").get_object(Bucket=bucket, Key="in-chunks")["Body"].read() == body
    connection.request("PUT", f"/{bucket}/other", wrapped, headers)
    answer = connection.getresponse()
    assert (answer.status, b"SignatureDoesNotMatch" in answer.read()) == (403, True)


def unsigned(url: str, method: str = "GET") -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_only_public_objects_are_there_for_everybody(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="by-acl", Body=b"public", ACL="public-read")
    for name in ("open", "closed"):
        s3.put_object(Bucket=bucket, Key=f"{name}/x", Body=name.encode())
    url = f"{cloud.url}/{bucket}"
    assert unsigned(f"{url}/by-acl") == (200, b"public")
    assert unsigned(f"{url}/by-acl", "HEAD")[0] == 200
    for path, method in (
        ("/a%20b%2B%C3%BC", "GET"),
        ("/open/x", "GET"),
        ("/by-acl", "DELETE"),
        ("/by-acl?acl", "GET"),
        ("/a%20b%2B%C3%BC?Signature=", "GET"),
        ("/not-there", "GET"),
        ("", "GET"),
        ("?list-type=2", "GET"),
    ):
        assert unsigned(url + path, method)[0] == 403, path

    def statement(effect: str, principal: object, **more: object) -> dict[str, object]:
        resource = f"arn:aws:s3:::{bucket}/open/*"
        return {
            "Effect": effect,
            "Principal": principal,
            "Action": "s3:GetObject",
            "Resource": resource,
            **more,
        }

    secure = {"Condition": {"StringEquals": {"aws:Referer": "x"}}}
    for statements, expected in (
        ([statement("Allow", "*")], 200),
        ([statement("Allow", {"AWS": "*"})], 200),
        ([statement("Allow", {"AWS": "arn:aws:iam::123456789012:root"})], 403),
        ([statement("Allow", "*", **secure)], 403),
        ([statement("Allow", "*"), statement("Deny", "*")], 403),
    ):
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
        assert unsigned(f"{url}/open/x")[0] == expected, statements
        assert unsigned(f"{url}/closed/x")[0] == 403
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=enforced)
    assert unsigned(f"{url}/by-acl")[0] == 403, "its access control lists are off"
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    everything = {**statement("Allow", "*"), "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [everything]}))
    site = {"Host": cloud.url.removeprefix("http://").replace("127.0.0.1", f"{bucket}.s3.localhost")}
    vaults = requests.get(f"{cloud.url}/glacier_us-east-1/vaults", headers=site, timeout=10)
    assert (vaults.status_code, b"NoSuchKey" in vaults.content) == (404, True), "another service's path"
    for setting, path in (("IgnorePublicAcls", "by-acl"), ("RestrictPublicBuckets", "open/x")):
        assert unsigned(f"{url}/{path}")[0] == 200
        block = {"IgnorePublicAcls": True, "RestrictPublicBuckets": True, setting: True}
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
        assert unsigned(f"{url}/{path}")[0] == 403
        s3.delete_public_access_block(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)
