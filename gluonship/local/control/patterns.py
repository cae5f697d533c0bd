"""AWS's regular expressions, which are in Java's dialect, as Python's."""

from __future__ import annotations

import functools
import re
import unicodedata

_PROPERTY = re.compile(r"\\p\{(\w+)\}")
_ESCAPED = re.compile(r"\\.")
# A quantifier of "$" means nothing; Java takes it, Python does not.
_QUANTIFIED_END = re.compile(r"\$\{\d+,\d+\}$")
# What Java reads as one range of characters beyond the 16-bit ones.
_SURROGATES = (r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")

# A hyphen after a shorthand is a hyphen in Java; Python sees a range there.
_HYPHEN_AFTER_SHORTHAND = re.compile(r"(?<=\\[wds])-(?=[^\]])")
# "POSIX character classes (US-ASCII only)" of java.util.regex.Pattern, as the inside of a class.
_OF_ASCII = {
    "ASCII": r"\x00-\x7F",
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1F\x7F",
    "Digit": "0-9",
    "Graph": "!-~",
    "Lower": "a-z",
    "Print": " -~",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t\n\x0B\f\r",
    "Upper": "A-Z",
    "XDigit": "0-9a-fA-F",
}
_LAST_LETTER = 0x323AF  # above are only variation selectors and private characters


@functools.lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, to be matched over the whole value. Its shorthands (\\w, \\d) are ASCII's, as in Java.

    Raises re.error for what Python cannot read; all patterns of the models that are checked here can be.
    """
    translated = pattern.replace(*_SURROGATES)
    translated = _QUANTIFIED_END.sub("$", translated)
    translated = _HYPHEN_AFTER_SHORTHAND.sub(r"\-", translated)
    translated = _PROPERTY.sub(_class, translated)
    return re.compile(translated, re.ASCII)


def _class(found: re.Match[str]) -> str:
    """What stands for a property, which is a class of its own or part of one."""
    before = _ESCAPED.sub("", found.string[: found.start()])
    inside = before.rfind("[") > before.rfind("]")
    return _characters(found[1]) if inside else f"[{_characters(found[1])}]"


def _characters(name: str) -> str:
    """Java's property (a general category of Unicode, L or Zs; or ASCII's) as the inside of a class."""
    found = _OF_ASCII.get(name) or _categories().get(name)
    if found is None:
        raise re.error(f"unknown property {name}")
    return found


@functools.cache
def _categories() -> dict[str, str]:
    ranges: dict[str, list[list[int]]] = {}
    for code in range(_LAST_LETTER + 1):
        category = unicodedata.category(chr(code))
        for name in (category[0], category):
            known = ranges.setdefault(name, [])
            if known and known[-1][1] == code - 1:
                known[-1][1] = code
            else:
                known.append([code, code])
    return {
        name: "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in known)
        for name, known in ranges.items()
    }
