"""The regular expressions of the schemas, which are ECMA 262's, in Python's words."""

from __future__ import annotations

import functools
import re

from gluonship.local.evaluation.aws_patterns import fits

_CLASSES = {
    "L": r"^\W\d_",
    "Z": r"\s",
    "N": r"\d",
    "Print": r" -~",
    "Graph": r"!-~",
    "Alnum": r"a-zA-Z0-9",
    "ASCII": r"\x00-\x7F",
    "IsLetter": r"^\W\d_",
    "IsWhitespace": r"\s",
    "IsDigit": r"\d",
}
_LETTERS = r"^\W\d_"


@functools.cache
def compiled(pattern: str) -> re.Pattern[str] | None:
    r"""The pattern; None for one of a dialect that Python does not have, which is then not asked.

    Unicode classes (`\p{L}`) become their nearest; inside brackets letters become `\w`.
    """
    try:
        return re.compile(_translated(pattern))
    except re.error:
        return None


def portable(pattern: str) -> str:
    """The pattern in Python's words; one that takes everything for a pattern that Python does not have."""
    found = compiled(pattern)
    return found.pattern if found is not None else ""


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern is found in the text, as JSON Schema asks. True for one of another dialect, which
    cannot be asked."""
    found = compiled(pattern)
    return found is None or fits(found, text, whole=False)


def _translated(pattern: str) -> str:
    out, bracket, i = [], False, 0
    while i < len(pattern):
        unicode_class = re.match(r"\\p\{(\w+)\}", pattern[i:])
        if unicode_class:
            known = _CLASSES.get(unicode_class[1], r"\w")
            if bracket:
                out.append(r"\w" if known == _LETTERS else known)
            else:
                out.append(f"[{known}]")
            i += unicode_class.end()
            continue
        if pattern[i] == "\\":
            out.append(pattern[i : i + 2])
            i += 2
            continue
        bracket = pattern[i] == "[" or (bracket and pattern[i] != "]")
        out.append(pattern[i])
        i += 1
    # "$" is the end of the text in ECMA 262; Python's also stands before a last line break.
    return re.sub(r"(?<!\\)\$$", r"\\Z", "".join(out))
