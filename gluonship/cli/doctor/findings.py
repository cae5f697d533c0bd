"""What the doctor found: one finding a check, with the cure where something is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["ok", "failed", "warning"]


@dataclass(frozen=True)
class Finding:
    check: str  # what was looked at
    verdict: Verdict
    detail: str  # what was seen
    cure: str = ""  # what to do, where it is not ok

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


def ok(check: str, detail: str) -> Finding:
    return Finding(check, "ok", detail)


def failed(check: str, detail: str, cure: str) -> Finding:
    return Finding(check, "failed", detail, cure)


def warning(check: str, detail: str, cure: str) -> Finding:
    return Finding(check, "warning", detail, cure)


def healthy(findings: Iterable[Finding]) -> bool:
    return all(finding.verdict != "failed" for finding in findings)
