"""JSONPath and the intrinsic functions, as values to values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonship.local.stepfunctions import json_paths
from gluonship.local.stepfunctions.failures import StatesError, matches
from gluonship.local.stepfunctions.intrinsic_functions import FUNCTIONS
from gluonship.local.stepfunctions.json_path_filters import PathSyntaxError
from gluonship.local.stepfunctions.payload_templates import Sources, lookup, path_mistake
from gluonship.local.stepfunctions.retries import delay_seconds
from gluonship.local.stepfunctions.sdk_names import pascal

DATA = {
    "a": {"b c": [10, 20, 30, 40], "d.e": "dotted"},
    "items": [{"n": 1, "k": "x"}, {"n": 2, "k": "y"}, {"n": 3}],
    "null": None,
}
SOURCES = Sources(DATA, {"Execution": {"Name": "run"}}, {"v": {"w": [5]}})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", DATA),
        ("$.a['b c'][1]", 20),
        ("$.a['b c'][-1]", 40),
        ("$.a['b c'][0,2]", [10, 30]),
        ("$.a['b c'][1:3]", [20, 30]),
        ("$.a['b c'][::2]", [10, 30]),
        ("$.a['b c'].length()", 4),
        ("$['a']['d.e']", "dotted"),
        ("$.items[*].n", [1, 2, 3]),
        ("$..n", [1, 2, 3]),
        ("$.items[?(@.n > 1)].n", [2, 3]),
        ("$.items[?(@.n >= 1 && @.k == 'x')].n", [1]),
        ("$.items[?(@.k)].k", ["x", "y"]),
        ("$.items[?(!@.k || @.n == 1)].n", [1, 3]),
        ("$.items[?(@.nope == 1)]", []),
        ("$.null", None),
        ("$$.Execution.Name", "run"),
        ("$v.w[0]", 5),
    ],
)
def test_a_path_finds(path: str, expected: Any) -> None:
    assert lookup(path, SOURCES, "field") == expected


@pytest.mark.parametrize("path", ["$.nope", "$.a['b c'][9]", "$.items.n", "$nobody.x", "$$.State.Name"])
def test_a_path_of_one_place_that_is_not_there_is_an_error(path: str) -> None:
    with pytest.raises(StatesError) as caught:
        lookup(path, SOURCES, "x.$")
    assert caught.value.error == "States.Runtime"
    assert "x.$" in str(caught.value.cause)


@pytest.mark.parametrize(
    "path", ["", "a", "$.", "$.a[", "$.a[x]", "$.a['b", "$.items[?(@.n >)]", "States.Nope()", "States.UUID("]
)
def test_a_wrong_path_is_said_with_the_place(path: str) -> None:
    assert "expected" in path_mistake(path)


NAMES = st.text("abc", min_size=1, max_size=2)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, JSON, max_size=4), st.lists(NAMES, min_size=1, max_size=3), JSON)
def test_what_is_put_is_found_and_nothing_else_changes(data: Any, names: list[str], value: Any) -> None:
    path = json_paths.parse("$" + "".join(f"['{name}']" for name in names))
    before = repr(data)
    try:
        made = json_paths.put(path, data, value)
    except json_paths.PathMissingError:
        return  # something that is no object is in the way
    assert json_paths.find(path, made) == value
    assert repr(data) == before
    assert {key: part for key, part in made.items() if key != names[0]} == {
        key: part for key, part in data.items() if key != names[0]
    }


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            "States.Format('{} of {}: \\{\\}', $.items[0].n, $.a)",
            '1 of {"b c":[10,20,30,40],"d.e":"dotted"}: {}',
        ),
        ("States.Format('it\\'s {}', $$.Execution.Name)", "it's run"),
        ("States.JsonToString($.items[2])", '{"n":3}'),
        ("States.StringToJson('{\"a\": [1]}')", {"a": [1]}),
        ("States.Array(1, 'two', $v.w, true, null)", [1, "two", [5], True, None]),
        ("States.ArrayPartition($.a['b c'], 3)", [[10, 20, 30], [40]]),
        ("States.ArrayContains($.a['b c'], 30)", True),
        ("States.ArrayRange(1, 9, 4)", [1, 5, 9]),
        ("States.ArrayRange(3, 1, -1)", [3, 2, 1]),
        ("States.ArrayGetItem($.a['b c'], States.MathAdd(1, 1))", 30),
        ("States.ArrayLength($.items)", 3),
        ("States.ArrayUnique(States.Array(2, 1, 2, '2'))", [2, 1, "2"]),
        ("States.Base64Encode('über')", "w7xiZXI="),
        ("States.Base64Decode('w7xiZXI=')", "über"),
        ("States.Hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
        ("States.JsonMerge($.items[0], $.items[1], false)", {"n": 2, "k": "y"}),
        ("States.StringSplit('a-b_c', '-_')", ["a", "b", "c"]),
        ("States.MathRandom(3, 4)", 3),
    ],
)
def test_an_intrinsic_function(call: str, expected: Any) -> None:
    assert lookup(call, SOURCES, "field") == expected


@pytest.mark.parametrize(
    "call",
    [
        "States.Format('{} {}', 1)",
        "States.StringToJson('{')",
        "States.ArrayGetItem($.items, 3)",
        "States.ArrayRange(1, 5000, 1)",
        "States.Hash('a', 'SHA-3')",
        "States.JsonMerge($.a, $.a, true)",
        "States.MathAdd('1', 2)",
        "States.ArrayLength('abc')",
        "States.UUID(1)",
    ],
)
def test_an_intrinsic_function_that_cannot_is_an_error_by_name(call: str) -> None:
    with pytest.raises(StatesError) as caught:
        lookup(call, SOURCES, "field")
    assert caught.value.error == "States.IntrinsicFailure"
    assert str(caught.value.cause).startswith(call.partition("(")[0])


def test_the_functions_are_awss() -> None:
    assert len(FUNCTIONS) == 18


@pytest.mark.parametrize(
    ("names", "error", "caught"),
    [
        (["States.ALL"], StatesError("Any"), True),
        (["States.ALL"], StatesError("States.Runtime"), False),
        (["States.Runtime"], StatesError("States.Runtime"), True),
        (["States.TaskFailed"], StatesError("SageMaker.SageMakerException"), True),
        (["States.TaskFailed"], StatesError("States.Timeout"), False),
        (["States.HeartbeatTimeout"], StatesError("States.Timeout", also="States.HeartbeatTimeout"), True),
        (["Other"], StatesError(None), False),
    ],
)
def test_which_errors_a_rule_names(names: list[str], error: StatesError, caught: bool) -> None:
    assert matches(names, error) is caught


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 100), st.floats(1, 5), st.integers(0, 8), st.integers(1, 1000))
def test_a_jittered_delay_is_never_longer_than_the_plain_one(
    interval: int, rate: float, attempt: int, most: int
) -> None:
    plain = {"IntervalSeconds": interval, "BackoffRate": rate, "MaxDelaySeconds": most}
    assert delay_seconds(plain, attempt) == pytest.approx(min(interval * rate**attempt, most))
    assert 0 <= delay_seconds({**plain, "JitterStrategy": "FULL"}, attempt) <= delay_seconds(plain, attempt)


@pytest.mark.parametrize(
    ("member", "shown"),
    [
        ("executionArn", "ExecutionArn"),
        ("ETag", "ETag"),
        ("SSEKMSKeyId", "SsekmsKeyId"),
        ("MD5OfMessageBody", "Md5OfMessageBody"),
        ("TrainingJobName", "TrainingJobName"),
        ("VolumeSizeInGB", "VolumeSizeInGB"),
        ("DBInstanceIdentifier", "DbInstanceIdentifier"),
        ("AutoMLJobName", "AutoMLJobName"),
    ],
)
def test_names_of_members_in_states(member: str, shown: str) -> None:
    assert pascal(member) == shown


def test_a_path_says_where_it_is_wrong() -> None:
    with pytest.raises(PathSyntaxError, match="at character 5"):
        json_paths.parse("$.a[x]")
