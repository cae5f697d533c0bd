"""The written report: what was checked, what was found, and every exception with its reason.

The CDK's own validation-report.json has the findings; cdk-nag drops what is acknowledged before the CDK sees
it, so the exceptions are read from the constructs' metadata.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

NAME = "rules-report.csv"
_ACKNOWLEDGED = "aws:cdk:acknowledged-rules"
_MILD = ("warning", "info")
_COLUMNS = ("result", "rule", "construct", "text")

Result = Literal["acknowledged", "warning", "violation"]


@dataclass(frozen=True, order=True)
class Line:
    """One line of the report: an exception with its reason, or a warning or violation with what was found."""

    result: Result
    rule: str
    construct: str
    text: str


def write_report(assembly: Path) -> Path:
    """Writes rules-report.csv into a synthesised assembly's folder (also of one whose validation failed)."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for line in lines(assembly):
        writer.writerow((line.result, line.rule, line.construct, line.text))
    target = assembly / NAME
    target.write_text(content.getvalue(), encoding="utf-8")
    return target


def lines(assembly: Path) -> list[Line]:
    """The report's lines: what is acknowledged, then what was found."""
    return sorted(set(_acknowledged(assembly))) + sorted(set(_found(assembly)))


def _acknowledged(assembly: Path) -> Iterator[Line]:
    for path in sorted(assembly.glob("*.metadata.json")):
        for construct, entries in _read(path).items():
            for entry in entries:
                if entry["type"] == _ACKNOWLEDGED:
                    for rule, reason in entry["data"].items():
                        yield Line("acknowledged", rule.removeprefix("Annotation::"), construct[1:], reason)


def _found(assembly: Path) -> Iterator[Line]:
    report = assembly / "validation-report.json"
    if not report.exists():
        return
    for plugin in _read(report)["pluginReports"]:
        for violation in plugin["violations"]:
            for construct in violation["violatingConstructs"]:
                where = construct.get("constructPath", "")
                result: Result = "warning" if violation.get("severity") in _MILD else "violation"
                yield Line(result, violation["ruleName"], where, violation["description"])


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
