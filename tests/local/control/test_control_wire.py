"""The control plane over the wire: who may speak to it, what it refuses, and what it passes on."""

from __future__ import annotations

import http.client
import io
import json
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_clouds import LocalCloud
from signed_requests import signed

from gluonship.local.control import invocations

STS = "Action=GetCallerIdentity&Version=2011-06-15"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def connection(cloud: LocalCloud) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection("127.0.0.1", cloud.info.control_port, timeout=20)
    yield made
    made.close()


def refused(call: Callable[[], object]) -> dict[str, Any]:
    """The answer's error, after boto3's default retries; refused at once."""
    started = time.monotonic()
    with pytest.raises(ClientError) as caught:
        call()
    assert time.monotonic() - started < 5, "a refusal is not worth a retry"
    response = caught.value.response
    assert response["ResponseMetadata"]["RetryAttempts"] == 0
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return dict(response["Error"])


# --- who may speak ---------------------------------------------------------------------------------------


def test_it_listens_on_loopback_only(cloud: LocalCloud) -> None:
    for port in (cloud.info.control_port, cloud.info.data_port):
        with socket.socket() as probe:
            probe.settimeout(2)
            # All of 127/8 is loopback; a server on 0.0.0.0 would answer there, too.
            assert probe.connect_ex(("127.0.0.2", port)) != 0


@pytest.mark.parametrize("service", [None, "s3", "sagemaker"])
def test_motos_own_pages_are_not_there(
    connection: http.client.HTTPConnection, cloud: LocalCloud, service: str | None
) -> None:
    cloud.client("s3").create_bucket(Bucket="stays-after-reset")
    connection.request(
        "POST",
        "/moto-api/reset",
        body=b"",
        headers=cloud.signed(service, path="/moto-api/reset") if service else {},
    )
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 403
    assert "stays-after-reset" in [each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"]]


# --- HTTP ------------------------------------------------------------------------------------------------


def test_a_connection_serves_many_requests(cloud: LocalCloud, connection: http.client.HTTPConnection) -> None:
    """Also after a request whose body nobody reads, and after a HEAD."""
    connection.connect()
    used = connection.sock
    headers = cloud.signed("sts", body=STS.encode(), headers=FORM)
    for body, extra, status in (
        (STS, {}, 200),
        ("x" * 100_000, {"Host": "rebound.example"}, 403),
        (STS, {}, 200),
    ):
        connection.request("POST", "/", body=body, headers={**headers, **extra})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.request("HEAD", "/no-such-bucket", headers=cloud.signed("s3", "HEAD", "/no-such-bucket"))
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (404, b"")
    connection.request("POST", "/", body=iter([STS.encode()]), headers=headers, encode_chunked=True)
    answer = connection.getresponse()
    assert b"<Account>123456789012</Account>" in answer.read()
    assert connection.sock is used


def test_a_client_that_asks_before_sending_is_answered_before_it_sends(cloud: LocalCloud) -> None:
    """boto3's PutObject does; it waits a second for an answer that does not come."""
    cloud.client("s3").create_bucket(Bucket="expecting")
    head = {"Content-Length": "5", "Expect": "100-continue"}
    head.update(cloud.signed("s3", "PUT", "/expecting/key", body=b"12345"))
    lines = [f"{name}: {value}" for name, value in head.items()]
    with socket.create_connection(("127.0.0.1", cloud.info.control_port), timeout=10) as raw:
        raw.sendall("\r\n".join(["PUT /expecting/key HTTP/1.1", *lines, "", ""]).encode())
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b"12345")
        assert raw.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")


def test_keys_come_back_as_they_were(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="keys")
    for key in (
        "a b/ü+%2F=&?.jpg",
        "double//slash",
        "endpoints/x/invocations",
        "_gluonship/health",
        "é" * 400,
    ):
        s3.put_object(Bucket="keys", Key=key, Body=key.encode(), Metadata={"under_score": "kept"})
        got = s3.get_object(Bucket="keys", Key=key)
        assert (got["Body"].read().decode(), got["Metadata"]) == (key, {"under_score": "kept"})
        assert key in [each["Key"] for each in s3.list_objects_v2(Bucket="keys", Prefix=key)["Contents"]]
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "keys", "Key": "double//slash"})
    assert urllib.request.urlopen(url, timeout=10).read() == b"double//slash"


