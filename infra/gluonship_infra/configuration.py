"""The configuration of the account's stacks: one TOML file, with overrides for each environment.

`load` gives a frozen, checked value, or raises ConfigurationError with every problem of the file in words.
The file that comes with the kit, gluonship.toml, says what each key means.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gluonship_infra.configuration_models import Configuration
from gluonship_infra.configuration_problems import (
    DEFAULT,
    OVERRIDES,
    ConfigurationError,
    Problem,
    describe,
    nearest,
    top_keys,
)
from gluonship_infra.configuration_shape import with_nulls

__all__ = ["Configuration", "ConfigurationError", "load"]

_ROUNDS = (
    3  # a wrong value can hide what is wrong with others: it is taken out, and the rest is checked again
)


def load(path: Path, environment: str | None = None) -> Configuration:
    """The configuration in a file, for an environment (None: the file's own default).

    Every environment of the file is checked, whichever is asked for: a mistake in prod's overrides shows
    before prod is deployed. Raises ConfigurationError.
    """
    document = _read(path)
    overrides = _overrides(path, document)
    problems = dict.fromkeys(_choice(document, environment, sorted(overrides)))  # ordered, and each once
    base = {key: value for key, value in document.items() if key not in (OVERRIDES, DEFAULT, "environment")}
    _, of_base = _check({**base, "environment": "base"})
    configurations: dict[str, Configuration] = {}
    for name, override in overrides.items():
        checked, found = _check({**_merge(base, override), "environment": name})
        problems |= dict.fromkeys(
            problem if problem in of_base else problem.within(name, override) for problem in found
        )
        if checked is not None:
            configurations[name] = checked
    if problems:
        raise ConfigurationError(path, list(problems))
    return configurations[environment or document.get(DEFAULT) or next(iter(overrides))]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        problem = "does not exist"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        problem = f"is not TOML: {error}"
    raise ConfigurationError(path, [Problem("", problem)])


def _overrides(path: Path, document: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The tables of overrides by environment; raises ConfigurationError where they are none."""
    found = document.get(OVERRIDES)
    if not isinstance(found, Mapping) or not found:
        text = "allowed is a table for each environment, if an empty one: [environments.dev]"
        raise ConfigurationError(path, [Problem(OVERRIDES, text)])
    problems = [
        Problem(f"{OVERRIDES}.{name}", f"is {override!r}; allowed is a table of overrides")
        for name, override in found.items()
        if not isinstance(override, Mapping)
    ]
    if problems:
        raise ConfigurationError(path, problems)
    return found


def _choice(document: Mapping[str, Any], asked: str | None, known: list[str]) -> Iterator[Problem]:
    """What is wrong with the choice of an environment, by the file and by who asks."""
    default, there = document.get(DEFAULT), f"there are {', '.join(known)}"
    if default is not None and default not in known:
        yield Problem(DEFAULT, f"is {default!r}; {nearest(str(default), known)}{there}")
    if asked is not None and asked not in known:
        yield Problem(OVERRIDES, f"has no '{asked}', which was asked for; {nearest(asked, known)}{there}")
    if asked is None and default is None and len(known) > 1:
        yield Problem(DEFAULT, f"is missing, and no environment was asked for; {there}")
    if "environment" in document:
        yield Problem("environment", f"is no key here; allowed are {', '.join(top_keys())}")


def _merge(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged key by key; anything else of the override takes the place of the base's."""
    merged = dict(base)
    for key, value in override.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _check(document: Mapping[str, Any]) -> tuple[Configuration | None, list[Problem]]:
    """The configuration of a merged document, or its problems."""
    problems: dict[str, Problem] = {}
    rest = with_nulls(Configuration, document)
    for _ in range(_ROUNDS):
        try:
            # As JSON, where strict still takes an array for a tuple.
            checked = Configuration.model_validate_json(json.dumps(rest, default=str))
        except ValidationError as error:
            found = list(describe(error, rest))
            for problem in found:
                problems.setdefault(problem.key, problem)
            rest = _without(rest, {problem.key for problem in found})
        else:
            return (None if problems else checked), list(problems.values())
    return None, list(problems.values())


def _without(document: Mapping[str, Any], keys: set[str], prefix: str = "") -> dict[str, Any]:
    return {
        key: _without(value, keys, f"{prefix}{key}.") if isinstance(value, Mapping) else value
        for key, value in document.items()
        if f"{prefix}{key}" not in keys
    }
