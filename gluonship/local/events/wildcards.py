"""Wildcards in event patterns: * stands for any text, \\* and \\\\ for themselves."""

from __future__ import annotations

import re


def wildcard_expression(pattern: str) -> re.Pattern[str]:
    """Raises ValueError, with AWS's words, for ** and for a backslash before anything else."""
    parts, at = [], 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\":
            escaped = pattern[at + 1 : at + 2]
            if escaped not in ("*", "\\") or not escaped:
                raise ValueError(f"Invalid escape character at pos {at}")
            parts.append(re.escape(escaped))
            at += 2
            continue
        if letter == "*" and pattern[at + 1 : at + 2] == "*":
            raise ValueError(f"Consecutive wildcard characters at pos {at}")
        parts.append(".*" if letter == "*" else re.escape(letter))
        at += 1
    return re.compile("".join(parts), re.DOTALL)
