"""What a resource's schema has against its properties, in sentences that name the path.

jsonschema does the work (draft 7, which the schemas are written in). Three things are CloudFormation's own:
the value that is not known yet, which every rule takes; a few keywords of cfn-lint's; and the sentences.
"""

from __future__ import annotations

import difflib
import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jsonschema import (  # type: ignore[import-untyped]
    Draft7Validator,
    TypeChecker,
    ValidationError,
    validators,
)

from gluonship.local.cloudformation.contract import UNKNOWN, Properties
from gluonship.local.cloudformation.template.values import has_unknown
from gluonship.local.cloudformation.types.coercion import is_type
from gluonship.local.cloudformation.types.patterns import matches
from gluonship.local.cloudformation.types.schema import ResourceSchema

# jsonschema itself asks the names of an object; none of the schemas' patterns of names takes longer than some
# 50 ms with this many characters.
_LONGEST_NAME = 4096

Keyword = Callable[..., Iterable[ValidationError] | None]


def problems(schema: ResourceSchema, properties: Properties) -> list[str]:
    """Everything wrong, by the schema. The properties are coerced already."""
    found: list[str] = []
    read_only = {path[0] for path in schema.read_only if len(path) == 1}
    given = {}
    for name, value in properties.items():
        if name in read_only:
            found.append(f"Properties/{name}: is read-only, a template cannot give it")
        else:
            given[name] = value
    for error in _leaves(_validator(schema.type_name, schema).iter_errors(given)):
        sentence = _sentence(schema, error)
        if sentence not in found:
            found.append(sentence)
    return found


@functools.cache
def _validator(type_name: str, schema: ResourceSchema) -> Any:
    return _Validator({**schema.raw, "type": "object"})


def suggestion(name: str, known: Iterable[str]) -> str:
    """` (did you mean X?)`, or nothing."""
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), by_lower, 1, 0.75)
    return f" (did you mean {by_lower[near[0]]}?)" if near else ""


