"""Everything known of a resource, and the texts that are made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN

PLACE = re.compile(r"\{([A-Za-z_][\w.]*)\}")
"""A fact's place in a text: `{BucketName}`."""


def look_up(known: Mapping[str, Any], name: str) -> Any:
    """The fact of a name, in whichever case an API spells it, dots for nested ones; None where none is."""
    if name in known:
        return known[name]
    for key, value in known.items():
        if key.lower() == name.lower():
            return value
    head, _, rest = name.partition(".")
    inner = look_up(known, head) if rest else None
    if inner is UNKNOWN:
        return UNKNOWN
    return look_up(inner, rest) if isinstance(inner, Mapping) else None


def found_at(path: str, value: Any) -> Any:
    """What lies at a dotted path, numbers for elements of lists; None where nothing does."""
    for step in path.split(".") if path else ():
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value


def filled(template: Any, known: Mapping[str, Any]) -> Any:
    """`{Name}` in texts replaced by facts; unknown where one is. Raises KeyError for what is no fact."""
    if isinstance(template, Mapping):
        return {key: filled(each, known) for key, each in template.items()}
    if isinstance(template, (list, tuple)):
        return [filled(each, known) for each in template]
    if not isinstance(template, str):
        return template
    values = {name: look_up(known, name) for name in PLACE.findall(template)}
    for name, value in values.items():
        if value is UNKNOWN:
            return UNKNOWN
        if value is None:
            raise KeyError(name)
    whole = PLACE.fullmatch(template)
    return values[whole[1]] if whole else PLACE.sub(lambda found: str(values[found[1]]), template)


def jsonable(value: Any) -> Any:
    """An answer as JSON has it: times as ISO texts, bytes as text."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(each) for each in value]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "read"):
        return jsonable(value.read())
    return value
