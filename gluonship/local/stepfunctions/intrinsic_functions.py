"""What the intrinsic functions do: values to a value.

AWS: "Intrinsics for JSONPath states in Step Functions", function by function with its limits.
"""

from __future__ import annotations

import base64
import hashlib
import math
import random
import re
import uuid
from collections.abc import Callable
from typing import Any

from gluonship.local.stepfunctions.json_text import compact, read, within_limit

_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_TEXT_LIMIT = 10_000  # characters that the hash and Base64 functions take
_RANGE_LIMIT = 1_000  # items that States.ArrayRange makes
_PLACE = re.compile(r"\\.|\{\}")


class IntrinsicError(ValueError):
    """An argument that the function does not take."""


def _want(value: Any, kind: type | tuple[type, ...], what: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise IntrinsicError(f"{compact(value)} is not {what}")
    return value


def _integer(value: Any) -> int:
    number: float = _want(value, (int, float), "a number")
    return math.floor(number + 0.5)  # AWS rounds what is no integer


def format_text(template: Any, *values: Any) -> str:
    texts = [value if isinstance(value, str) else compact(value) for value in values]
    within_limit(texts, "The intrinsic function States.Format")
    left = iter(texts)

    def replaced(found: re.Match[str]) -> str:
        if found.group() != "{}":
            return found.group()[1:]  # \{ \} and \\ stand for themselves
        try:
            return next(left)
        except StopIteration:
            raise IntrinsicError("more {} than arguments") from None

    text = _PLACE.sub(replaced, _want(template, str, "a text"))
    if next(left, None) is not None:
        raise IntrinsicError("more arguments than {}")
    return text


def string_to_json(text: Any) -> Any:
    try:
        return read(_want(text, str, "a text"))
    except IntrinsicError:
        raise
    except ValueError as error:
        raise IntrinsicError(f"no JSON: {error}") from error


def array_partition(items: Any, size: Any) -> list[Any]:
    _want(items, list, "an array")
    step = _integer(size)
    if step <= 0:
        raise IntrinsicError(f"a chunk of {step} items")
    return [items[start : start + step] for start in range(0, len(items), step)]


def array_range(first: Any, last: Any, step: Any) -> list[int]:
    start, stop, stride = _integer(first), _integer(last), _integer(step)
    if stride == 0:
        raise IntrinsicError("a step of 0")
    numbers = range(start, stop + (1 if stride > 0 else -1), stride)
    if len(numbers) > _RANGE_LIMIT:
        raise IntrinsicError(f"{len(numbers)} items, above {_RANGE_LIMIT}")
    return list(numbers)


def array_get_item(items: Any, index: Any) -> Any:
    number = _integer(index)
    if not 0 <= number < len(_want(items, list, "an array")):
        raise IntrinsicError(f"index {number} of an array of {len(items)}")
    return items[number]


def array_unique(items: Any) -> list[Any]:
    first: dict[str, Any] = {}
    for item in _want(items, list, "an array"):
        first.setdefault(compact(item), item)
    return list(first.values())


def array_contains(items: Any, value: Any) -> bool:
    return compact(value) in [compact(item) for item in _want(items, list, "an array")]


def hash_text(data: Any, algorithm: Any) -> str:
    if algorithm not in _HASHES:
        raise IntrinsicError(f"{compact(algorithm)} is none of {', '.join(_HASHES)}")
    text = data if isinstance(data, str) else compact(data)
    return hashlib.new(_HASHES[algorithm], _short(text).encode(), usedforsecurity=False).hexdigest()


def json_merge(one: Any, other: Any, deep: Any) -> dict[str, Any]:
    if deep is not False:
        raise IntrinsicError("the third argument must be false: only shallow merges exist")
    return {**_want(one, dict, "an object"), **_want(other, dict, "an object")}


def math_random(first: Any, last: Any, seed: Any = None) -> int:
    start, end = _integer(first), _integer(last)
    if start >= end:
        raise IntrinsicError(f"no number from {start} and below {end}")
    return (random if seed is None else random.Random(seed)).randrange(start, end)  # noqa: S311 - no secret


def string_split(text: Any, separators: Any) -> list[str]:
    """By any of the separators' characters, without empty parts."""
    marks = _want(separators, str, "a text")
    parts = re.split(f"[{re.escape(marks)}]", _want(text, str, "a text")) if marks else [text]
    return [part for part in parts if part]


def base64_decode(text: Any) -> str:
    try:
        return base64.b64decode(_short(_want(text, str, "a text")), validate=True).decode()
    except (ValueError, UnicodeDecodeError) as error:
        raise IntrinsicError(f"no Base64 of a text: {error}") from error


def _short(text: str) -> str:
    if len(text) > _TEXT_LIMIT:
        raise IntrinsicError(f"a text of {len(text)} characters, above {_TEXT_LIMIT}")
    return text


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "States.Array": lambda *values: list(values),
    "States.ArrayContains": array_contains,
    "States.ArrayGetItem": array_get_item,
    "States.ArrayLength": lambda items: len(_want(items, list, "an array")),
    "States.ArrayPartition": array_partition,
    "States.ArrayRange": array_range,
    "States.ArrayUnique": array_unique,
    "States.Base64Decode": base64_decode,
    "States.Base64Encode": lambda text: base64.b64encode(
        _short(_want(text, str, "a text")).encode()
    ).decode(),
    "States.Format": format_text,
    "States.Hash": hash_text,
    "States.JsonMerge": json_merge,
    "States.JsonToString": compact,
    "States.MathAdd": lambda one, other: _integer(one) + _integer(other),
    "States.MathRandom": math_random,
    "States.StringSplit": string_split,
    "States.StringToJson": string_to_json,
    "States.UUID": lambda: str(uuid.uuid4()),
}
