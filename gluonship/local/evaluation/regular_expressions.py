"""Regular expressions of users, as functions for a worker. Python's engine may take time without end for one
such as `(a+)+$`, and lets no other thread run meanwhile."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gluonship.local.evaluation.marks import mark


def groups(pattern: str) -> int | str:
    """How many groups it has; what is wrong with it where it is none."""
    try:
        return re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)


def all_match(pattern: str, values: Sequence[str]) -> bool | str:
    """Whether each value, as a whole, fits the pattern; what is wrong with it where it is none."""
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return all(compiled.fullmatch(value) for value in values)


def numbers(patterns: Sequence[str], lines: Sequence[str]) -> list[tuple[int, int, float]]:
    """(index of the line, index of the pattern, number) of every match, in the lines' order: what the first
    group holds, or the whole match of a pattern without groups; no number, no entry. Marks each pattern's
    index."""
    found = []
    for place, pattern in enumerate(patterns):
        mark(str(place))
        compiled = re.compile(pattern)
        group = 1 if compiled.groups else 0
        for number, line in enumerate(lines):
            for match in compiled.finditer(line):
                try:
                    found.append((number, place, float(match.group(group))))
                except (TypeError, ValueError):
                    continue  # the group took no part, or holds no number
    found.sort(key=lambda each: each[:2])
    return found


def fits(pattern: str, flags: int, text: str, whole: bool) -> bool:
    """Whether the whole text is of the pattern, or else something in it."""
    compiled = re.compile(pattern, flags)
    return (compiled.fullmatch(text) if whole else compiled.search(text)) is not None
