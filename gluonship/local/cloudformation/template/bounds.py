"""How much the functions of a template may make of it: they multiply what they are given.

No value that AWS takes is longer than a template may be.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gluonship.local.cloudformation.template.errors import TemplateError

TEMPLATE_BYTES = 1_048_576
MOST_RANGES = 256  # of Fn::Cidr
MOST_PASSES = 10_000  # of all loops of Fn::ForEach in a template
DEPTH = 100  # of a template's maps and lists, functions included

_ALTOGETHER = 64 * TEMPLATE_BYTES


class Bounds:
    """Counts what one evaluation makes. Told before a text is put together: one too long never is."""

    def __init__(self) -> None:
        self._made = 0

    def check(self, function: str, length: int) -> None:
        """Raises TemplateError for a result of so many characters, or one too many of such."""
        self._made += length
        if length > TEMPLATE_BYTES:
            raise TemplateError(
                f"Template error: {function} would give {length} characters; at most {TEMPLATE_BYTES} are "
                "allowed, as in a template"
            )
        if self._made > _ALTOGETHER:
            raise TemplateError(
                f"Template error: the functions of this template give over {_ALTOGETHER} characters in all"
            )


class LoopBounds:
    """Counts what the loops of one template come to, while they run. Raises TemplateError for too much: the
    template that they leave may not be longer than a template may be."""

    def __init__(self) -> None:
        self._passes = 0
        self._made = 0

    def passed(self, loop: str) -> None:
        self._passes += 1
        if self._passes > MOST_PASSES:
            raise TemplateError(
                f"Template error: {loop}: the loops of this template have over {MOST_PASSES} passes"
            )

    def made(self, length: int) -> None:
        self._made += length
        if self._made > TEMPLATE_BYTES:
            raise TemplateError(
                f"Template error: the loops of this template make it longer than {TEMPLATE_BYTES} characters"
            )


def length_of(value: Any) -> int:
    """How many characters a value has as JSON, about; counts no further than one too many."""
    length = 0
    left = [value]
    while left and length <= TEMPLATE_BYTES:
        one = left.pop()
        if isinstance(one, dict):
            left += one.values()
            length += sum(len(key) + 4 for key in one)
        elif isinstance(one, list):
            left += one
            length += len(one) + 2
        else:
            length += len(one) if isinstance(one, str) else 8
    return length


def depth_of(value: Any) -> int:
    """How deep maps and lists lie in each other, found without recursion."""
    deepest = 0
    left: list[Iterator[Any]] = [iter([value])]
    while left:
        following = next(left[-1], _END)
        if following is _END:
            left.pop()
        elif isinstance(following, dict | list):
            deepest = max(deepest, len(left))
            left.append(iter(following.values() if isinstance(following, dict) else following))
    return deepest


_END = object()
