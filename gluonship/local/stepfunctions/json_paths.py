"""JSONPath as Step Functions reads it: Jayway's dialect, with reference paths for ResultPath.

A path that can only name one place gives the value there; one that can name several (a wildcard, a slice, a
filter, a deep scan) gives a list, which may be empty. AWS: "Using JSONPath paths".
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gluonship.local.stepfunctions.json_path_filters import Condition, PathSyntaxError, Reader, parse_filter

_MOST_PLACES = 1_000_000  # that are looked at for one path; an input of 256 KiB has 130,000 at most


class PathMissingError(Exception):
    """The path names nothing in the data."""


class PathTooWideError(Exception):
    """The path leads to too many places: deep scans after each other multiply."""


@dataclass(frozen=True)
class Members:
    names: tuple[str, ...]


@dataclass(frozen=True)
class Indexes:
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Slice:
    start: int | None
    stop: int | None
    step: int | None


@dataclass(frozen=True)
class Wildcard:
    pass


@dataclass(frozen=True)
class DeepScan:
    """What follows is looked for at every depth."""


@dataclass(frozen=True)
class Filter:
    condition: Condition


@dataclass(frozen=True)
class Length:
    """length() at the end of a path."""


Step = Members | Indexes | Slice | Wildcard | DeepScan | Filter | Length


@dataclass(frozen=True)
class Path:
    """`variable` is the name after $ where the path begins in a variable."""

    text: str
    variable: str
    steps: tuple[Step, ...]

    @property
    def definite(self) -> bool:
        """Whether it can name one place at most."""
        return all(
            isinstance(step, Length)
            or (isinstance(step, Members) and len(step.names) == 1)
            or (isinstance(step, Indexes) and len(step.numbers) == 1)
            for step in self.steps
        )

    @property
    def is_reference(self) -> bool:
        """Whether a value can be put there: AWS's reference paths."""
        return self.definite and not any(isinstance(step, Length) for step in self.steps)


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """A path that begins with $. Raises PathSyntaxError."""
    reader = Reader(text)
    reader.take("$")
    variable = reader.name() if reader.at_name() else ""
    steps: list[Step] = []
    while not reader.ended():
        steps.extend(_step(reader))
    return Path(text, variable, tuple(steps))


def is_reference(text: str) -> bool:
    """Whether a text is a path at which a value can be put: one place, of the data itself."""
    try:
        path = parse(text)
    except PathSyntaxError:
        return False
    return path.is_reference and not path.variable


def find(path: Path, data: Any) -> Any:
    """What the path names in the data. Raises PathMissingError, PathTooWideError."""
    found = list(_Walk(data).along(path.steps, data))
    if not path.definite:
        return found
    if not found:
        raise PathMissingError(path.text)
    return found[0]


def put(path: Path, data: Any, value: Any) -> Any:
    """A copy of `data` with `value` at a reference path; objects on the way are made.

    Raises PathMissingError where the way leads through something else than objects and existing items.
    """
    return _put(path, path.steps, data, value)


def _put(path: Path, steps: tuple[Step, ...], data: Any, value: Any) -> Any:
    if not steps:
        return value
    first, rest = steps[0], steps[1:]
    if isinstance(first, Members) and (data is None or isinstance(data, dict)):
        name = first.names[0]
        return {**(data or {}), name: _put(path, rest, (data or {}).get(name), value)}
    if isinstance(first, Indexes) and isinstance(data, list) and 0 <= first.numbers[0] < len(data):
        index = first.numbers[0]
        return [*data[:index], _put(path, rest, data[index], value), *data[index + 1 :]]
    raise PathMissingError(path.text)


def _step(reader: Reader) -> list[Step]:
    if reader.accept(".."):
        follows = [] if reader.at("[") else [_after_dot(reader)]
        return [DeepScan(), *follows]
    if reader.accept("."):
        return [_after_dot(reader)]
    reader.take("[")
    step = _bracket(reader)
    reader.take("]")
    return [step]


def _after_dot(reader: Reader) -> Step:
    if reader.accept("*"):
        return Wildcard()
    name = reader.name()
    if name == "length" and reader.accept("()"):
        return Length()
    return Members((name,))


def _bracket(reader: Reader) -> Step:
    if reader.accept("*"):
        return Wildcard()
    if reader.accept("?"):
        return Filter(parse_filter(reader))
    if reader.at("'") or reader.at('"'):
        return Members(tuple(reader.separated(reader.quoted)))
    start = reader.optional_integer()
    if reader.accept(":"):
        stop = reader.optional_integer()
        return Slice(start, stop, reader.optional_integer() if reader.accept(":") else None)
    if start is None:
        raise PathSyntaxError(reader.text, reader.position, "an index, a name in quotes, * or ?(...)")
    more = reader.separated(reader.integer) if reader.accept(",") else []
    return Indexes((start, *more))


class _Walk:
    """Goes through a document, up to _MOST_PLACES."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._places = 0

    def along(self, steps: tuple[Step, ...], data: Any) -> Iterator[Any]:
        self._count()
        if not steps:
            yield data
            return
        first, rest = steps[0], steps[1:]
        parts = self._depths(data) if isinstance(first, DeepScan) else _children(first, data, self._root)
        for part in parts:
            yield from self.along(rest, part)

    def _depths(self, data: Any) -> Iterator[Any]:
        self._count()
        yield data
        inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
        for part in inner:
            yield from self._depths(part)

    def _count(self) -> None:
        self._places += 1
        if self._places > _MOST_PLACES:
            raise PathTooWideError


def _children(step: Step, data: Any, root: Any) -> Iterator[Any]:
    match step, data:
        case Members(names), dict():
            yield from (data[name] for name in names if name in data)
        case Indexes(numbers), list():
            yield from (data[number] for number in numbers if -len(data) <= number < len(data))
        case Slice(start, stop, stride), list():
            yield from data[start:stop:stride]
        case Wildcard(), list():
            yield from data
        case Wildcard(), dict():
            yield from data.values()
        case Filter(condition), list():
            yield from (item for item in data if condition(item, root))
        case Filter(condition), dict():
            if condition(data, root):
                yield data
        case Length(), list() | dict() | str():
            yield len(data)
