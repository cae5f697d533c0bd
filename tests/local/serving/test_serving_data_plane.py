"""The data plane's process, asked by boto3 over the wire, in front of real containers."""

from __future__ import annotations

import collections
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from serving_fakes import KEY, SCOPE, TinyRuntime, fleet_plan, runtime_client, start_data_plane
from signed_requests import signed

from gluonship.local.contracts import Route, Scope
from gluonship.local.door.keys import Key
from gluonship.local.serving.fleets import ProcessFleet, ProcessFleets
from gluonship.local.serving.limits import PAYLOAD_BYTES
from gluonship.local.serving.router import DataPlane

GROUP = "/aws/sagemaker/Endpoints/pets"


@pytest.fixture
def deploy(fleets: ProcessFleets, data_plane: DataPlane) -> Iterator[Callable[..., ProcessFleet]]:
    """Brings up fleets {variant: (weight, plan's changes)} behind the endpoint `pets`."""

    def deploy(scope: Scope = SCOPE, **variants: tuple[float, dict[str, Any]]) -> ProcessFleet:
        up = [
            Route(name, weight, fleets.provision(fleet_plan(scope=scope, variant_name=name, **changes)))
            for name, (weight, changes) in (variants or {"AllTraffic": (1.0, {})}).items()
        ]
        data_plane.set_routes(scope, "pets", up)
        return up[0].fleet  # type: ignore[return-value]

    yield deploy
    data_plane.set_routes(SCOPE, "pets", [])


def invoke(client: Any, body: bytes = b"x", **members: Any) -> dict[str, Any]:
    answer = client.invoke_endpoint(EndpointName="pets", Body=body, **members)
    return {**answer, "json": json.loads(answer["Body"].read())}


def error_of(client: Any, body: bytes = b"x", **members: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        invoke(client, body, **members)
    return caught.value


def code_and_status(error: ClientError) -> tuple[str, int]:
    return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_request_reaches_the_container_and_its_answer_the_caller(
    deploy: Callable[..., Any], data_plane: DataPlane
) -> None:
    deploy()
    answer = invoke(
        runtime_client(data_plane.port),
        os.urandom(300_000),
        ContentType="image/jpeg",
        Accept="application/json",
        CustomAttributes="trace=7",
        InferenceId="id-1",
    )
    assert answer["json"]["size"] == 300_000
    headers = answer["json"]["headers"]
    assert headers["content-type"] == "image/jpeg"
    assert headers["accept"] == "application/json"
    assert headers["x-amzn-sagemaker-custom-attributes"] == "trace=7"
    assert headers["x-amzn-sagemaker-inference-id"] == "id-1"
    assert "authorization" not in headers
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["CustomAttributes"] == "trace=7"
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36


def test_connections_to_a_container_are_kept_but_not_for_long(
    deploy: Callable[..., Any], data_plane: DataPlane
) -> None:
    deploy()
    client = runtime_client(data_plane.port)
    (kept,) = {invoke(client)["json"]["peer"] for _ in range(5)}
    time.sleep(1.7)  # servers close idle connections after 2 s and more: none is used so late
    assert invoke(client)["json"]["peer"] != kept


def test_an_unknown_endpoint_is_a_validation_error(data_plane: DataPlane) -> None:
    error = error_of(runtime_client(data_plane.port))
    assert code_and_status(error) == ("ValidationError", 400)
    assert error.response["Error"]["Message"] == "Endpoint pets of account 123456789012 not found."


def test_endpoints_of_two_regions_never_meet(deploy: Callable[..., Any], data_plane: DataPlane) -> None:
    deploy()
    error = error_of(runtime_client(data_plane.port, "eu-west-1"))
    assert code_and_status(error) == ("ValidationError", 400)


def test_weights_share_requests_and_a_variant_can_be_named(
    deploy: Callable[..., Any], data_plane: DataPlane
) -> None:
    deploy(blue=(3.0, {"environment": {"TAG": "b"}}), green=(1.0, {"environment": {"TAG": "g"}}))
    client = runtime_client(data_plane.port)
    answers = [invoke(client) for _ in range(40)]
    assert collections.Counter(a["InvokedProductionVariant"] for a in answers) == {"blue": 30, "green": 10}
    assert all(a["json"]["tag"] == a["InvokedProductionVariant"][0] for a in answers)
    assert invoke(client, TargetVariant="green")["json"]["tag"] == "g"
    error = error_of(client, TargetVariant="red")
    assert code_and_status(error) == ("ValidationError", 400)
    assert "Variant red" in error.response["Error"]["Message"]


def test_requests_go_to_the_instance_with_the_fewest(
    deploy: Callable[..., Any], data_plane: DataPlane
) -> None:
    deploy(AllTraffic=(1.0, {"instance_count": 2}))
    client = runtime_client(data_plane.port)
    slow: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: slow.append(invoke(client, b"sleep 1")))
    thread.start()
    time.sleep(0.3)
    quick = {invoke(client)["json"]["pid"] for _ in range(6)}
    thread.join()
    assert len(quick) == 1
    assert slow[0]["json"]["pid"] not in quick


