"""The filters of JSONPath, [?(@.age > 3 && @.name == 'x')], and the reader that all its grammar shares."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, TypeVar

Condition = Callable[[Any, Any], bool]
"""Of an item and of the whole document."""
_Operand = Callable[[Any, Any], Any]
_T = TypeVar("_T")

_ABSENT = object()
_NAME = re.compile(r"[^\s.\[\](),:'\"=<>!&|?@$*+{}%\\]+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_INTEGER = re.compile(r"-?\d+")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


class PathSyntaxError(ValueError):
    """What is wrong in a path, and where."""

    def __init__(self, text: str, position: int, expected: str) -> None:
        super().__init__(f"{text!r} at character {position + 1}: expected {expected}")


class Reader:
    """Reads a text from its beginning, skipping spaces between tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def ended(self) -> bool:
        return self.position >= len(self.text)

    def at(self, token: str) -> bool:
        self._skip()
        return self.text.startswith(token, self.position)

    def at_name(self) -> bool:
        return _NAME.match(self.text, self.position) is not None

    def accept(self, token: str) -> bool:
        if not self.at(token):
            return False
        self.position += len(token)
        return True

    def take(self, token: str) -> None:
        if not self.accept(token):
            raise PathSyntaxError(self.text, self.position, repr(token))

    def name(self) -> str:
        return self._match(_NAME, "a name")

    def integer(self) -> int:
        self._skip()
        return int(self._match(_INTEGER, "a number"))

    def optional_integer(self) -> int | None:
        self._skip()
        return self.integer() if _INTEGER.match(self.text, self.position) else None

    def number(self) -> int | float:
        text = self._match(_NUMBER, "a number")
        return int(text) if _INTEGER.fullmatch(text) else float(text)

    def at_number(self) -> bool:
        self._skip()
        return _NUMBER.match(self.text, self.position) is not None

    def quoted(self) -> str:
        """A text in single or double quotes; a backslash takes the next character as it is."""
        self._skip()
        quote = self.text[self.position : self.position + 1]
        if quote not in ("'", '"') or not quote:
            raise PathSyntaxError(self.text, self.position, "a text in quotes")
        taken = []
        position = self.position + 1
        while position < len(self.text) and self.text[position] != quote:
            position += self.text[position] == "\\"
            taken.append(self.text[position : position + 1])
            position += 1
        if position >= len(self.text):
            raise PathSyntaxError(self.text, position, f"the closing {quote}")
        self.position = position + 1
        return "".join(taken)

    def separated(self, read: Callable[[], _T]) -> list[_T]:
        """One or more, with commas between."""
        items = [read()]
        while self.accept(","):
            items.append(read())
        return items

    def _match(self, pattern: re.Pattern[str], expected: str) -> str:
        found = pattern.match(self.text, self.position)
        if found is None:
            raise PathSyntaxError(self.text, self.position, expected)
        self.position = found.end()
        return found.group()

    def _skip(self) -> None:
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1


def parse_filter(reader: Reader) -> Condition:
    """What stands after the ? of a filter, in parentheses."""
    reader.take("(")
    condition = _any_of(reader)
    reader.take(")")
    return condition


def _any_of(reader: Reader) -> Condition:
    parts = [_all_of(reader)]
    while reader.accept("||"):
        parts.append(_all_of(reader))
    return lambda item, root: any(part(item, root) for part in parts)


def _all_of(reader: Reader) -> Condition:
    parts = [_term(reader)]
    while reader.accept("&&"):
        parts.append(_term(reader))
    return lambda item, root: all(part(item, root) for part in parts)


def _term(reader: Reader) -> Condition:
    if reader.accept("!"):
        inner = _term(reader)
        return lambda item, root: not inner(item, root)
    if reader.at("("):
        return parse_filter(reader)
    left = _operand(reader)
    for sign, compare in _COMPARE.items():
        if reader.accept(sign):
            return _comparison(left, compare, _operand(reader))
    return lambda item, root: left(item, root) is not _ABSENT


def _comparison(left: _Operand, compare: Callable[[Any, Any], bool], right: _Operand) -> Condition:
    def holds(item: Any, root: Any) -> bool:
        one, other = left(item, root), right(item, root)
        if one is _ABSENT or other is _ABSENT:
            return False
        try:
            return compare(one, other)
        except TypeError:  # a text is neither more nor less than a number
            return False

    return holds


def _operand(reader: Reader) -> _Operand:
    if reader.at("@") or reader.at("$"):
        return _path_operand(reader)
    value = _literal(reader)
    return lambda item, root: value


def _literal(reader: Reader) -> Any:
    if reader.at("'") or reader.at('"'):
        return reader.quoted()
    if reader.at_number():
        return reader.number()
    for word, value in (("true", True), ("false", False), ("null", None)):
        if reader.accept(word):
            return value
    raise PathSyntaxError(reader.text, reader.position, "@, $, a text, a number, true, false or null")


def _path_operand(reader: Reader) -> _Operand:
    from_item = reader.accept("@")
    if not from_item:
        reader.take("$")
    keys: list[str | int] = []
    while reader.at(".") or reader.at("["):
        if reader.accept("."):
            keys.append(reader.name())
            continue
        reader.take("[")
        keys.append(reader.quoted() if reader.at("'") or reader.at('"') else reader.integer())
        reader.take("]")

    def value(item: Any, root: Any) -> Any:
        data = item if from_item else root
        for key in keys:
            try:
                data = data[key]
            except (KeyError, IndexError, TypeError):
                return _ABSENT
        return data

    return value
