"""The kinds of values that a hyperparameter can have: how one is read, and what is valid, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable


@dataclass(frozen=True)
class Kind:
    """`read` turns text into a value, or raises ValueError where it is not what `words` says."""

    words: str
    read: Callable[[str], Any]


def whole(low: int, high: int) -> Kind:
    """A whole number in low..high; 5.0 is 5, since JSON knows one kind of number."""

    def read(text: str) -> int:
        number = float(text)
        if not (number.is_integer() and low <= number <= high):
            raise ValueError(text)
        return int(number)

    return Kind(f"a whole number from {low} to {high}", read)


def real(low: float, high: float, above: bool = False) -> Kind:
    """A number in low..high; `above` leaves `low` itself out."""

    def read(text: str) -> float:
        number = float(text)
        if not low <= number <= high or (above and number == low):  # false for nan
            raise ValueError(text)
        return number

    start = "above" if above else "from"
    return Kind("a number {} {:g} {} {:g}".format(start, low, "up to" if above else "to", high), read)


def choice(*options: str) -> Kind:
    """One of `options`."""

    def read(text: str) -> str:
        if text not in options:
            raise ValueError(text)
        return text

    return Kind("one of " + ", ".join(options), read)


def colour(low: float, high: float, above: bool = False) -> Kind:
    """Three numbers in low..high: red, green, blue."""
    one = real(low, high, above)

    def read(text: str) -> tuple[float, ...]:
        numbers = tuple(one.read(part) for part in split(text))
        if len(numbers) != 3:
            raise ValueError(text)
        return numbers

    return Kind("three numbers (red,green,blue), each {}".format(one.words[len("a number ") :]), read)


def split(text: str) -> tuple[str, ...]:
    """The parts of a list: a,b,c or, as SageMaker's toolkit passes a JSON list, ['a', 'b', 'c']."""
    inner = text.strip()
    if inner[:1] in "[(" and inner[-1:] in "])":
        inner = inner[1:-1]
    parts = (piece.strip().strip("'\"") for piece in inner.split(","))
    return tuple(part for part in parts if part)


def _flag(text: str) -> bool:
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise ValueError(text)
    return lowered == "true"


FLAG = Kind("True or False", _flag)
LIST = Kind("a list: a,b,c", split)
TEXT = Kind("text", str)
