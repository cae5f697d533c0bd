"""The rules of a Choice state in JSONPath.

AWS: "Choice workflow state", the operators of data tests.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gluonship.local.stepfunctions.failures import RUNTIME, StatesError
from gluonship.local.stepfunctions.json_text import parsed_timestamp
from gluonship.local.stepfunctions.payload_templates import Sources, lookup

_ABSENT = object()
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_timestamp(value: Any) -> bool:
    return _time(value) is not None


def _time(value: Any) -> datetime | None:
    try:
        return parsed_timestamp(value) if isinstance(value, str) else None
    except ValueError:
        return None


_KINDS: dict[str, tuple[Callable[[Any], bool], Callable[[Any], Any]]] = {
    "String": (_is_text, lambda value: value),
    "Numeric": (_is_number, lambda value: value),
    "Timestamp": (_is_timestamp, _time),
}
_TESTS: dict[str, Callable[[Any], bool]] = {
    "IsNull": lambda value: value is None,
    "IsString": _is_text,
    "IsNumeric": _is_number,
    "IsBoolean": _is_boolean,
    "IsTimestamp": _is_timestamp,
}


def _ordered(kind: str, order: str) -> Callable[[Any, Any], bool]:
    fits, read = _KINDS[kind]
    compare = _ORDERS[order]
    return lambda one, other: fits(one) and fits(other) and compare(read(one), read(other))


def _glob(value: Any, pattern: str) -> bool:
    """StringMatches: * is any text, \\* a star. The time it takes grows with the text, not with the stars; a
    regular expression's would, and it would halt every thread meanwhile."""
    if not isinstance(value, str):
        return False
    first, *middle = _pieces(pattern)
    if not middle:
        return value == first
    last = middle.pop()
    at, end = len(first), len(value) - len(last)
    if not (value.startswith(first) and value.endswith(last) and at <= end):
        return False
    for piece in middle:  # each as early as may be, which leaves the most for those after it
        at = value.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def _pieces(pattern: str) -> list[str]:
    """What stands between the stars."""
    pieces = [""]
    for part in re.findall(r"\\.|.", pattern, re.DOTALL):
        if part == "*":
            pieces.append("")
        else:
            pieces[-1] += part[-1]
    return pieces


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    **{f"{kind}{order}": _ordered(kind, order) for kind in _KINDS for order in _ORDERS},
    "BooleanEquals": lambda one, other: _is_boolean(one) and _is_boolean(other) and one is other,
    "StringMatches": _glob,
}
"""By name; with Path at the end (not StringMatches), the other value comes from a path."""
TESTS = (*_TESTS, "IsPresent")
COMBINATIONS = ("And", "Or", "Not")


def comparison_of(rule: Mapping[str, Any]) -> list[str]:
    """The operators that a rule has; a right one has exactly one."""
    return [name for name in rule if name in TESTS or name in COMBINATIONS or _compared(name) in COMPARISONS]


def rule_holds(rule: Mapping[str, Any], sources: Sources) -> bool:
    """Whether a rule applies. Raises StatesError States.Runtime for a Variable that is not there."""
    if "And" in rule:
        return all(rule_holds(inner, sources) for inner in rule["And"])
    if "Or" in rule:
        return any(rule_holds(inner, sources) for inner in rule["Or"])
    if "Not" in rule:
        return not rule_holds(rule["Not"], sources)
    name = comparison_of(rule)[0]
    expected = rule[name]
    if name == "IsPresent":
        return (_found(rule["Variable"], sources) is not _ABSENT) is expected
    try:
        value = lookup(rule["Variable"], sources, "Variable")
    except StatesError:
        raise StatesError(
            RUNTIME,
            f"Invalid path '{rule['Variable']}': "
            "The choice state's condition path references an invalid value.",
        ) from None
    if name in _TESTS:
        return _TESTS[name](value) is expected
    if name not in COMPARISONS:
        expected = lookup(expected, sources, name)
    return COMPARISONS[_compared(name)](value, expected)


def _compared(name: str) -> str:
    return name.removesuffix("Path") if name != "StringMatchesPath" else name


def _found(path: str, sources: Sources) -> Any:
    try:
        return lookup(path, sources, "Variable")
    except StatesError:
        return _ABSENT
