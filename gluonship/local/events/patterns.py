"""Event patterns: which events a rule is about.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html and, for its finer points,
EventBridge's own matcher (https://github.com/aws/event-ruler): an array in an event matches when one of its
elements does, and the members of one object in an array must match together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from gluonship.local.events.pattern_filters import FILTERS, Absent, Filter, InvalidPattern, equal_to

__all__ = ["InvalidPattern", "Pattern", "parse"]

Pattern = Callable[[Mapping[str, Any]], bool]
"""Whether an event matches."""

_Node = Callable[[Any], bool]
_DEEPEST = 100  # objects in objects: of no event's detail, and followed on any thread


def parse(text: str) -> Pattern:
    """The pattern in `text`. Raises InvalidPattern, its message being AWS's reason."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidPattern("Filter is not valid JSON") from error
    if not isinstance(document, dict):
        raise InvalidPattern("Filter is not an object")
    return _object(document, 0)


def _object(document: dict[str, Any], depth: int) -> _Node:
    if not document:
        raise InvalidPattern("Empty objects are not allowed")
    if depth >= _DEEPEST:
        raise InvalidPattern("Filter is nested too deeply")
    parts = [
        _alternatives(value, depth)
        if name == "$or" and _is_alternatives(value)
        else _member(name, value, depth)
        for name, value in document.items()
    ]

    def matches(value: Any) -> bool:
        if isinstance(value, list) and value:
            return any(matches(element) for element in value)
        members = value if isinstance(value, dict) else {}
        return all(part(members) for part in parts)

    return matches


def _is_alternatives(value: Any) -> bool:
    """Two objects or more, not all of them filters of a member that is itself called "$or"."""
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(each, dict) and each for each in value)
        and not all(len(each) == 1 and next(iter(each)) in FILTERS for each in value)
    )


def _alternatives(documents: list[dict[str, Any]], depth: int) -> _Node:
    nodes = [_object(each, depth + 1) for each in documents]
    return lambda members: any(node(members) for node in nodes)


def _member(name: str, value: Any, depth: int) -> _Node:
    if isinstance(value, dict):
        node = _object(value, depth + 1)
        return lambda members: node(members.get(name))
    if not isinstance(value, list):
        raise InvalidPattern(f'"{name}" must be an object or an array')
    if not value:
        raise InvalidPattern("Empty arrays are not allowed")
    filters = [_filter(each) for each in value]

    def matches(members: Any) -> bool:
        leaves = _leaves(members[name]) if name in members else []
        return any(each(leaf) for leaf in leaves or [Absent] for each in filters)

    return matches


def _filter(value: Any) -> Filter:
    if isinstance(value, list):
        raise InvalidPattern("Arrays in arrays are not allowed")
    if not isinstance(value, dict):
        return equal_to(value)
    if len(value) != 1:
        raise InvalidPattern("Only one key allowed in match expression")
    name, argument = next(iter(value.items()))
    if name not in FILTERS:
        raise InvalidPattern(f"Unrecognized match type {name}")
    return FILTERS[name](argument)


def _leaves(value: Any) -> list[Any]:
    """The scalars that a filter may look at: an object has none of its own, an array its elements'."""
    if isinstance(value, dict):
        return []
    if isinstance(value, list):
        return [leaf for element in value for leaf in _leaves(element)]
    return [value]
