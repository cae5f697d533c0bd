"""What a target of a rule is given: the event, a part of it, a constant, or a text made of it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gluonship.local.events.envelopes import Envelope, instant

_VARIABLE = re.compile(r"<([^<>\s]+)>")
_STEP = re.compile(r"""\.([^.\[\]]+)|\['([^']*)'\]|\["([^"]*)"\]|\[(\d+|\*)\]""")
_WAYS = ("Input", "InputPath", "InputTransformer")


def problem(target: Mapping[str, Any]) -> str | None:
    """What is wrong with a target's input, in AWS's words, or None."""
    identity = target["Id"]
    if sum(way in target for way in _WAYS) > 1:
        return f"Only one of Input, InputPath, or InputTransformer must be provided for target {identity}."
    if "Input" in target and not _is_json(target["Input"]):
        return f"JSON text in Input for target {identity} is not valid."
    paths = target.get("InputTransformer", {}).get("InputPathsMap") or {}
    for path in [target["InputPath"]] if target.get("InputPath") else paths.values():
        if not _is_path(path):
            return f"Invalid JSON path {path} for target {identity}."
    for name in paths:
        if name.startswith("AWS") or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            return f"InputPathsMap key {name} of target {identity} is not a name."
    template = target.get("InputTransformer", {}).get("InputTemplate")
    if "InputTransformer" in target and not template:
        return f"InputTemplate must be provided for target {identity}."
    if template is not None and template.lstrip()[:1] in ("{", "["):
        sample = _filled(template, {}, lambda name: 0)
        if not _is_json(sample):
            return f"Invalid InputTemplate for target {identity} : it does not become JSON."
    return None


def text_for(target: Mapping[str, Any], event: Envelope, rule_arn: str, taken_in: datetime) -> str:
    """The text that goes to the target. Times of the event's own are as it has them."""
    if "Input" in target:
        return str(target["Input"])
    if target.get("InputPath"):
        return _compact(value_at(event, target["InputPath"]))
    transformer = target.get("InputTransformer")
    if not transformer:
        return _compact(event)
    paths = transformer.get("InputPathsMap") or {}
    values: dict[str, Any] = {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
        "aws.events.event.ingestion-time": instant(taken_in),
        "aws.events.event.json": event,
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
        **{name: value_at(event, path) for name, path in paths.items()},
    }
    return _filled(transformer["InputTemplate"], values, lambda name: "")


def value_at(event: Any, path: str) -> Any:
    """What a JSON path ($, .name, ['name'], [0], [*]) finds; None where there is nothing."""
    found = [event]
    several = False
    for step in _STEP.finditer(path, 1):
        name, index = next((each for each in step.groups()[:3] if each is not None), None), step[4]
        if index == "*":
            several = True
            found = [element for value in found if isinstance(value, list) for element in value]
        elif index is not None:
            found = [v[int(index)] for v in found if isinstance(v, list) and int(index) < len(v)]
        else:
            found = [value[name] for value in found if isinstance(value, dict) and name in value]
    if several:
        return found
    return found[0] if found else None


def _is_path(path: str) -> bool:
    return path.startswith("$") and _STEP.sub("", path[1:]) == ""


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _filled(template: str, values: Mapping[str, Any], missing: Any) -> str:
    """`template` with its <variables>: inside quotes their text, elsewhere their JSON."""

    def value_of(found: re.Match[str]) -> str:
        value = values.get(found[1])
        if value is None:
            value = missing(found[1])
        if not _inside_quotes(template, found.start()):
            return _compact(value)
        text = value if isinstance(value, str) else _compact(value).replace('"', "")
        return json.dumps(text, ensure_ascii=False)[1:-1]

    return _VARIABLE.sub(value_of, template)


def _inside_quotes(template: str, position: int) -> bool:
    return len(re.findall(r'(?<!\\)"', template[:position])) % 2 == 1
