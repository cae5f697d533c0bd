"""The filters of event patterns: prefix, suffix, anything-but, numeric, exists, equals-ignore-case, cidr and
wildcard.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable, Sequence
from typing import Any, Final

from gluonship.local.events.wildcards import wildcard


class InvalidPattern(Exception):
    """The pattern is not one; the message is AWS's reason."""


class _Absent:
    def __repr__(self) -> str:
        return "Absent"


Absent: Final = _Absent()
"""What a filter is asked about where the event has no such member."""

Filter = Callable[[Any], bool]
"""Whether one scalar of an event, or Absent, passes."""

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
_NUMERIC_LIMIT = 5e9


def equal_to(expected: Any) -> Filter:
    """The very same scalar: true is not 1, and "1" is not 1."""
    return lambda value: value is not Absent and _same(value, expected)


def _same(value: Any, expected: Any) -> bool:
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    if _is_number(value) and _is_number(expected):
        return bool(value == expected)
    return type(value) is type(expected) and bool(value == expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _exists(argument: Any) -> Filter:
    if not isinstance(argument, bool):
        raise InvalidPattern("exists match pattern must be either true or false.")
    return lambda value: (value is not Absent) == argument


def _text(name: str, test: Callable[[str, str], bool]) -> Callable[[Any], Filter]:
    """A filter by a text, or (prefix and suffix) by a text whatever its case."""

    def build(argument: Any) -> Filter:
        if isinstance(argument, dict) and name in ("prefix", "suffix"):
            if set(argument) != {"equals-ignore-case"} or not isinstance(argument["equals-ignore-case"], str):
                raise InvalidPattern(f"{name} match pattern takes a string or equals-ignore-case")
            folded = argument["equals-ignore-case"].lower()
            return lambda value: isinstance(value, str) and test(value.lower(), folded)
        if not isinstance(argument, str):
            raise InvalidPattern(f"{name} match pattern must be a string")
        return lambda value: isinstance(value, str) and test(value, argument)

    return build


def _numeric(argument: Any) -> Filter:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise InvalidPattern(
            "Value of numeric must be an array of one or two operators, each with its number"
        )
    bounds = []
    for symbol, limit in zip(argument[::2], argument[1::2], strict=True):
        if symbol not in _COMPARISONS:
            raise InvalidPattern(f"Unrecognized numeric range operator: {symbol}")
        if not _is_number(limit):
            raise InvalidPattern("Value of numeric match must be a number")
        if abs(limit) > _NUMERIC_LIMIT:
            raise InvalidPattern("Value must be between -5.0E9 and 5.0E9, inclusive")
        bounds.append((_COMPARISONS[symbol], limit))
    if len(bounds) == 2 and (argument[0] not in (">", ">=") or argument[2] not in ("<", "<=")):
        raise InvalidPattern("Bad numeric range operator: a range goes from > or >= to < or <=")
    if len(bounds) == 2 and argument[1] >= argument[3]:
        raise InvalidPattern("Bottom must be less than top")
    return lambda value: _is_number(value) and all(compare(value, limit) for compare, limit in bounds)


def _cidr(argument: Any) -> Filter:
    try:
        network = ipaddress.ip_network(argument, strict=False)
    except (ValueError, TypeError) as error:
        raise InvalidPattern(f"Malformed CIDR: {argument}") from error

    def inside(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return inside


def _wildcard(argument: Any) -> Filter:
    if not isinstance(argument, str):
        raise InvalidPattern("wildcard match pattern must be a string")
    try:
        matches = wildcard(argument)
    except ValueError as error:
        raise InvalidPattern(str(error)) from error
    return lambda value: isinstance(value, str) and matches(value)


_BY_TEXT: dict[str, Callable[[Any], Filter]] = {
    "prefix": _text("prefix", str.startswith),
    "suffix": _text("suffix", str.endswith),
    "equals-ignore-case": _text("equals-ignore-case", lambda value, other: value.lower() == other.lower()),
    "wildcard": _wildcard,
}


def _anything_but(argument: Any) -> Filter:
    """Anything but one scalar, some, or what passes one of the filters by a text; never what is absent."""
    if isinstance(argument, dict):
        if len(argument) != 1 or next(iter(argument)) not in _BY_TEXT:
            raise InvalidPattern(
                "Unsupported anything-but pattern: prefix, suffix, equals-ignore-case, wildcard"
            )
        name, texts = next(iter(argument.items()))
        excluded = [_BY_TEXT[name](text) for text in _some(texts)]
    else:
        values = _some(argument)
        if any(isinstance(each, dict | list | bool) or each is None for each in values):
            raise InvalidPattern("Inside anything but list, start|null|boolean is not supported.")
        excluded = [equal_to(each) for each in values]
    return lambda value: value is not Absent and not any(each(value) for each in excluded)


def _some(argument: Any) -> Sequence[Any]:
    values = argument if isinstance(argument, list) else [argument]
    if not values:
        raise InvalidPattern("Empty arrays are not allowed")
    return values


FILTERS: dict[str, Callable[[Any], Filter]] = {
    **_BY_TEXT,
    "anything-but": _anything_but,
    "cidr": _cidr,
    "exists": _exists,
    "numeric": _numeric,
}
