"""Checks of single settings: each gives '' or a sentence that names the field and what is allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

_INSTANCE_TYPE = re.compile(r"ml\.[a-z][a-z0-9-]*\.(\d*x?large|medium|metal(-\d+xl)?)")
_RATE = re.compile(r"rate\((?:1 (?:minute|hour|day)|(?!0|1 )\d+ (?:minutes|hours|days))\)")
_CRON = re.compile(r"cron\((\S+ ){5}\S+\)")
_KEY = re.compile(r"[A-Za-z0-9!_.*'()=-][A-Za-z0-9!_.*'()=/-]*")
_ALARM = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,254}")

COMPILE_TARGETS = frozenset({
    "ml_c4", "ml_c5", "ml_c6g", "ml_g4dn", "ml_inf1", "ml_m4", "ml_m5", "ml_m6g", "ml_p2", "ml_p3",
    "aisage", "amba_cv2", "amba_cv22", "amba_cv25", "coreml", "deeplens", "imx8mplus", "imx8qm",
    "jacinto_tda4vm", "jetson_nano", "jetson_tx1", "jetson_tx2", "jetson_xavier", "qcs603", "qcs605",
    "rasp3b", "rasp4b", "rk3288", "rk3399", "sbe_c", "sitara_am57x", "x86_win32", "x86_win64",
})  # fmt: skip
"""SageMaker Neo's targets, by their names in CreateCompilationJob's TargetDevice."""


def whole(name: str, value: Any, low: int, high: int) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return ""
    return f"{name} must be a whole number from {low} to {high}, not {value!r}."


def fraction(name: str, value: Any, low: float, high: float) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
        return ""
    return f"{name} must be a number from {low:g} to {high:g}, not {value!r}."


def true_or_false(name: str, value: Any) -> str:
    return "" if isinstance(value, bool) else f"{name} must be true or false, not {value!r}."


def text(name: str, value: Any) -> str:
    if isinstance(value, str) and value.strip() == value != "":
        return ""
    return f"{name} must be a text without spaces around it, not {value!r}."


def one_of(name: str, value: Any, allowed: Sequence[str]) -> str:
    return "" if value in allowed else f"{name} must be {' or '.join(allowed)}, not {value!r}."


def instance_type(name: str, value: Any) -> str:
    if isinstance(value, str) and _INSTANCE_TYPE.fullmatch(value):
        return ""
    return f"{name} must be a SageMaker instance type such as ml.m5.xlarge, not {value!r}."


def key_prefix(name: str, value: Any) -> str:
    if isinstance(value, str) and _KEY.fullmatch(value) and "//" not in value:
        return ""
    return f"{name} must be a key prefix in the data bucket, such as datasets/current, not {value!r}."


def schedule(name: str, value: Any) -> str:
    if isinstance(value, str) and (_RATE.fullmatch(value) or _CRON.fullmatch(value)):
        return ""
    return (
        f"{name} must be EventBridge's rate(1 day), rate(12 hours), ... or cron(minutes hours day month "
        f"weekday year), not {value!r}."
    )


def hyperparameters(name: str, values: Any, known: Sequence[str]) -> list[str]:
    if not isinstance(values, Mapping):
        return [f"{name} must map names to values, not {values!r}."]
    found = []
    for key, value in values.items():
        if key not in known:
            close = difflib.get_close_matches(str(key).replace("_", "-"), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(known)}."
            found.append(f"{name}: {key!r} is not a hyperparameter that can be set; {hint}")
        elif not isinstance(value, (str, int, float, bool)):
            found.append(f"{name}: {key} must be a text, a number, true or false, not {value!r}.")
    return found


def compile_targets(name: str, values: Any) -> list[str]:
    if isinstance(values, str) or not isinstance(values, Sequence):
        return [f"{name} must be a list of targets, not {values!r}."]
    found = [
        f"{name}: {value!r} is not a target of SageMaker Neo; "
        f"allowed are {', '.join(sorted(COMPILE_TARGETS))}."
        for value in values
        if value not in COMPILE_TARGETS
    ]
    if len(set(values)) != len(values):
        found.append(f"{name} names a target twice.")
    if len(values) > 9:
        found.append(f"{name} must hold at most 9 targets, not {len(values)}.")
    return found


def names(name: str, values: Any, most: int) -> str:
    fitting = (
        not isinstance(values, str)
        and isinstance(values, Sequence)
        and len(values) <= most
        and all(isinstance(value, str) and _ALARM.fullmatch(value) for value in values)
    )
    return "" if fitting else f"{name} must be a list of at most {most} alarms' names, not {values!r}."
