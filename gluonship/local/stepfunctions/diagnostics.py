"""What is wrong with a definition, as AWS words it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA = "SCHEMA_VALIDATION_FAILED"
MOST = 99_999_999  # seconds, attempts: AWS's largest number in a definition
REFUSED = "LOCAL_CLOUD_REFUSED"  # not AWS's: right on AWS, not run here


@dataclass(frozen=True)
class Diagnostic:
    code: str
    message: str
    location: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message} at {self.location}"

    @property
    def shown(self) -> dict[str, str]:
        """As ValidateStateMachineDefinition gives it."""
        return {"severity": "ERROR", "code": self.code, "message": self.message, "location": self.location}


def typed(
    holder: Mapping[str, Any], field: str, kind: type | tuple[type, ...], place: str
) -> Iterator[Diagnostic]:
    """A mistake where a field is there and of another type. Numbers that count must not be negative."""
    if field not in holder:
        return
    value = holder[field]
    fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if not fits or (isinstance(value, (int, float)) and value < 0):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(_WORDS[each] for each in kinds)
        yield Diagnostic(SCHEMA, f"Expected value of type {wanted}", f"{place}/{field}")


def counted(holder: Mapping[str, Any], field: str, least: int, place: str) -> Iterator[Diagnostic]:
    """A mistake where a field is there and no whole number from `least` to AWS's 99,999,999."""
    if field not in holder:
        return
    value = holder[field]
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole and least <= value <= MOST):
        yield Diagnostic(SCHEMA, f"Expected an Integer from {least} to {MOST}", f"{place}/{field}")


def required(holder: Mapping[str, Any], fields: Sequence[str], place: str) -> Iterator[Diagnostic]:
    missing = [field for field in fields if field not in holder]
    if missing:
        yield Diagnostic(SCHEMA, f"These fields are required: [{', '.join(missing)}]", place)


_WORDS: Mapping[type, str] = {
    int: "Integer",
    float: "Number",
    str: "String",
    bool: "Boolean",
    list: "Array",
    dict: "Object",
}
