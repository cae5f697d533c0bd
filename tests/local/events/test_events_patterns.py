"""Event patterns against AWS's documented examples, without a cloud."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gluonship.local.events.patterns import InvalidPattern, parse

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "3e3c153a-8339-4e30-8c35-687ebef853fe",
    "detail-type": "EC2 Instance Launch Successful",
    "source": "aws.autoscaling",
    "account": "123456789012",
    "time": "2015-11-11T21:31:47Z",
    "region": "us-east-1",
    "resources": ["arn:aws:s3:::pictures", "arn:aws:s3:::labels"],
    "detail": {
        "eventVersion": "",
        "responseElements": None,
        "state": "Initializing",
        "c-count": 5,
        "d-count": 9.5,
        "x-limit": 301.8,
        "yes": True,
        "FileName": "dir/cat.PNG",
        "EventBusArn": "arn:aws:events:us-east-1:123456789012:event-bus/myEventBus",
        "source-ip": "10.0.0.123",
        "tags": ["red", "blue"],
        "numbers": [1, 20],
        "nested": {"deep": {"leaf": "here"}},
        "empty": [],
        "items": [{"kind": "a", "size": 1}, {"kind": "b", "size": 9}],
        "starred": "a*b",
    },
}


def matches(detail: Any) -> bool:
    return parse(json.dumps({"detail": detail}))(EVENT)


MATCHING = [
    {"state": ["Terminated", "Initializing"]},
    {"eventVersion": [""], "responseElements": [None]},
    {"yes": [True], "c-count": [5], "d-count": [9.5]},
    {"c-count": [5.0]},
    {"state": [{"prefix": "Init"}]},
    {"state": [{"prefix": {"equals-ignore-case": "INIT"}}]},
    {"FileName": [{"suffix": ".PNG"}]},
    {"FileName": [{"suffix": {"equals-ignore-case": ".png"}}]},
    {"state": [{"equals-ignore-case": "INITIALIZING"}]},
    {"state": [{"anything-but": "Terminated"}]},
    {"state": [{"anything-but": ["Terminated", "Stopped"]}]},
    {"x-limit": [{"anything-but": [100, 200, 300]}]},
    {"state": [{"anything-but": {"prefix": "Term"}}]},
    {"state": [{"anything-but": {"prefix": ["Term", "Stop"]}}]},
    {"FileName": [{"anything-but": {"suffix": ".txt"}}]},
    {"state": [{"anything-but": {"equals-ignore-case": ["terminated", "stopped"]}}]},
    {"FileName": [{"anything-but": {"wildcard": "*/lib/*"}}]},
    {"c-count": [{"numeric": [">", 0, "<=", 5]}], "d-count": [{"numeric": ["<", 10]}]},
    {"x-limit": [{"numeric": ["=", 301.8]}]},
    {"numbers": [{"numeric": [">", 10]}]},
    {"state": [{"exists": True}], "nothing": [{"exists": False}]},
    {"nested": {"none": {"leaf": [{"exists": False}]}}},
    {"empty": [{"exists": False}]},
    {"source-ip": [{"cidr": "10.0.0.0/24"}]},
    {"EventBusArn": [{"wildcard": "arn:aws:events:us-east-1:*:event-bus/*"}]},
    {"starred": [{"wildcard": "a\\*b"}]},
    {"FileName": [{"wildcard": "*"}]},
    {"FileName": [{"wildcard": "d*r*c*t.PNG"}]},
    {"tags": ["blue"]},
    {"tags": [{"anything-but": "red"}]},  # one of them is not
    {"nested": {"deep": {"leaf": ["here"]}}},
    {"items": {"kind": ["b"], "size": [9]}},
    {"$or": [{"state": ["Terminated"]}, {"c-count": [{"numeric": [">", 1]}]}]},
    {"yes": [True], "$or": [{"state": ["x"]}, {"$or": [{"tags": ["red"]}, {"tags": ["green"]}]}]},
]

NOT_MATCHING = [
    {"state": ["initializing"]},
    {"yes": [1]},
    {"yes": ["true"]},
    {"c-count": ["5"]},
    {"c-count": [True]},
    {"state": [{"prefix": "init"}]},
    {"FileName": [{"suffix": ".png"}]},
    {"state": [{"anything-but": ["Initializing"]}]},
    {"state": [{"anything-but": {"prefix": "Init"}}]},
    {"nothing": [{"anything-but": "x"}]},  # what is absent is not anything
    {"c-count": [{"numeric": [">", 5]}]},
    {"state": [{"numeric": [">", 0]}]},
    {"nested": [{"exists": True}]},  # only of leaves
    {"nothing": [{"exists": True}]},
    {"state": [{"exists": False}]},
    {"source-ip": [{"cidr": "10.0.1.0/24"}]},
    {"state": [{"cidr": "10.0.1.0/24"}]},
    {"starred": [{"wildcard": "a\\*c"}]},
    {"state": [{"wildcard": "Init"}]},
    {"FileName": [{"wildcard": "dir/cat*cat.PNG"}]},
    {"FileName": [{"wildcard": "*t*a*"}]},
    {"items": {"kind": ["a"], "size": [9]}},  # of two objects of the array
    {"nested": {"deep": ["here"]}},
    {"$or": [{"state": ["Terminated"]}, {"c-count": [6]}]},
]

INVALID = [
    ({"state": "Initializing"}, "must be an object or an array"),
    ({"state": []}, "Empty arrays"),
    ({"state": {}}, "Empty objects"),
    ({"state": [{"starts": "x"}]}, "Unrecognized match type starts"),
    ({"state": [{"prefix": "a", "suffix": "b"}]}, "Only one key"),
    ({"state": [["nested"]]}, "Arrays in arrays"),
    ({"state": [{"prefix": 5}]}, "prefix match pattern"),
    ({"state": [{"exists": "yes"}]}, "exists"),
    ({"state": [{"numeric": [">"]}]}, "numeric"),
    ({"state": [{"numeric": ["!", 1]}]}, "operator: !"),
    ({"state": [{"numeric": [">", 6e9]}]}, "5.0E9"),
    ({"state": [{"numeric": [">", 5, "<", 3]}]}, "Bottom"),
    ({"state": [{"anything-but": []}]}, "Empty arrays"),
    ({"state": [{"anything-but": [None]}]}, "anything but"),
    ({"state": [{"anything-but": {"numeric": [">", 1]}}]}, "anything-but"),
    ({"state": [{"cidr": "10.0.0/99"}]}, "CIDR"),
    ({"state": [{"wildcard": "a**b"}]}, "Consecutive wildcard"),
    ({"state": [{"wildcard": "a\\b"}]}, "escape"),
]


@pytest.mark.parametrize("detail", MATCHING, ids=json.dumps)
def test_a_pattern_finds_the_event(detail: Any) -> None:
    assert matches(detail)


@pytest.mark.parametrize("detail", NOT_MATCHING, ids=json.dumps)
def test_a_pattern_passes_the_event_over(detail: Any) -> None:
    assert not matches(detail)


@pytest.mark.parametrize(("detail", "reason"), INVALID, ids=[json.dumps(each) for each, _ in INVALID])
def test_what_is_no_pattern_is_refused_with_its_reason(detail: Any, reason: str) -> None:
    with pytest.raises(InvalidPattern, match=reason.replace("(", r"\(")):
        parse(json.dumps({"detail": detail}))


def test_members_beside_the_detail_count_too() -> None:
    pattern = {"source": ["aws.autoscaling"], "resources": [{"suffix": ":labels"}], "region": ["us-east-1"]}
    assert parse(json.dumps(pattern))(EVENT)
    assert not parse(json.dumps({**pattern, "account": ["1"]}))(EVENT)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"source"'])
def test_a_pattern_is_an_object(text: str) -> None:
    with pytest.raises(InvalidPattern):
        parse(text)


def test_many_stars_take_no_longer_than_few() -> None:
    pattern = parse(json.dumps({"detail": {"a": [{"wildcard": "*a" * 40 + "*b"}]}}))
    assert not pattern({"detail": {"a": "a" * 20_000}})
    assert pattern({"detail": {"a": "a" * 20_000 + "b"}})


def test_a_pattern_without_end_is_refused() -> None:
    with pytest.raises(InvalidPattern):
        parse('{"a":' * 100_000)
    with pytest.raises(InvalidPattern):
        parse('{"a":' * 101 + '["x"]' + "}" * 101)
