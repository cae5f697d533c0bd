"""Wildcards in event patterns: * stands for any text, \\* and \\\\ for themselves."""

from __future__ import annotations

from collections.abc import Callable


def wildcard(pattern: str) -> Callable[[str], bool]:
    """Whether a text is of the pattern, in time that grows with the text and not with the stars.

    Raises ValueError, with AWS's words, for ** and for a backslash before anything else.
    """
    first, *middle = _pieces(pattern)
    if not middle:
        return lambda text: text == first
    last = middle.pop()

    def matches(text: str) -> bool:
        end = len(text) - len(last)
        if not (text.startswith(first) and text.endswith(last) and len(first) <= end):
            return False
        at = len(first)
        for piece in middle:  # each as early as may be, which leaves the most for those after it
            at = text.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True

    return matches


def _pieces(pattern: str) -> list[str]:
    """What stands between the stars."""
    pieces, at = [""], 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\":
            at += 1
            letter = pattern[at : at + 1]
            if letter not in ("*", "\\"):
                raise ValueError(f"Invalid escape character at pos {at - 1}")
            pieces[-1] += letter
        elif letter == "*":
            if pattern[at + 1 : at + 2] == "*":
                raise ValueError(f"Consecutive wildcard characters at pos {at}")
            pieces.append("")
        else:
            pieces[-1] += letter
        at += 1
    return pieces
