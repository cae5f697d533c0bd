"""Clients without a socket answer what clients over HTTP do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gluonship.local import deviations
from gluonship.local.contracts import AwsError, Handler, Scope
from gluonship.local.control.admin import Admin
from gluonship.local.control.app import ControlPlane
from gluonship.local.control.in_process import InProcessClients
from gluonship.local.control.moto_gateway import MotoGateway
from gluonship.local.control.registry import Registry

HERE = Scope("123456789012", "us-east-1")
THERE = Scope("210987654321", "eu-west-1")


def describe_stacks(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    name = request.get("StackName", "")
    if name == "absent":
        raise AwsError("ValidationError", "Stack with id absent does not exist")
    return {"Stacks": [], "NextToken": f"{scope.account_id}/{scope.region}/{name}"}


@pytest.fixture(scope="module")
def clients() -> Iterator[InProcessClients]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens: an answer cannot have come over the network
        made = InProcessClients(unused.getsockname()[1])
        deviations.apply()
        handlers: dict[str, Handler] = {"DescribeStacks": describe_stacks}
        admin = Admin(
            token="none",
            health=dict,
            contents=dict,
            reset=_never,
            shutdown=_never,
            interrupt=_never,
            advance=_never,
        )
        plane = ControlPlane(
            [Registry("cloudformation", handlers, whole=True)],
            MotoGateway(),
            admin,
            lambda: 0,
        )
        made.attach(plane)
        yield made


def _never(*_: Any, **__: Any) -> Any:
    raise AssertionError("nobody asks the admin interface here")


def test_objects_travel_whole_with_odd_keys_and_empty_bodies(clients: InProcessClients) -> None:
    s3 = clients(HERE, "s3")
    s3.create_bucket(Bucket="in-process")
    body = bytes(range(256)) * 1000
    for key, data in {"plain": body, "a b/ü+%20&?.bin": b"x", "empty": b""}.items():
        s3.put_object(Bucket="in-process", Key=key, Body=data)
        assert s3.get_object(Bucket="in-process", Key=key)["Body"].read() == data
    listed = s3.list_objects_v2(Bucket="in-process")["Contents"]
    assert [each["Key"] for each in listed] == sorted(["plain", "a b/ü+%20&?.bin", "empty"])


def test_errors_are_botocores(clients: InProcessClients) -> None:
    with pytest.raises(ClientError) as caught:
        clients(HERE, "iam").get_role(RoleName="nobody")
    assert caught.value.response["Error"]["Code"] == "NoSuchEntity"
    with pytest.raises(ClientError) as caught:
        clients(HERE, "cloudformation").describe_stacks(StackName="absent")
    assert caught.value.response["Error"] == {
        "Type": "Sender",
        "Code": "ValidationError",
        "Message": "Stack with id absent does not exist",
    }


def test_scopes_do_not_meet(clients: InProcessClients) -> None:
    clients(THERE, "sns").create_topic(Name="theirs")
    topics = clients(THERE, "sns").list_topics()["Topics"]
    assert topics == [{"TopicArn": "arn:aws:sns:eu-west-1:210987654321:theirs"}]
    assert clients(HERE, "sns").list_topics()["Topics"] == []
    token = clients(THERE, "cloudformation").describe_stacks(StackName="mine")["NextToken"]
    assert token == "210987654321/eu-west-1/mine"


def test_what_a_whole_service_lacks_is_refused_in_words(clients: InProcessClients) -> None:
    with pytest.raises(ClientError) as caught:
        clients(HERE, "cloudformation").list_stack_sets()
    error = caught.value.response["Error"]
    assert error["Code"] == "UnsupportedOperation"
    assert "ListStackSets of cloudformation is not available" in error["Message"]


def test_a_form_that_the_model_forbids_is_cloudformations_validation_error(clients: InProcessClients) -> None:
    with pytest.raises(ClientError) as caught:
        clients(HERE, "cloudformation").create_stack(StackName="wrong", OnFailure="PERHAPS")
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationError"
    assert "Value 'PERHAPS' at 'onFailure' failed to satisfy constraint" in error["Message"]
