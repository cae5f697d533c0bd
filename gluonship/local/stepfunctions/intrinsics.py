"""Intrinsic functions in JSONPath states: States.Format('{}', $.name), nested as deep as ten.

AWS: "Intrinsics for JSONPath states in Step Functions".
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gluonship.local.stepfunctions.failures import StatesError
from gluonship.local.stepfunctions.intrinsic_functions import FUNCTIONS, IntrinsicError
from gluonship.local.stepfunctions.json_path_filters import PathSyntaxError, Reader
from gluonship.local.stepfunctions.json_text import within_limit

_WORDS = (("true", True), ("false", False), ("null", None))
_DEEPEST = 10


@dataclass(frozen=True)
class Literal:
    value: Any


@dataclass(frozen=True)
class Reference:
    path: str


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple[Literal | Reference | Call, ...]


def is_intrinsic(text: str) -> bool:
    return text.startswith("States.")


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> Call:
    """Raises PathSyntaxError for what is no call of an intrinsic function that AWS has."""
    reader = Reader(text)
    call = _call(reader, 1)
    if reader.text[reader.position :].strip():
        raise PathSyntaxError(text, reader.position, "the end")
    return call


def evaluate(call: Call, resolve: Callable[[str], Any]) -> Any:
    """The call's value; `resolve` gives the value of a path. Raises StatesError States.IntrinsicFailure, and
    States.DataLimitExceeded."""
    values = []
    for argument in call.arguments:
        match argument:
            case Literal(value):
                values.append(value)
            case Reference(path):
                values.append(resolve(path))
            case Call():
                values.append(evaluate(argument, resolve))
    try:
        return within_limit(FUNCTIONS[call.name](*values), f"The intrinsic function {call.name}")
    except (IntrinsicError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise StatesError("States.IntrinsicFailure", f"{call.name}: {error}") from error


def references(call: Call) -> list[str]:
    """All the paths of a call and of those inside."""
    found: list[str] = []
    for argument in call.arguments:
        if isinstance(argument, Reference):
            found.append(argument.path)
        elif isinstance(argument, Call):
            found.extend(references(argument))
    return found


def _call(reader: Reader, depth: int) -> Call:
    if depth > _DEEPEST:
        raise PathSyntaxError(reader.text, reader.position, f"at most {_DEEPEST} nested functions")
    reader.take("States.")
    name = f"States.{reader.name()}"
    if name not in FUNCTIONS:
        raise PathSyntaxError(
            reader.text, reader.position, f"one of {', '.join(sorted(FUNCTIONS))}, not {name}"
        )
    reader.take("(")
    arguments = [] if reader.at(")") else reader.separated(lambda: _argument(reader, depth))
    reader.take(")")
    return Call(name, tuple(arguments))


def _argument(reader: Reader, depth: int) -> Literal | Reference | Call:
    if reader.at("'"):
        return Literal(_text(reader))
    if reader.at("States."):
        return _call(reader, depth + 1)
    if reader.at("$"):
        return Reference(_path(reader))
    if reader.at_number():
        return Literal(reader.number())
    for word, value in _WORDS:
        if reader.accept(word):
            return Literal(value)
    raise PathSyntaxError(reader.text, reader.position, "a path, a text in ' ', a number or a function")


def _text(reader: Reader) -> str:
    """A text in single quotes. Of its escapes, \\{ and \\} stay for States.Format to read."""
    start = reader.position + 1
    end = start
    while reader.text[end : end + 1] not in ("'", ""):
        end += 2 if reader.text[end] == "\\" else 1
    if end >= len(reader.text):
        raise PathSyntaxError(reader.text, end, "the closing '")
    reader.position = end + 1
    return reader.text[start:end].replace("\\'", "'")


def _path(reader: Reader) -> str:
    """A path up to the comma or parenthesis that ends the argument; both may stand inside brackets."""
    start = reader.position
    depth = 0
    while not reader.ended():
        character = reader.text[reader.position]
        if character in "'\"" and depth:
            reader.quoted()
            continue
        depth += character in "[("
        if depth == 0 and character in ",) ":
            break
        depth -= character in "])"
        reader.position += 1
    return reader.text[start : reader.position]