# --- what nobody answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("sagemaker", "list_labeling_jobs", {}),
        ("sagemaker", "stop_compilation_job", {"CompilationJobName": "x"}),
        ("sagemaker-edge", "get_device_registration", {"DeviceName": "d", "DeviceFleetName": "f"}),
        ("logs", "list_anomalies", {}),
        ("cloudwatch", "describe_anomaly_detectors", {}),
        ("iam", "generate_service_last_accessed_details", {"Arn": "arn:aws:iam::123456789012:role/x"}),
        ("s3", "get_bucket_metadata_configuration", {"Bucket": "any-bucket"}),
        ("rekognition", "list_users", {"CollectionId": "c"}),
        ("greengrassv2", "list_components", {}),
        ("iot", "list_sbom_validation_results", {"packageName": "p", "versionName": "1"}),
    ],
)
def test_what_nobody_answers_is_refused_at_once(
    cloud: LocalCloud, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    """JSON, query, REST with JSON and XML, CBOR; services that moto has and that it has not."""
    client = cloud.client(service)
    error = refused(lambda: getattr(client, operation)(**arguments))
    assert error["Code"] == "UnsupportedOperation"
    name = client.meta.method_to_api_mapping[operation]
    assert error["Message"].startswith(f"{name} of {service} is not available in the local cloud")


def test_a_subresource_that_moto_ignores_deletes_no_bucket(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="survivor")
    refused(lambda: s3.delete_bucket_analytics_configuration(Bucket="survivor", Id="x"))
    assert s3.head_bucket(Bucket="survivor")["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises(ClientError) as missing:
        s3.get_object(Bucket="survivor", Key="none")
    assert missing.value.response["Error"]["Code"] == "NoSuchKey", "S3's own 404 stays S3's"


def test_a_body_that_moto_cannot_use_is_the_callers_mistake(
    cloud: LocalCloud, connection: http.client.HTTPConnection
) -> None:
    body = b'{"repositoryNames": 5}'
    target = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    connection.request("POST", "/", body=body, headers=cloud.signed("ecr", body=body, headers=headers))
    answer = connection.getresponse()
    document = json.loads(answer.read())
    assert (answer.status, document["__type"]) == (400, "SerializationException")
    assert document["message"] == "Start of list expected, NUMBER_VALUE found"
    assert "moto failed in DescribeRepositories of ecr" in (cloud.home / "cloud.log").read_text()


# --- beside AWS ------------------------------------------------------------------------------------------


def admin(cloud: LocalCloud, path: str, document: object = None, token: str | None = None) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{cloud.url}/_gluonship/{path}",
        data=None if document is None else json.dumps(document).encode(),
        headers={"X-Gluonship-Token": (cloud.home / "token").read_text() if token is None else token},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_health_and_what_it_asks_for(cloud: LocalCloud) -> None:
    status, health = admin(cloud, "health")
    assert status == 200
    assert health["pid"] == cloud.info.pid
    assert health["home"] == str(cloud.home)
    assert (health["controlPort"], health["dataPort"]) == (cloud.info.control_port, cloud.info.data_port)
    for token in ("", "wrong"):
        status, document = admin(cloud, "health", token=token)
        assert status == 403
        assert "the home's file `token` holds it" in document["error"]


@pytest.mark.parametrize(
    ("path", "document", "status", "words"),
    [
        ("interrupt", {"job": "nowhere"}, 400, "nowhere: Requested resource not found"),
        ("interrupt", {}, 400, "'job'"),
        ("interrupt", [], 400, "not a request of interrupt"),
        ("clock", {"seconds": -1}, 400, "time never goes back"),
        ("clock", {"seconds": float("nan")}, 400, "time never goes back"),
        ("reboot", {}, 404, "no such admin action: POST reboot"),
    ],
)
def test_admin_says_what_is_wrong(
    cloud: LocalCloud, path: str, document: Any, status: int, words: str
) -> None:
    answered, body = admin(cloud, path, document)
    assert answered == status
    assert words in body["error"]


# --- InvokeEndpoint on the control plane's port ----------------------------------------------------------


def test_an_invocation_reaches_the_data_plane_by_either_port(cloud: LocalCloud) -> None:
    for base in (cloud.runtime_url, cloud.url):
        url, body = f"{base}/endpoints/nowhere/invocations", b"\xff\xd8"
        headers = {"Content-Type": "image/jpeg"}
        headers = signed(cloud.boto.get_credentials(), "sagemaker", url, body=body, headers=headers)
        request = urllib.request.Request(url, data=body, headers=headers)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        assert caught.value.code == 400
        message = json.loads(caught.value.read())
        assert message == {"message": "Endpoint nowhere of account 123456789012 not found."} or (
            "Endpoint nowhere of account 123456789012 not found." in message.values()
        )


class Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Echo-Path", self.path)
        self.send_header("Echo-Target-Variant", self.headers["X-Amzn-Sagemaker-Target-Variant"])
        self.send_header("Content-Type", self.headers["Content-Type"])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def test_forwarding_changes_nothing() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        body = bytes(range(256)) * 100
        environ = {
            "wsgi.input": io.BytesIO(body),
            "RAW_URI": "/endpoints/a%20b/invocations",
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "image/jpeg",
            "HTTP_X_AMZN_SAGEMAKER_TARGET_VARIANT": "blue",
            "HTTP_CONNECTION": "close",
        }
        answer = invocations.forward(environ, server.server_port)
        server.shutdown()
    headers = dict(answer.headers)
    assert (answer.status, answer.body) == (201, body)
    assert headers["Echo-Path"] == "/endpoints/a%20b/invocations"
    assert headers["Echo-Target-Variant"] == "blue"
    assert headers["Content-Type"] == "image/jpeg"


class CutShort(Echo):
    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"half")


def test_an_answer_that_is_cut_short_is_said() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), CutShort) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environ = {"wsgi.input": io.BytesIO(b"x"), "RAW_URI": "/endpoints/a/invocations"}
        answer = invocations.forward(environ, server.server_port)
        server.shutdown()
    assert answer.status == 503
    assert b"did not answer: IncompleteRead" in answer.body


