"""JSONata expressions, with AWS's own functions, as functions for a worker of the room evaluation.

AWS: "Transforming data with JSONata in Step Functions".
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import random
import uuid
from collections.abc import Mapping
from typing import Any

from gluonship.local.evaluation.marks import mark
from gluonship.local.stepfunctions.failures import QUERY, StatesError
from gluonship.local.stepfunctions.intrinsic_functions import FUNCTIONS
from gluonship.local.stepfunctions.json_text import read, within_limit

_OPEN, _CLOSE = "{%", "%}"
FUNCTION_NAMES = ("partition", "range", "hash", "random", "uuid", "parse")  # AWS's, beside JSONata's own
_HASHES = {name.replace("-", ""): name for name in ("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512")}


class _UndefinedError(Exception):
    """The expression gave nothing."""


def is_expression(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_OPEN) and value.endswith(_CLOSE)


def has_expressions(template: Any) -> bool:
    if isinstance(template, dict):
        return any(map(has_expressions, template.values()))
    if isinstance(template, list):
        return any(map(has_expressions, template))
    return is_expression(template)


def syntax_errors(expressions: list[str]) -> list[str]:
    """What is wrong with each expression, or nothing. Marks the place of each in the list."""
    found = []
    for place, expression in enumerate(expressions):
        mark(str(place))
        found.append(_syntax_error(expression))
    return found


def evaluate(template: Any, bindings: Mapping[str, Any], field: str, milliseconds: int) -> dict[str, Any]:
    """{"value"} of a template with all its expressions replaced, or the {"error", "cause"} of a state that
    fails. `field` is its place in the state; each expression is marked by how an error names it."""
    try:
        value = _filled(template, bindings, field, milliseconds)
        return {"value": within_limit(value, f"The field '{field}'")}
    except StatesError as error:
        return {"error": error.error, "cause": error.cause}


def shown(expression: str, field: str) -> str:
    """How an error names an expression."""
    return f"The JSONata expression '{_inner(expression)}' specified for the field '{field}'"


def _filled(template: Any, bindings: Mapping[str, Any], field: str, milliseconds: int) -> Any:
    if isinstance(template, dict):
        return {
            name: _filled(part, bindings, f"{field}/{name}", milliseconds) for name, part in template.items()
        }
    if isinstance(template, list):
        return [
            _filled(part, bindings, f"{field}[{place}]", milliseconds) for place, part in enumerate(template)
        ]
    if not is_expression(template):
        return template
    name = shown(template, field)
    mark(name)
    try:
        return _value(_inner(template), bindings, milliseconds)
    except _UndefinedError:
        raise StatesError(QUERY, f"{name} returned nothing (undefined).") from None
    except MemoryError:
        raise
    except Exception as error:
        # The library raises what Python raises as well as its own errors; all are the expression's fault.
        raise StatesError(QUERY, f"{name} threw an error during evaluation. {_words(error)}") from error


def _syntax_error(expression: str) -> str:
    jsonata = _library()
    try:
        jsonata.Jsonata(_inner(expression))
    except (jsonata.jexception.JException, ValueError, RecursionError) as error:
        return str(error)
    return ""


def _value(expression: str, bindings: Mapping[str, Any], milliseconds: int) -> Any:
    jsonata = _library()
    query = jsonata.Jsonata(expression)
    query.set_output_convert_nulls(False)  # null is a value, undefined is none: both would be None
    frame = query.create_frame()
    for name, function in _functions(milliseconds).items():
        frame.bind(name, jsonata.Jsonata.JLambda(function))
    for name, value in bindings.items():
        frame.bind(name, jsonata.utils.Utils.NULL_VALUE if value is None else value)
    found = query.evaluate(None, frame)
    if found is None:
        raise _UndefinedError
    return _plain(found, jsonata.utils.Utils.NULL_VALUE)


def _plain(value: Any, null: Any) -> Any:
    if value is null:
        return None
    if isinstance(value, dict):
        return {name: _plain(part, null) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part, null) for part in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return int(value) if value.is_integer() else value
    raise TypeError(f"The result is of an unsupported type: {type(value).__name__}")


def _functions(milliseconds: int) -> dict[str, Any]:
    format_datetime = _library().datetimeutils.DateTimeUtils.format_datetime

    def time_text(picture: str | None = None, zone: str | None = None) -> str:
        return str(format_datetime(milliseconds, picture, zone))

    return {
        "partition": FUNCTIONS["States.ArrayPartition"],
        "range": FUNCTIONS["States.ArrayRange"],
        "hash": _hash,
        "random": _random,
        "uuid": lambda: str(uuid.uuid4()),
        "parse": read,
        "eval": _no_eval,
        "millis": lambda: milliseconds,
        "now": time_text,
    }


def _hash(data: Any, algorithm: str) -> str:
    known = algorithm if algorithm in _HASHES.values() else _HASHES.get(algorithm, "")
    if not known:
        raise ValueError(f"$hash: {algorithm} is none of {', '.join(_HASHES.values())}")
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    return hashlib.new(known.replace("-", "").lower(), text.encode(), usedforsecurity=False).hexdigest()


def _no_eval(text: Any = None, focus: Any = None) -> None:
    raise ValueError("Step Functions has no $eval; $parse reads JSON")


def _random(seed: Any = None) -> float:
    return (random if seed is None else random.Random(seed)).random()  # noqa: S311 - no secret


def _inner(text: str) -> str:
    return text[len(_OPEN) : -len(_CLOSE)].strip()


def _words(error: Exception) -> str:
    code = getattr(error, "error", "")
    return f"{code}: {error}" if code else f"{type(error).__name__}: {error}"


@functools.cache
def _library() -> Any:
    """Imported when first used: a worker may have other questions only."""
    import jsonata

    return jsonata