@pytest.mark.parametrize(
    ("status", "side"), [(415, "client"), (400, "client"), (500, "server"), (301, "server")]
)
def test_an_error_of_the_container_is_a_model_error(
    deploy: Callable[..., Any], data_plane: DataPlane, status: int, side: str
) -> None:
    deploy()
    error = error_of(runtime_client(data_plane.port), f"status {status} no such thing".encode())
    assert code_and_status(error) == ("ModelError", 424)
    assert error.response["OriginalStatusCode"] == status
    assert error.response["OriginalMessage"] == "no such thing"
    assert error.response["LogStreamArn"] == f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"
    assert error.response["Error"]["Message"].startswith(
        f'Received {side} error ({status}) from primary with message "no such thing". See https://'
    )


def test_a_container_that_answers_too_late_is_a_model_error(
    deploy: Callable[..., Any], data_plane: DataPlane
) -> None:
    deploy()
    started = time.monotonic()
    error = error_of(runtime_client(data_plane.port), b"sleep 30")
    assert time.monotonic() - started < 4
    assert code_and_status(error) == ("ModelError", 424)
    assert error.response["OriginalStatusCode"] == 0
    assert "timed out while waiting for a response" in error.response["Error"]["Message"]


def test_a_body_over_the_limit_is_refused_and_the_largest_passes(
    deploy: Callable[..., Any], data_plane: DataPlane
) -> None:
    deploy()
    client = runtime_client(data_plane.port)
    assert PAYLOAD_BYTES == 6_291_456  # AWS's
    assert invoke(client, bytes(PAYLOAD_BYTES))["json"]["size"] == PAYLOAD_BYTES
    error = error_of(client, bytes(30 * 2**20))
    assert code_and_status(error) == ("ValidationError", 413)
    assert "HTTP content length exceeded 6291456 bytes" in error.response["Error"]["Message"]


def test_what_single_model_endpoints_cannot_do_is_said(
    deploy: Callable[..., Any], data_plane: DataPlane
) -> None:
    deploy()
    client = runtime_client(data_plane.port)
    for members in (
        {"TargetModel": "a.tar.gz"},
        {"TargetContainerHostname": "second"},
        {"InferenceComponentName": "one"},
        {"EnableExplanations": "`true`"},
        {"SessionId": "NEW_SESSION"},
    ):
        assert code_and_status(error_of(client, **members)) == ("ValidationError", 400)
    with pytest.raises(ClientError, match="is not an asynchronous endpoint"):
        client.invoke_endpoint_async(EndpointName="pets", InputLocation="s3://b/k")
    with pytest.raises(ClientError, match="not supported by the local cloud") as caught:
        client.invoke_endpoint_with_response_stream(EndpointName="pets", Body=b"x")
    assert caught.value.response["Error"]["Code"] == "UnsupportedOperation"