def test_a_data_plane_that_is_gone_is_said() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = invocations.forward(
            {"wsgi.input": io.BytesIO(), "RAW_URI": "/endpoints/a/invocations"}, unused.getsockname()[1]
        )
    assert answer.status == 503
    assert b"did not answer" in answer.body


def test_the_data_planes_limit_is_told_by_the_control_plane_too(cloud: LocalCloud) -> None:
    runtime = cloud.client("sagemaker-runtime", endpoint_url=cloud.info.url)
    assert cloud.info.url.endswith(f":{cloud.info.control_port}")
    with pytest.raises(ClientError, match="HTTP content length exceeded 6291456 bytes") as caught:
        runtime.invoke_endpoint(EndpointName="nowhere", Body=bytes(40_000_000))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    with pytest.raises(ClientError, match="Endpoint nowhere of account"):
        runtime.invoke_endpoint(EndpointName="nowhere", Body=bytes(6_291_456))


# --- many at once ----------------------------------------------------------------------------------------


def test_sixteen_clients_at_once(cloud: LocalCloud) -> None:
    """Listings while others write and delete, in S3, logs and IAM: no failure, and none hidden by a retry."""
    setup_s3, setup_logs = cloud.client("s3"), cloud.client("logs")
    setup_s3.create_bucket(Bucket="busy")
    setup_logs.create_log_group(logGroupName="/busy")
    retries: Counter[int] = Counter()
    before = (cloud.home / "cloud.log").stat().st_size
    clients = [(cloud.client("s3"), cloud.client("logs"), cloud.client("iam")) for _ in range(16)]

    def work(number: int) -> None:
        s3, logs, iam = clients[number]
        done = []
        for step in range(4):
            stream = f"{number}-{step}"
            done += [
                s3.put_object(Bucket="busy", Key=f"{number}/{step}", Body=b"x"),
                s3.list_objects_v2(Bucket="busy"),
                logs.create_log_stream(logGroupName="/busy", logStreamName=stream),
                logs.put_log_events(
                    logGroupName="/busy",
                    logStreamName=stream,
                    logEvents=[{"timestamp": int(time.time() * 1000), "message": "m"}],
                ),
                logs.describe_log_streams(logGroupName="/busy"),
                iam.create_role(
                    RoleName=f"busy-{stream}", AssumeRolePolicyDocument='{"Version":"2012-10-17"}'
                ),
                iam.list_roles(),
                s3.delete_object(Bucket="busy", Key=f"{number}/{step - 1}"),
            ]
        retries.update(each["ResponseMetadata"]["RetryAttempts"] for each in done)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    assert retries == {0: 16 * 4 * 8}
    keys = [each["Key"] for each in setup_s3.list_objects_v2(Bucket="busy")["Contents"]]
    assert sorted(keys) == sorted(f"{number}/3" for number in range(16))
    said = (cloud.home / "cloud.log").read_bytes()[before:]
    assert not re.search(rb"RuntimeError|KeyError", said)
