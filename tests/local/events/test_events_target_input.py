"""What a target is given, against AWS's documented examples, without a cloud."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gluonship.local.events.target_input import problem, text_for, value_at

ARN = "arn:aws:events:us-east-1:123456789012:rule/watch"
NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
EVENT: dict[str, Any] = {
    "version": "0",
    "id": "1",
    "detail-type": "State Change",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2015-11-11T21:29:54Z",
    "region": "us-east-1",
    "resources": ["arn:a", "arn:b"],
    "detail": {"instance-id": 'i-"1"', "state": "running", "n": 3, "on": True, "list": [{"k": 1}, {"k": 2}]},
}


def given(**target: Any) -> str:
    return text_for({"Id": "1", **target}, EVENT, ARN, NOW)


def transformed(template: str, **paths: str) -> str:
    return given(InputTransformer={"InputPathsMap": paths, "InputTemplate": template})


def test_without_more_the_event_itself() -> None:
    assert json.loads(given()) == EVENT


def test_input_is_a_constant_and_input_path_a_part() -> None:
    assert given(Input='{"a": 1}') == '{"a": 1}'
    assert json.loads(given(InputPath="$.detail")) == EVENT["detail"]
    assert given(InputPath="$.detail.state") == '"running"'
    assert given(InputPath="$.resources[1]") == '"arn:b"'


def test_variables_are_json_outside_and_text_inside_quotes() -> None:
    text = transformed(
        '{"instance": <instance>, "n": <n>, "on": <on>, "all": <detail>,'
        ' "says": "<instance> is <state>: <n>"}',
        instance="$.detail.instance-id",
        state="$.detail.state",
        n="$.detail.n",
        on="$.detail.on",
        detail="$.detail",
    )
    assert json.loads(text) == {
        "instance": 'i-"1"',
        "n": 3,
        "on": True,
        "all": EVENT["detail"],
        "says": 'i-"1" is running: 3',
    }


def test_a_text_keeps_its_quotes() -> None:
    assert transformed('"It is <state>"', state="$.detail.state") == '"It is running"'


def test_predefined_variables() -> None:
    text = transformed(
        '{"arn": "<aws.events.rule-arn>", "rule": "<aws.events.rule-name>", "event": <aws.events.event.json>,'
        ' "bare": <aws.events.event>, "at": "<aws.events.event.ingestion-time>"}'
    )
    bare = {name: value for name, value in EVENT.items() if name != "detail"}
    assert json.loads(text) == {
        "arn": ARN,
        "rule": "watch",
        "event": EVENT,
        "bare": bare,
        "at": "2026-11-22T15:30:00Z",
    }


def test_a_path_to_nothing_gives_an_empty_text() -> None:
    assert json.loads(transformed('{"a": <a>, "b": "x<a>y"}', a="$.detail.none.at.all")) == {
        "a": "",
        "b": "xy",
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", EVENT),
        ("$.detail['instance-id']", 'i-"1"'),
        ('$["detail"].n', 3),
        ("$.detail.list[*].k", [1, 2]),
        ("$.detail.list[7]", None),
        ("$.detail.state.deeper", None),
    ],
)
def test_json_paths(path: str, expected: Any) -> None:
    assert value_at(EVENT, path) == expected


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"Input": "{}", "InputPath": "$"}, "Only one of Input"),
        ({"Input": "{nope"}, "Input for target 1 is not valid"),
        ({"InputPath": "detail"}, "Invalid JSON path detail"),
        ({"InputPath": "$.a..b"}, "Invalid JSON path"),
        ({"InputTransformer": {"InputPathsMap": {}}}, "InputTemplate must be provided"),
        ({"InputTransformer": {"InputPathsMap": {"a": "b"}, "InputTemplate": "<a>"}}, "Invalid JSON path b"),
        ({"InputTransformer": {"InputPathsMap": {"a b": "$.a"}, "InputTemplate": "x"}}, "not a name"),
        ({"InputTransformer": {"InputTemplate": '{"a": <b>'}}, "Invalid InputTemplate"),
    ],
)
def test_input_that_cannot_work_is_found(target: dict[str, Any], words: str) -> None:
    found = problem({"Id": "1", **target})
    assert found is not None
    assert words in found


@pytest.mark.parametrize(
    "target",
    [
        {},
        {"Input": "[1]"},
        {"InputPath": "$.detail.instance-id"},
        {"InputTransformer": {"InputPathsMap": {"a": "$.x"}, "InputTemplate": '{"a": <a>, "b": "<a>"}'}},
        {"InputTransformer": {"InputPathsMap": {"a": "$.x"}, "InputTemplate": '"<a>"\n"<a>"'}},
    ],
)
def test_input_that_works_is_taken(target: dict[str, Any]) -> None:
    assert problem({"Id": "1", **target}) is None