def _leaves(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """The errors themselves; of alternatives that none fit, those of the one that fits best."""
    for error in errors:
        if error.validator in ("oneOf", "anyOf") and error.context:
            by_branch: dict[Any, list[ValidationError]] = {}
            for each in error.context:
                by_branch.setdefault(each.schema_path[0], []).append(each)
            branches = list(by_branch.values())
            if all(len(branch) == 1 and branch[0].validator == "required" for branch in branches):
                yield _one_required(error, [branch[0] for branch in branches])
                continue
            nearest = min(branches, key=len)
            yield from _leaves(_under(error, nearest))
        else:
            yield error


def _one_required(parent: ValidationError, missing: list[ValidationError]) -> ValidationError:
    """Of alternatives that each only want another property."""
    names = [name for each in missing for name in each.validator_value]
    said = ValidationError(f"one of {', '.join(dict.fromkeys(names))} is required", instance=parent.instance)
    said.parent = parent
    return said


def _under(parent: ValidationError, children: list[ValidationError]) -> Iterator[ValidationError]:
    for child in children:
        child.parent = parent
        yield child


def _sentence(schema: ResourceSchema, error: ValidationError) -> str:
    path = tuple(str(step) for step in error.absolute_path)
    where = "/".join(("Properties", *path))
    rule, value = error.validator, error.instance
    if rule == "additionalProperties" and isinstance(value, Mapping):
        known = schema.names_below(path)
        patterns = error.schema.get("patternProperties", {})
        extra = [name for name in value if name not in known and not any(matches(p, name) for p in patterns)]
        return "; ".join(
            f"{where}/{name}: there is no such property{suggestion(name, known)}" for name in extra
        )
    said = _said(rule, error, value)
    return f"{where}: {said}"


def _said(rule: str, error: ValidationError, value: Any) -> str:
    wanted = error.validator_value
    if rule == "enum":
        near = suggestion(str(value), map(str, wanted))
        return f"{value!r} is not one of {', '.join(map(str, wanted))}"[:400] + near
    if rule == "type":
        types = wanted if isinstance(wanted, str) else " or ".join(wanted)
        return f"{_shown(value)} is not of type {types}"
    if rule == "pattern":
        return f"{_shown(value)} does not match {wanted}"[:400]
    if rule == "required":
        missing = [name for name in wanted if isinstance(value, Mapping) and name not in value]
        return f"{error.message.split(chr(39))[1]} is required" if missing else str(error.message)
    if rule in ("minLength", "maxLength"):
        return f"{_shown(value)} has {len(value)} characters; {rule} is {wanted}"
    return str(error.message)[:400]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


# --- the rules -------------------------------------------------------------------------------------------


def _tolerant(rule: Keyword) -> Keyword:
    """A rule that takes what is not known yet."""

    @functools.wraps(rule)
    def check(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterable[ValidationError]:
        if instance is not UNKNOWN:
            yield from rule(validator, wanted, instance, schema) or ()

    return check


def _pattern(validator: Any, wanted: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Not asked of a text that is too long anyway."""
    longest = schema.get("maxLength", math.inf)
    if isinstance(instance, str) and len(instance) <= longest and not matches(wanted, instance):
        yield ValidationError("")


def _with_short_names(rule: Keyword) -> Keyword:
    """A rule that asks patterns of an object's names."""

    @functools.wraps(rule)
    def check(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterable[ValidationError]:
        longest = max(map(len, instance), default=0) if isinstance(instance, Mapping) else 0
        if longest > _LONGEST_NAME:
            said = f"a name in it has {longest} characters; {_LONGEST_NAME} are the most"
            yield ValidationError(said, validator="propertyNames")
        else:
            yield from rule(validator, wanted, instance, schema) or ()

    return check


def _unique_items(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(instance, list):
        known = [repr(each) for each in instance if not has_unknown(each)]
        twice = sorted(each for each, times in Counter(known).items() if times > 1)
        if twice:
            yield ValidationError(f"{twice[0]} is there twice")


def _one_of(validator: Any, wanted: list[Any], instance: Any, schema: Any) -> Iterator[ValidationError]:
    """At least one: in the schemas, alternatives that overlap are common (and cfn-lint calls them so)."""
    context: list[ValidationError] = []
    for index, branch in enumerate(wanted):
        errors = list(validator.descend(instance, branch, schema_path=index))
        if not errors:
            return
        context.extend(errors)
    yield ValidationError("fits none of the alternatives", context=context)


def _required_xor(validator: Any, wanted: list[str], instance: Any, schema: Any) -> Iterator[ValidationError]:
    given = [name for name in wanted if isinstance(instance, Mapping) and name in instance]
    if isinstance(instance, Mapping) and len(given) != 1:
        yield ValidationError(f"exactly one of {', '.join(wanted)} is required; {len(given)} are given")


def _required_or(validator: Any, wanted: list[str], instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, Mapping) and not any(name in instance for name in wanted):
        yield ValidationError(f"one of {', '.join(wanted)} is required")


def _excluded(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, Mapping):
        for name, others in wanted.items():
            for other in others:
                if name in instance and other in instance:
                    yield ValidationError(f"{name} and {other} exclude each other")


def _enum_ignoring_case(
    validator: Any, wanted: list[str], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if str(instance).lower() not in {str(each).lower() for each in wanted}:
        yield ValidationError(f"{instance!r} is not one of {', '.join(map(str, wanted))}")


def _format(validator: Any, wanted: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """The formats name types of identifiers; AWS answers for them when it is called."""
    return iter(())


_RULES: dict[str, Keyword] = {
    **Draft7Validator.VALIDATORS,
    "pattern": _pattern,
    "patternProperties": _with_short_names(Draft7Validator.VALIDATORS["patternProperties"]),
    "additionalProperties": _with_short_names(Draft7Validator.VALIDATORS["additionalProperties"]),
    "uniqueItems": _unique_items,
    "oneOf": _one_of,
    "requiredXor": _required_xor,
    "requiredOr": _required_or,
    "dependentExcluded": _excluded,
    "enumCaseInsensitive": _enum_ignoring_case,
    "format": _format,
}
# A reference must be followed, or rules below it would be lost.
_Validator = validators.create(
    meta_schema={},
    validators={name: rule if name == "$ref" else _tolerant(rule) for name, rule in _RULES.items()},
    type_checker=TypeChecker(
        {
            name: (lambda checker, value, name=name: value is UNKNOWN or is_type(name, value))
            for name in ("string", "boolean", "object", "array", "integer", "number", "null")
        }
    ),
)
