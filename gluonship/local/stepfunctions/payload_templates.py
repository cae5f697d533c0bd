"""Payload templates of JSONPath states: members that end in .$ are paths or intrinsic functions.

AWS: "Manipulate parameters in Step Functions workflows".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gluonship.local.stepfunctions import intrinsics, json_paths
from gluonship.local.stepfunctions.failures import RUNTIME, StatesError
from gluonship.local.stepfunctions.json_path_filters import PathSyntaxError
from gluonship.local.stepfunctions.json_text import compact, within_limit


@dataclass(frozen=True)
class Sources:
    """What the paths of a state reach: $, $$ and $name."""

    data: Any
    context: Mapping[str, Any]
    variables: Mapping[str, Any]


def lookup(text: str, sources: Sources, field: str) -> Any:
    """The value of a path or intrinsic function. Raises StatesError States.Runtime, naming the field, and
    States.DataLimitExceeded."""
    if intrinsics.is_intrinsic(text):
        return intrinsics.evaluate(intrinsics.parse(text), lambda path: lookup(path, sources, field))
    in_context = text.startswith("$$")
    path = json_paths.parse(text[1:] if in_context else text)
    data = sources.context if in_context else sources.data
    if path.variable and not in_context:
        if path.variable not in sources.variables:
            raise StatesError(
                RUNTIME, f"The variable '${path.variable}' of the field '{field}' is not assigned."
            )
        data = sources.variables[path.variable]
    try:
        found = json_paths.find(path, data)
        return found if path.definite else within_limit(found, f"The JSONPath '{text}'")
    except json_paths.PathTooWideError:
        raise StatesError(
            RUNTIME, f"The JSONPath '{text}' specified for the field '{field}' leads to too many places."
        ) from None
    except json_paths.PathMissingError:
        raise StatesError(
            RUNTIME,
            f"The JSONPath '{text}' specified for the field '{field}' could not be found in the input "
            f"'{compact(data)}'",
        ) from None


def fill(template: Any, sources: Sources, name: str = "") -> Any:
    """The template with its paths replaced by what they name."""
    if isinstance(template, list):
        return [fill(part, sources, name) for part in template]
    if not isinstance(template, dict):
        return template
    filled = {}
    for key, value in template.items():
        if key.endswith(".$"):
            filled[key[:-2]] = lookup(value, sources, key)
        else:
            filled[key] = fill(value, sources, key)
    return filled


def mistakes(template: Any, place: str) -> Iterator[tuple[str, str]]:
    """What is wrong in a template's paths: (message, place)."""
    if isinstance(template, list):
        for index, part in enumerate(template):
            yield from mistakes(part, f"{place}[{index}]")
    if not isinstance(template, dict):
        return
    for key, value in template.items():
        if not key.endswith(".$"):
            yield from mistakes(value, f"{place}/{key}")
        elif wrong := path_mistake(value):
            yield (
                f"The value for the field '{key}' must be a valid JSONPath or intrinsic function: {wrong}",
                (f"{place}/{key}"),
            )


def path_mistake(text: Any) -> str:
    """What is wrong with a path or intrinsic function, or nothing."""
    if not isinstance(text, str):
        return f"{compact(text)} is no text"
    try:
        if intrinsics.is_intrinsic(text):
            inner = (path_mistake(path) for path in intrinsics.references(intrinsics.parse(text)))
            return next((wrong for wrong in inner if wrong), "")
        json_paths.parse(text[1:] if text.startswith("$$") else text)
    except PathSyntaxError as error:
        return str(error)
    return ""
