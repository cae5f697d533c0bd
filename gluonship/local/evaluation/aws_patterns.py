"""AWS's own regular expressions, of its models and schemas, with users' values.

Most are decided at once. Some are ambiguous, as `^https://([a-z.]+/?){3,1016}$` is: a value that does not fit
is tried in every way in which it could, and that may take time without end. Those, with a value that is long
enough to matter, are left to a worker; what it cannot decide does not fit.
"""

from __future__ import annotations

import functools
import re

from gluonship.local import evaluation
from gluonship.local.evaluation import regular_expressions

_SECONDS = 0.5  # of the processor
# The longest text that takes no more than some 50 ms: with repeats in repeats the time doubles with every
# character, else it grows with a power of the length, one for each repeat.
_LONGEST_NESTED = 12
_LONGEST = {2: 4096}
_LONGEST_MORE = 200
_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[*+]|\{\d*,?\d*\}|.", re.DOTALL)
_REPEAT = re.compile(r"[*+]|\{\d*,?\d*\}")


def fits(pattern: re.Pattern[str], text: str, *, whole: bool) -> bool:
    """Whether the whole text is of the pattern, or else something in it."""
    if len(text) <= _longest(pattern.pattern, whole):
        return regular_expressions.fits(pattern.pattern, pattern.flags, text, whole)
    try:
        return _asked(pattern.pattern, pattern.flags, text, whole)
    except evaluation.EvaluationFailed:
        return False


@functools.lru_cache(maxsize=4096)  # the same names come again and again
def _asked(pattern: str, flags: int, text: str, whole: bool) -> bool:
    return evaluation.evaluate(
        regular_expressions.fits, pattern, flags, text, whole, seconds=_SECONDS, owner="models"
    )


@functools.cache
def _longest(pattern: str, whole: bool) -> float:
    """The longest text that is tried here and now."""
    repeats, nested = _repeats(pattern)
    if nested:
        return _LONGEST_NESTED
    power = repeats + (0 if whole or pattern.startswith("^") else 1)  # a search begins at every place
    return float("inf") if power < 2 else _LONGEST.get(power, _LONGEST_MORE)


def _repeats(pattern: str) -> tuple[int, bool]:
    """How many repeats it has, and whether one is within another."""
    count, nested = 0, False
    groups = [False]  # of those that are open: whether they hold a repeat
    closed = False  # whether what has just ended is a group that holds one
    for found in _PART.finditer(pattern):
        part = found.group()
        if part == "(":
            groups.append(False)
        if part == ")" and len(groups) > 1:
            closed = groups.pop()
            groups[-1] = groups[-1] or closed
            continue
        if _REPEAT.fullmatch(part):
            count += 1
            nested = nested or closed
            groups[-1] = True
        closed = False
    return count, nested
