"""SearchExpression, SortBy and VisibilityConditions of SageMaker's Search, over resources as documents.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SearchExpression.html, API_Filter.html.
A document is what Search answers of a resource; its shape in botocore's model says which properties it may
have.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from gluonship.local.sagemaker.endpoint_resources import invalid

MAX_CONDITIONS = 50  # "The maximum number of recursive SubExpressions, NestedFilters, and Filters"

Document = Mapping[str, Any]
Condition = Callable[[Document], bool]

_NUMBERS = ("integer", "long", "float", "double")
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    **_ORDER,
    "Equals": operator.eq,
    "NotEquals": operator.eq,  # turned round where all values of a property are looked at
}


@dataclass(frozen=True)
class _Property:
    """A property by its dotted name. `type_name`: botocore's, of its values."""

    name: str
    type_name: str

    def values(self, document: Document) -> list[Any]:
        return list(_reached(_searched(document), self.name.split(".")))


def condition(expression: Mapping[str, Any], shape: Shape) -> Condition:
    """Whether a document satisfies a SearchExpression. Raises AwsError for one that AWS refuses."""
    if sum(1 for _ in _parts(expression)) > MAX_CONDITIONS:
        raise invalid(f"A SearchExpression can include up to {MAX_CONDITIONS} filters and subexpressions.")
    if sum(part.get("Operator") == "Contains" for part in _parts(expression)) > 1:
        raise invalid("'CONTAINS' operator usage limit of 1 exceeded.")
    return _condition(expression, shape)


def visible(conditions: Iterable[Mapping[str, str]], shape: Shape) -> Condition:
    """What has one of the keys must have the value that stands with it."""
    wanted = [(_property(each["Key"], shape), each["Value"]) for each in conditions]

    def check(document: Document) -> bool:
        found = ((known.values(document), value) for known, value in wanted)
        return all(not values or value in map(str, values) for values, value in found)

    return check


def ordered(documents: Iterable[Document], by: str, shape: Shape, *, descending: bool) -> list[Document]:
    """By a property. What lacks it comes last in either order."""
    known = _property(by, shape)
    if known.type_name in ("structure", "map"):
        raise invalid(f"SortBy {by} has properties of its own: name one of them.")
    found = [(known.values(document), document) for document in documents]
    having = [(values[0], document) for values, document in found if values]
    decimals = [_decimal(str(value)) for value, _ in having] if known.type_name == "string" else [None]
    if None not in decimals:  # hyperparameters are texts, and most are numbers
        having = [(number, document) for number, (_, document) in zip(decimals, having, strict=True)]
    having.sort(key=lambda pair: pair[0], reverse=descending)
    return [document for _, document in having] + [document for values, document in found if not values]


