"""How a construct refuses its props: at synthesis, in words, naming the prop and what AWS takes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aws_cdk import Token


class InvalidProps(ValueError):
    """A prop that AWS would refuse, or that would deploy and then not do what it says."""


def whole(prop: str, value: int, minimum: int, maximum: int, unit: str) -> None:
    """`value` is a whole number from `minimum` to `maximum`. What is known only at deployment passes."""
    number(prop, value, minimum, maximum, unit)
    if not Token.is_unresolved(value) and int(value) != value:
        raise InvalidProps(f"{prop} is {value!r}; give a whole number of {unit}.")


def number(prop: str, value: float, minimum: float, maximum: float, unit: str) -> None:
    """`value` is a number from `minimum` to `maximum`. What is known only at deployment passes."""
    if Token.is_unresolved(value):
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value <= maximum:
        raise InvalidProps(f"{prop} is {value!r}; give {minimum:g} to {maximum:g} {unit}.")


def matches(prop: str, value: str, pattern: str, rule: str) -> None:
    """The whole of `value` matches; `rule` says the pattern in words. Tokens pass."""
    if not Token.is_unresolved(value) and not re.fullmatch(pattern, value):
        raise InvalidProps(f"{prop} is {value!r}; {rule}.")


def one_of(prop: str, value: str, allowed: Iterable[str]) -> None:
    choices = list(allowed)
    if value not in choices:
        raise InvalidProps(f"{prop} is {value!r}; choose one of {', '.join(choices)}.")


NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
NAME_RULE = "use 1 to 63 letters, digits and hyphens, with a letter or a digit at either end"


def sagemaker_name(prop: str, value: str) -> None:
    """The rule for names of endpoints and variants (CreateEndpoint, ProductionVariant)."""
    matches(prop, value, NAME, NAME_RULE)
