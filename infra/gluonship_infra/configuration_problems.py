"""What is wrong with a configuration file, in words: the key, what was given, and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gluonship_infra.configuration_contradictions import Contradictions
from gluonship_infra.configuration_models import Configuration
from gluonship_infra.configuration_shape import keys_at
from gluonship_infra.pipeline import SettingsError

_ALLOWED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "is_sequence_of": "a list",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "dataclass_type": "a table",
    "dataclass_exact_type": "a table",
}
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
OVERRIDES, DEFAULT = "environments", "default_environment"  # keys of the file, and of no environment
MISSING = "is missing"
_SHOWN = 60  # characters of a value that an error quotes


@dataclass(frozen=True)
class Problem:
    """One problem: a dotted key ("" for the whole file), and a clause about it."""

    key: str
    text: str

    def __str__(self) -> str:
        return f"{self.key}: {self.text}" if self.key else self.text

    def within(self, environment: str, override: Mapping[str, Any]) -> Problem:
        """The problem under the key that stands in the file: an override's, where the override sets it."""
        if self.key == "environment":
            return Problem(f"{OVERRIDES}.{environment}", self.text)
        value: Any = override
        *tables, last = self.key.split(".")
        for part in tables:
            if not isinstance(value, list):
                value = value.get(part) if isinstance(value, Mapping) else None
        lists = isinstance(value, list)  # whose items an override gives all together
        missing = bool(tables) and self.text == MISSING  # from a table that the override began
        if not (lists or (isinstance(value, Mapping) and (last in value or missing))):
            return self
        return Problem(f"{OVERRIDES}.{environment}.{self.key}", self.text)


class ConfigurationError(Exception):
    """A configuration file that cannot be used: all that is wrong with it, one line each."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path, self.problems = path, tuple(problems)
        head = f"The configuration '{path}'"
        if len(problems) == 1 and not problems[0].key:
            super().__init__(f"{head} {problems[0].text}.")
        else:
            count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            super().__init__("\n".join([f"{head} has {count}:", *(f"  {problem}" for problem in problems)]))


def describe(error: ValidationError, document: Mapping[str, Any]) -> Iterator[Problem]:
    """The problems of a document by pydantic's errors, one a key."""
    by_key: dict[str, list[Any]] = {}
    for one in error.errors(include_url=False):
        by_key.setdefault(_key(one["loc"], document, one["type"]), []).append(one)
    for key, errors in by_key.items():
        if isinstance(several := errors[0].get("ctx", {}).get("error"), SettingsError | Contradictions):
            for name, clause in several.problems:
                yield Problem(".".join(filter(None, [key, name])), clause)
        else:
            yield Problem(key, _text(key, errors))


def top_keys() -> list[str]:
    """The keys that a file may have outside its tables, and its tables."""
    keys = [key for key in keys_at(Configuration, []) if key != "environment"]
    return [DEFAULT, *keys, OVERRIDES]


def nearest(given: str, known: Sequence[str]) -> str:
    """ "did you mean ...? ", or nothing where no known word is near."""
    found = difflib.get_close_matches(given.lower(), [word.lower() for word in known], n=1, cutoff=0.6)
    original = [word for word in known if found and word.lower() == found[0]]
    return f"did you mean '{original[0]}'? " if original else ""


def _key(location: Sequence[int | str], document: Any, type_: str) -> str:
    """The dotted key of an error; what pydantic adds for the branches of a union is left out."""
    parts: list[str] = []
    value = document
    for part in location:
        try:
            value = value[part]
        except (LookupError, TypeError):
            if not (type_.startswith("missing") and part == location[-1]):
                break
        parts.append(str(part))
    return ".".join(parts)


def _text(key: str, errors: Sequence[Any]) -> str:
    first = errors[0]
    kind, given = first["type"], first["input"]
    if kind in _UNKNOWN:
        table, _, name = key.rpartition(".")
        known = keys_at(Configuration, table.split(".")) if table else top_keys()
        return f"is no key here; {nearest(name, known)}allowed are {', '.join(known)}"
    if kind.startswith("missing"):
        return MISSING
    if kind == "literal_error":
        allowed = first["ctx"]["expected"]
        words = allowed.replace("'", "").replace(" or ", ", ").split(", ")
        return f"is {_quote(given)}; {nearest(str(given), words)}allowed is {allowed}"
    if kind in ("value_error", "assertion_error"):
        return str(first["ctx"]["error"])
    allowed = " or ".join(dict.fromkeys(_ALLOWED.get(one["type"]) or _rule(one) for one in errors))
    return f"is {_quote(given)}; allowed is {allowed}"


def _rule(error: Mapping[str, Any]) -> str:
    """Pydantic's own "Input should be greater than 0" as what is allowed."""
    message = str(error["msg"])
    for start in ("Input should be ", "String should ", "Tuple should ", "Value should "):
        if message.startswith(start):
            return ("to " if not start.startswith("Input") else "") + message.removeprefix(start)
    return message


def _quote(value: Any) -> str:
    shown = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."