def _parts(expression: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for nested in expression.get("NestedFilters", ()):
        yield nested
        yield from nested["Filters"]
    yield from expression.get("Filters", ())
    for each in expression.get("SubExpressions", ()):
        yield each
        yield from _parts(each)


def _condition(expression: Mapping[str, Any], shape: Shape) -> Condition:
    conditions = [_filter(each, shape) for each in expression.get("Filters", ())]
    conditions += [_nested(each, shape) for each in expression.get("NestedFilters", ())]
    conditions += [_condition(each, shape) for each in expression.get("SubExpressions", ())]
    if not conditions:
        raise invalid("A SearchExpression needs at least one subexpression, filter, or nested filter.")
    joined = any if expression.get("Operator") == "Or" else all
    return lambda document: joined(check(document) for check in conditions)


def _nested(nested: Mapping[str, Any], shape: Shape) -> Condition:
    """Satisfied if one object of the list satisfies all filters, whose names begin with the list's."""
    name = nested["NestedPropertyName"]
    path = _property(name, shape).name.split(".")
    if name == "Tags":
        raise invalid("Tags are no list in a search: give a filter of Tags.KEY in Filters.")
    for each in nested["Filters"]:
        if not each["Name"].startswith(f"{name}."):
            raise invalid(f"Invalid nested filter: {each['Name']} is not a property of {name}.")
    checks = [_filter(each, shape) for each in nested["Filters"]]

    def check(document: Document) -> bool:
        alone = (_within(path, one) for one in _reached(document, path))
        return any(all(each(one) for each in checks) for one in alone)

    return check


def _within(path: Sequence[str], value: Any) -> dict[str, Any]:
    """A document with one value, at a path, in a list of its own."""
    return {path[0]: [value] if len(path) == 1 else _within(path[1:], value)}


def _filter(given: Mapping[str, str], shape: Shape) -> Condition:
    known, value = _property(given["Name"], shape), given.get("Value")
    name = given.get("Operator", "Equals")
    if name in ("Exists", "NotExists"):
        return lambda document: bool(known.values(document)) is (name == "Exists")
    if value is None:
        raise invalid(f"The filter of {known.name} needs a Value for its operator {name}.")
    compare = _comparison(known, name, value)
    if name == "NotEquals":
        return lambda document: not any(compare(each) for each in known.values(document))
    return lambda document: any(compare(each) for each in known.values(document))


def _comparison(known: _Property, name: str, value: str) -> Callable[[Any], bool]:
    """One value of the property against the filter's, by the property's type."""
    if name in ("Contains", "In"):
        if known.type_name != "string":
            raise invalid(f"The operator {name} is only supported for text properties; {known.name} is none.")
        choices = [each.strip() for each in value.split(",")]
        return lambda each: value in each if name == "Contains" else each in choices
    if known.type_name in _NUMBERS:
        number = _decimal(value)
        if number is None:
            raise invalid(f"The Value of {known.name} must be an integer or a decimal; it is {value!r}.")
        return _compared(name, number)
    if known.type_name == "timestamp":
        return _compared(name, _moment(known.name, value))
    if known.type_name == "boolean":
        wanted = value.lower()
        if wanted not in ("true", "false") or name in _ORDER:
            raise invalid(f"{known.name} is true or false: compare it by Equals or NotEquals.")
        return lambda each: each is (wanted == "true")
    if known.type_name != "string":
        raise invalid(f"{known.name} has properties of its own: name one of them, or use Exists.")
    if not known.name.startswith("HyperParameters."):
        if name in _ORDER:
            raise invalid(f"The operator {name} is not supported for text properties such as {known.name}.")
        return lambda each: bool(each == value)
    return _of_hyperparameters(known.name, name, value)


def _of_hyperparameters(parameter: str, name: str, value: str) -> Callable[[Any], bool]:
    """Numbers are compared as numbers: as integers if the filter's is one, else as decimals."""
    wanted = _decimal(value)
    if wanted is None:
        if name in _ORDER:
            raise invalid(f"The operator {name} needs a number as the Value of {parameter}; it is {value!r}.")
        return lambda each: bool(each == value)
    whole = value.lstrip("+-").isdecimal()
    compare = _compared(name, wanted)

    def check(each: str) -> bool:
        number = _decimal(each)
        return number is not None and compare(float(int(number)) if whole else number)

    return check


def _compared(name: str, wanted: Any) -> Callable[[Any], bool]:
    compare = _COMPARE[name]
    return lambda each: bool(compare(each, wanted))


def _decimal(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None  # neither nan nor an infinity


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(
            f"The Value of {name} must be a time such as 2026-01-31T23:59:59; it is {text!r}."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# --- properties ------------------------------------------------------------------------------------------


def _property(name: str, shape: Shape) -> _Property:
    first, _, rest = name.partition(".")
    if rest and first in ("Metrics", "Tags"):
        return _Property(name, "double" if first == "Metrics" else "string")
    type_name = _type(shape, name.split("."))
    if type_name is None:
        raise invalid(f"Unknown property name: {name}")
    return _Property(name, type_name)


def _type(shape: Shape, path: Sequence[str]) -> str | None:
    """botocore's name of the type at the path; None where there is no such property."""
    if isinstance(shape, ListShape):
        return _type(shape.member, path)
    if not path:
        return str(shape.type_name)
    if isinstance(shape, MapShape):
        return _type(shape.value, ())  # what is left is a key, dots and all
    if isinstance(shape, StructureShape) and path[0] in shape.members:
        return _type(shape.members[path[0]], path[1:])
    return None


def _searched(document: Document) -> dict[str, Any]:
    """With what has names of its own in a search: Tags.KEY and Metrics.NAME."""
    tags = {tag["Key"]: tag["Value"] for tag in document.get("Tags", ())}
    metrics = {each["MetricName"]: each["Value"] for each in document.get("FinalMetricDataList", ())}
    return {**document, "Tags": tags, "Metrics": metrics}


def _reached(value: Any, path: Sequence[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _reached(each, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping):
        whole = ".".join(path)  # the keys of tags, metrics and hyperparameters may have dots
        if whole in value:
            yield from _reached(value[whole], ())
        elif path[0] in value:
            yield from _reached(value[path[0]], path[1:])
