"""The fields of each type of state, in either query language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gluonship.local.stepfunctions.choice_rules import COMBINATIONS, comparison_of
from gluonship.local.stepfunctions.diagnostics import REFUSED, SCHEMA, Diagnostic, counted, required, typed
from gluonship.local.stepfunctions.json_paths import is_reference
from gluonship.local.stepfunctions.json_text import parsed_timestamp
from gluonship.local.stepfunctions.jsonata_expressions import is_expression
from gluonship.local.stepfunctions.jsonata_queries import syntax_errors
from gluonship.local.stepfunctions.payload_templates import mistakes, path_mistake
from gluonship.local.stepfunctions.visits import JSONATA, JSONPATH

_COMMON = frozenset(("Type", "Comment", "QueryLanguage"))
_FLOW = frozenset(("Next", "End", "Assign"))
_IN_OUT = frozenset(("InputPath", "OutputPath"))
_WORK = frozenset(("ResultPath", "ResultSelector", "Parameters"))
_TRIES = frozenset(("Retry", "Catch"))
_TIMES = frozenset(("TimeoutSeconds", "HeartbeatSeconds"))
_MAP = frozenset(("ItemProcessor", "ItemSelector", "MaxConcurrency", "Label"))
_DISTRIBUTED = frozenset(
    (
        "ItemReader",
        "ItemBatcher",
        "ResultWriter",
        "ToleratedFailureCount",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentage",
        "ToleratedFailurePercentagePath",
    )
)

_JSONPATH_FIELDS: Mapping[str, frozenset[str]] = {
    "Pass": _FLOW | _IN_OUT | {"Result", "ResultPath", "Parameters"},
    "Task": _FLOW
    | _IN_OUT
    | _WORK
    | _TRIES
    | _TIMES
    | {"Resource", "Credentials", "TimeoutSecondsPath", "HeartbeatSecondsPath"},
    "Choice": _IN_OUT | {"Choices", "Default", "Assign"},
    "Wait": _FLOW | _IN_OUT | {"Seconds", "Timestamp", "SecondsPath", "TimestampPath"},
    "Succeed": _IN_OUT,
    "Fail": frozenset(("Error", "Cause", "ErrorPath", "CausePath")),
    "Parallel": _FLOW | _IN_OUT | _WORK | _TRIES | {"Branches"},
    "Map": _FLOW
    | _IN_OUT
    | _WORK
    | _TRIES
    | _MAP
    | _DISTRIBUTED
    | {"Iterator", "ItemsPath", "MaxConcurrencyPath"},
}
_JSONATA_FIELDS: Mapping[str, frozenset[str]] = {
    "Pass": _FLOW | {"Output"},
    "Task": _FLOW | _TRIES | _TIMES | {"Resource", "Credentials", "Arguments", "Output"},
    "Choice": frozenset(("Choices", "Default", "Assign", "Output")),
    "Wait": _FLOW | {"Seconds", "Timestamp", "Output"},
    "Succeed": frozenset(("Output",)),
    "Fail": frozenset(("Error", "Cause")),
    "Parallel": _FLOW | _TRIES | {"Branches", "Arguments", "Output"},
    "Map": _FLOW | _TRIES | _MAP | _DISTRIBUTED | {"Items", "Output"},
}
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign")
_PATHS = (
    "InputPath",
    "OutputPath",
    "ItemsPath",
    "SecondsPath",
    "TimestampPath",
    "TimeoutSecondsPath",
    "HeartbeatSecondsPath",
    "MaxConcurrencyPath",
    "ErrorPath",
    "CausePath",
)
_QUERIES = (
    "Arguments",
    "Output",
    "Assign",
    "Items",
    "ItemSelector",
    "Seconds",
    "Timestamp",
    "Error",
    "Cause",
)


def check_state(state: Mapping[str, Any], where: str, language: str, outer: str) -> Iterator[Diagnostic]:
    """A state's own mistakes; `language` is the one it speaks, `outer` its machine's."""
    if language not in (JSONATA, JSONPATH) or (outer == JSONATA and language != JSONATA):
        yield Diagnostic(SCHEMA, f"QueryLanguage {language!r} cannot be used here", f"{where}/QueryLanguage")
        return
    table = _JSONATA_FIELDS if language == JSONATA else _JSONPATH_FIELDS
    kind = str(state.get("Type"))
    if kind not in table:
        shown = f"'Type' must be one of {', '.join(sorted(table))}"
        yield Diagnostic(SCHEMA, shown, f"{where}/Type")
        return
    for field in sorted(set(state) - table[kind] - _COMMON):
        yield Diagnostic(
            SCHEMA, f"Field '{field}' is not supported in a {kind} state in {language}", f"{where}/{field}"
        )
    yield from _end(state, kind, where)
    yield from _assign(state, where)
    yield from _kind(state, kind, where, language)
    yield from _tries(state, where)
    yield from (_queries if language == JSONATA else _paths)(state, where)


def _assign(holder: Mapping[str, Any], where: str) -> Iterator[Diagnostic]:
    """AWS: names of variables are identifiers of Unicode, at most 80 characters."""
    yield from typed(holder, "Assign", dict, where)
    names = holder.get("Assign")
    for name in names if isinstance(names, dict) else ():
        plain = name.removesuffix(".$")
        if not plain.isidentifier() or len(plain) > 80 or plain == "states":
            yield Diagnostic(SCHEMA, f"{plain!r} cannot be the name of a variable", f"{where}/Assign/{name}")


def _end(state: Mapping[str, Any], kind: str, where: str) -> Iterator[Diagnostic]:
    yield from typed(state, "Next", str, where)
    yield from typed(state, "Default", str, where)
    if kind in ("Choice", "Succeed", "Fail"):
        return
    if ("Next" in state) == (state.get("End") is True):
        yield Diagnostic(SCHEMA, 'Exactly one of Next or "End": true is required', where)


def _kind(state: Mapping[str, Any], kind: str, where: str, language: str) -> Iterator[Diagnostic]:
    if kind == "Wait":
        given = [each for each in ("Seconds", "Timestamp", "SecondsPath", "TimestampPath") if each in state]
        if len(given) != 1:
            yield Diagnostic(
                SCHEMA, "Exactly one of Seconds, Timestamp, SecondsPath, TimestampPath is required", where
            )
        if not is_expression(state.get("Seconds")):
            yield from counted(state, "Seconds", 0, where)
        yield from _literal_time(state, where)
    elif kind == "Choice":
        yield from _choices(state, where, language)
    elif kind == "Parallel":
        yield from required(state, ["Branches"], where)
        yield from typed(state, "Branches", list, where)
        branches = state.get("Branches")
        for number, branch in enumerate(branches if isinstance(branches, list) else ()):
            if not isinstance(branch, dict):
                yield Diagnostic(SCHEMA, "Expected value of type Object", f"{where}/Branches[{number}]")
        if branches == []:
            yield Diagnostic(SCHEMA, "A Parallel state has one branch at least", f"{where}/Branches")
    elif kind == "Map":
        yield from _map(state, where)


def _literal_time(state: Mapping[str, Any], where: str) -> Iterator[Diagnostic]:
    text = state.get("Timestamp")
    if text is None or is_expression(text):
        return
    try:
        parsed_timestamp(text)
    except (TypeError, ValueError):
        yield Diagnostic(SCHEMA, "Value is not a valid RFC3339 timestamp", f"{where}/Timestamp")


def _map(state: Mapping[str, Any], where: str) -> Iterator[Diagnostic]:
    if ("ItemProcessor" in state) == ("Iterator" in state):
        yield Diagnostic(SCHEMA, "These fields are required: [ItemProcessor]", where)
    yield from typed(state, "ItemProcessor", dict, where)
    yield from typed(state, "Iterator", dict, where)
    processor = state.get("ItemProcessor", {})
    config = processor.get("ProcessorConfig", {}) if isinstance(processor, dict) else {}
    distributed = [f"{where}/{field}" for field in sorted(_DISTRIBUTED & set(state))]
    if isinstance(config, dict) and config.get("Mode") == "DISTRIBUTED":
        distributed.insert(0, f"{where}/ItemProcessor/ProcessorConfig/Mode")
    if distributed:
        yield Diagnostic(
            REFUSED, "The local cloud runs inline Map states only, no distributed ones", distributed[0]
        )


def _choices(state: Mapping[str, Any], where: str, language: str) -> Iterator[Diagnostic]:
    rules = state.get("Choices")
    if not isinstance(rules, list) or not rules:
        yield Diagnostic(SCHEMA, "These fields are required: [Choices]", where)
        return
    for number, rule in enumerate(rules):
        place = f"{where}/Choices[{number}]"
        if not isinstance(rule, dict):
            yield Diagnostic(SCHEMA, "A rule must be a JSON object", place)
            continue
        yield from required(rule, ["Next"], place)
        yield from typed(rule, "Next", str, place)
        yield from _assign(rule, place)
        if language == JSONATA:
            yield from required(rule, ["Condition"], place)
            yield from _queries(rule, place, ("Condition", "Output", "Assign"))
        else:
            yield from _rule(rule, place)


def _rule(rule: Mapping[str, Any], place: str) -> Iterator[Diagnostic]:
    operators = comparison_of(rule)
    if len(operators) != 1:
        yield Diagnostic(SCHEMA, "A rule needs exactly one comparison operator", place)
        return
    name = operators[0]
    if name in COMBINATIONS:
        inner = [rule[name]] if name == "Not" else rule[name]
        if not isinstance(inner, list) or not inner:
            yield Diagnostic(SCHEMA, "Expected a non-empty Array of rules", f"{place}/{name}")
            return
        for number, part in enumerate(inner):
            if isinstance(part, dict):
                yield from _rule(part, f"{place}/{name}[{number}]")
            else:
                yield Diagnostic(SCHEMA, "A rule must be a JSON object", f"{place}/{name}[{number}]")
        return
    yield from required(rule, ["Variable"], place)
    for field in ("Variable", *([name] if name.endswith("Path") else [])):
        if field in rule and (wrong := path_mistake(rule[field])):
            yield Diagnostic(SCHEMA, f"Invalid path: {wrong}", f"{place}/{field}")
    if name.startswith("Numeric") and not name.endswith("Path"):
        yield from typed(rule, name, (int, float), place)
    if (name.startswith("Is") or name == "BooleanEquals") and not isinstance(rule[name], bool):
        yield Diagnostic(SCHEMA, "Expected value of type Boolean", f"{place}/{name}")
    if name.startswith("String"):
        yield from typed(rule, name, str, place)


def _tries(state: Mapping[str, Any], where: str) -> Iterator[Diagnostic]:
    for field, needed in (("Retry", ["ErrorEquals"]), ("Catch", ["ErrorEquals", "Next"])):
        rules = state.get(field, [])
        if not isinstance(rules, list):
            yield Diagnostic(SCHEMA, "Expected value of type Array", f"{where}/{field}")
            continue
        for number, rule in enumerate(rules):
            yield from _try(rule, field, needed, number == len(rules) - 1, f"{where}/{field}[{number}]")


def _try(rule: Any, field: str, needed: list[str], last: bool, place: str) -> Iterator[Diagnostic]:
    if not isinstance(rule, dict):
        yield Diagnostic(SCHEMA, "Expected value of type Object", place)
        return
    yield from required(rule, needed, place)
    names = rule.get("ErrorEquals")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        yield Diagnostic(
            SCHEMA, "ErrorEquals must be a non-empty array of error names", f"{place}/ErrorEquals"
        )
    elif "States.ALL" in names and (len(names) > 1 or not last):
        shown = "States.ALL must be alone, and in the last rule"
        yield Diagnostic(SCHEMA, shown, f"{place}/ErrorEquals")
    for number, least in (("IntervalSeconds", 1), ("MaxAttempts", 0), ("MaxDelaySeconds", 1)):
        yield from counted(rule, number, least, place)
    yield from typed(rule, "BackoffRate", (int, float), place)
    if isinstance(rule.get("BackoffRate"), (int, float)) and rule["BackoffRate"] < 1:
        yield Diagnostic(SCHEMA, "BackoffRate must be at least 1", f"{place}/BackoffRate")
    if rule.get("JitterStrategy", "NONE") not in ("NONE", "FULL"):
        yield Diagnostic(SCHEMA, "JitterStrategy must be NONE or FULL", f"{place}/JitterStrategy")
    if field == "Catch":
        yield from typed(rule, "Next", str, place)
        yield from _assign(rule, place)
        yield from _queries(rule, place, ("Output",))
        yield from _result_path(rule, place)


def _paths(state: Mapping[str, Any], where: str) -> Iterator[Diagnostic]:
    for field in _PATHS:
        if state.get(field) is not None and (wrong := path_mistake(state[field])):
            yield Diagnostic(SCHEMA, f"Invalid path: {wrong}", f"{where}/{field}")
    for field in _TEMPLATES:
        for message, place in mistakes(state.get(field), f"{where}/{field}"):
            yield Diagnostic(SCHEMA, message, place)
    yield from typed(state, "MaxConcurrency", int, where)
    yield from _result_path(state, where)


def _result_path(rule: Mapping[str, Any], where: str) -> Iterator[Diagnostic]:
    text = rule.get("ResultPath")
    if text is None:
        return
    wrong = path_mistake(text)
    if not wrong and not is_reference(text):
        wrong = f"{text} is not a place in the input"
    if wrong:
        yield Diagnostic(SCHEMA, f"Value is not a Reference Path: {wrong}", f"{where}/ResultPath")


def _queries(
    holder: Mapping[str, Any], where: str, fields: tuple[str, ...] = _QUERIES
) -> Iterator[Diagnostic]:
    found = [each for field in fields for each in _expressions(holder.get(field), f"{where}/{field}")]
    wrongs = syntax_errors([expression for _, expression in found])
    for (place, _), wrong in zip(found, wrongs, strict=True):
        if wrong:
            yield Diagnostic(SCHEMA, f"Invalid JSONata expression: {wrong}", place)


def _expressions(template: Any, place: str) -> Iterator[tuple[str, str]]:
    """All of a template, each with its place."""
    if isinstance(template, dict):
        for name, part in template.items():
            yield from _expressions(part, f"{place}/{name}")
    elif isinstance(template, list):
        for number, part in enumerate(template):
            yield from _expressions(part, f"{place}[{number}]")
    elif is_expression(template):
        yield place, template