def raw(port: int, path: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", path, b"x", dict(headers))
    return connection.getresponse()


def signed_for(url: str, body: bytes = b"x", key: Key = KEY, **headers: str) -> dict[str, str]:
    credentials = Credentials(key.id, key.secret, key.token)
    return signed(credentials, "sagemaker", url, body=body, headers=headers)


def test_only_local_names_and_signed_requests_are_taken(data_plane: DataPlane) -> None:
    path, port = "/endpoints/pets/invocations", data_plane.port
    own = f"localhost:{port}"
    for host, headers in (
        (f"evil.example.com:{port}", {}),
        (f"127.0.0.1.evil.example.com:{port}", {}),
        ("localhost:1", {}),
        (own, {"Origin": "https://page.example"}),
        (own, {"Origin": "null"}),
        (own, {"Origin": "http://localhost:8888"}),
        (own, {"Sec-Fetch-Site": "same-site"}),
    ):
        refused = raw(port, path, signed_for(f"http://{host}{path}", **headers))
        assert (refused.status, refused.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
    taken = signed_for(f"http://{own}{path}", Origin=f"http://{own}", **{"Sec-Fetch-Site": "same-origin"})
    assert raw(port, path, taken).status == 400  # there is no such endpoint
    assert raw(port, "/elsewhere", signed_for(f"http://{own}/elsewhere")).status == 404


@pytest.mark.parametrize(
    ("key", "change", "code"),
    [
        (None, {}, "MissingAuthenticationTokenException"),
        (Key("AKIANOBODY", KEY.secret, KEY.account_id), {}, "UnrecognizedClientException"),
        (Key(KEY.id, KEY.secret, KEY.account_id, "a token"), {}, "UnrecognizedClientException"),
        (Key(KEY.id, "guessed", KEY.account_id), {}, "InvalidSignatureException"),
        (KEY, {"Authorization": "AWS4-HMAC-SHA256 Credential=x"}, "IncompleteSignatureException"),
        (KEY, {"X-Amzn-SageMaker-Target-Variant": "blue"}, "InvalidSignatureException"),
    ],
)
def test_only_the_owner_of_a_key_is_answered(
    data_plane: DataPlane, key: Key | None, change: dict[str, str], code: str
) -> None:
    url = f"http://127.0.0.1:{data_plane.port}/endpoints/pets/invocations"
    signed_header = {"X-Amzn-SageMaker-Target-Variant": "green"}
    headers = {} if key is None else {**signed_for(url, key=key, **signed_header), **change}
    refused = raw(data_plane.port, "/endpoints/pets/invocations", headers)
    assert (refused.status, refused.headers["x-amzn-ErrorType"]) == (403, code)
    assert json.load(refused)["Message"]
    other_body = raw(data_plane.port, "/endpoints/pets/invocations", signed_for(url, b"y"))
    assert other_body.headers["x-amzn-ErrorType"] == "InvalidSignatureException"


def test_invented_keys_hold_up_nobody(deploy: Callable[..., Any], data_plane: DataPlane) -> None:
    """Each makes the data plane ask the cloud, over a pipe that holds 64 KiB."""
    deploy()
    url = f"http://127.0.0.1:{data_plane.port}/endpoints/pets/invocations"
    waiting = []
    for number in range(300):
        key = Key("A" * 100 + str(number), "x", KEY.account_id)
        connection = http.client.HTTPConnection("127.0.0.1", data_plane.port, timeout=20)
        connection.request("POST", "/endpoints/pets/invocations", b"x", signed_for(url, key=key))
        waiting.append(connection)
    assert invoke(runtime_client(data_plane.port))["json"]["tag"] == "one"
    assert {connection.getresponse().status for connection in waiting} <= {403, 503}
    too_long = raw(
        data_plane.port, "/endpoints/pets/invocations", signed_for(url, key=Key("A" * 500, "x", ""))
    )
    assert too_long.headers["x-amzn-ErrorType"] == "IncompleteSignatureException"


def test_a_client_that_waits_for_continue_gets_it(deploy: Callable[..., Any], data_plane: DataPlane) -> None:
    deploy()
    connection = http.client.HTTPConnection("127.0.0.1", data_plane.port, timeout=5)
    connection.putrequest("POST", "/endpoints/pets/invocations")
    url = f"http://127.0.0.1:{data_plane.port}/endpoints/pets/invocations"
    headers = {**signed_for(url, b"hello"), "Content-Length": "5", "Expect": "100-continue"}
    del headers["Host"]  # http.client writes it
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.sock.recv(1000).startswith(b"HTTP/1.1 100 ")
    connection.send(b"hello")
    assert json.load(connection.getresponse())["size"] == 5


def test_a_dead_instance_answers_5xx_at_once_and_serves_again(
    deploy: Callable[..., Any], data_plane: DataPlane, runtime: TinyRuntime
) -> None:
    deploy()
    client = runtime_client(data_plane.port)
    first = invoke(client)["json"]["pid"]
    started = time.monotonic()
    assert code_and_status(error_of(client, b"die")) == ("ServiceUnavailable", 503)
    outcomes: list[Any] = []
    while not outcomes or isinstance(outcomes[-1], ClientError):
        assert time.monotonic() - started < 10, "it did not come back"
        try:
            outcomes.append(invoke(client)["json"]["pid"])
        except ClientError as error:
            outcomes.append(error)
    *errors, second = outcomes
    assert {code_and_status(error) for error in errors} == {("ServiceUnavailable", 503)}
    assert second != first


def test_while_one_instance_is_down_the_other_answers_all(
    deploy: Callable[..., Any], data_plane: DataPlane, runtime: TinyRuntime
) -> None:
    deploy(AllTraffic=(1.0, {"instance_count": 2}))
    client = runtime_client(data_plane.port)
    victim, survivor = (container.process for container in runtime.containers)
    victim.kill()
    victim.wait()
    pids = {invoke(client)["json"]["pid"] for _ in range(50)}
    assert survivor.pid in pids
    assert victim.pid not in pids


def test_retiring_lets_running_requests_end(
    deploy: Callable[..., Any], data_plane: DataPlane, runtime: TinyRuntime
) -> None:
    old = deploy()
    client = runtime_client(data_plane.port)
    answers: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: answers.append(invoke(client, b"sleep 1.5")))
    thread.start()
    time.sleep(0.4)
    deploy(AllTraffic=(1.0, {"environment": {"TAG": "two"}}))
    assert invoke(client)["json"]["tag"] == "two"
    old.retire(10.0)
    thread.join(1.0)
    assert answers[0]["json"]["tag"] == "one"


def test_the_data_plane_comes_back_on_its_port_with_its_routes(fleets: ProcessFleets, tmp_path: Path) -> None:
    plane = start_data_plane(tmp_path)
    try:
        plane.set_routes(SCOPE, "pets", [Route("AllTraffic", 1.0, fleets.provision(fleet_plan()))])
        port, pid = plane.port, plane.pid
        os.kill(pid, signal.SIGKILL)
        client = runtime_client(port)
        end = time.monotonic() + 15
        while time.monotonic() < end:
            try:
                tag = invoke(client)["json"]["tag"]
                break
            except Exception:  # noqa: BLE001 - whatever boto3 makes of a port where nobody listens
                time.sleep(0.1)
        assert (tag, plane.port) == ("one", port)
        assert plane.pid != pid
        plane.set_routes(SCOPE, "pets", [])
        assert code_and_status(error_of(client))[0] == "ValidationError"
    finally:
        plane.close()
    assert not psutil.pid_exists(plane.pid)


def test_the_process_ends_with_the_cloud_that_started_it(tmp_path: Path) -> None:
    starter = (
        "import sys, time; from pathlib import Path\n"
        "from gluonship.local.serving.router import DataPlane\n"
        "plane = DataPlane.start(Path(sys.argv[1]), home_key_id='', find_key={}.get)\n"
        "print(plane.pid, flush=True); time.sleep(60)"
    )
    cloud = subprocess.Popen(
        [sys.executable, "-c", starter, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert cloud.stdout is not None
    plane = psutil.Process(int(cloud.stdout.readline()))
    cloud.kill()
    cloud.wait()
    plane.wait(timeout=10)
