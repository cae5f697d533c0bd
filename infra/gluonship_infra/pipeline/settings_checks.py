"""Checks of single settings: each gives '' or a clause about the value, which says what is allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gluonship_infra import instance_types

_RATE = re.compile(r"rate\((?:1 (?:minute|hour|day)|(?!0|1 )\d+ (?:minutes|hours|days))\)")
_CRON = re.compile(r"cron\((\S+ ){5}\S+\)")
# Of the characters that S3 calls safe, those that SageMaker's metadata and EventBridge's patterns take too.
_KEY = re.compile(r"[A-Za-z0-9_.=-][A-Za-z0-9_.=/-]*")
_ALARM = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,254}")

COMPILE_TARGETS = frozenset({
    "ml_c4", "ml_c5", "ml_c6g", "ml_g4dn", "ml_inf1", "ml_m4", "ml_m5", "ml_m6g", "ml_p2", "ml_p3",
    "aisage", "amba_cv2", "amba_cv22", "amba_cv25", "coreml", "deeplens", "imx8mplus", "imx8qm",
    "jacinto_tda4vm", "jetson_nano", "jetson_tx1", "jetson_tx2", "jetson_xavier", "qcs603", "qcs605",
    "rasp3b", "rasp4b", "rk3288", "rk3399", "sbe_c", "sitara_am57x", "x86_win32", "x86_win64",
})  # fmt: skip
"""SageMaker Neo's targets, by their names in CreateCompilationJob's TargetDevice."""


def whole(value: Any, low: int, high: int) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return ""
    return _is(value, f"a whole number from {low} to {high}")


def fraction(value: Any, low: float, high: float) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
        return ""
    return _is(value, f"a number from {low:g} to {high:g}")


def true_or_false(value: Any) -> str:
    return "" if isinstance(value, bool) else _is(value, "true or false")


def text(value: Any) -> str:
    if isinstance(value, str) and value.strip() == value != "":
        return ""
    return _is(value, "a text without spaces around it")


def one_of(value: Any, allowed: Sequence[str]) -> str:
    return "" if value in allowed else _is(value, " or ".join(allowed))


def instance_type(value: Any, purpose: instance_types.Purpose) -> str:
    """Of SageMaker's types for the purpose, those that the kit's code computes on."""
    if not isinstance(value, str) or value not in instance_types.of(purpose):
        near = ", ".join(instance_types.nearest(purpose, str(value)))
        return _is(value, f"an instance type that SageMaker has for {purpose}, such as {near}")
    if instance_types.has_accelerator(value):
        return _is(value, "one without Trainium, Inferentia or Gaudi, on which MXNet 1.9 does not run")
    if purpose != "training" and instance_types.has_gpu(value):
        return _is(
            value, "one without a GPU: outside training, the kit's classifier computes on the CPU alone"
        )
    return ""


def volume(gigabytes: int, type_: str) -> str:
    """A volume is asked for in vain where an instance type has a disk of its own, and refused if larger."""
    most = instance_types.LEAST_LOCAL_DISK_GIGABYTES
    if gigabytes <= most or not instance_types.has_local_disk(type_):
        return ""
    return _is(gigabytes, f"{most} at most for {type_}, which stores on a disk of its own, of a fixed size")


def key_prefix(value: Any) -> str:
    if isinstance(value, str) and _KEY.fullmatch(value) and "//" not in value:
        return ""
    return _is(
        value, "a key prefix in the data bucket, such as datasets/current, of letters, digits and _ . = / -"
    )


def schedule(value: Any) -> str:
    if isinstance(value, str) and (_RATE.fullmatch(value) or _CRON.fullmatch(value)):
        return ""
    return _is(
        value,
        "EventBridge's rate(1 day), rate(12 hours), ... or cron(minutes hours day month weekday year)",
    )


def hyperparameters(values: Any, known: Sequence[str], elsewhere: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The problems by hyperparameter ("" for all together); those `elsewhere` are settings of their own."""
    if not isinstance(values, Mapping):
        yield "", _is(values, "a table of names and values")
        return
    for key, value in values.items():
        if key in elsewhere:
            yield key, f"is a setting of its own; set {key.replace('-', '_')} instead"
        elif key not in known:
            close = difflib.get_close_matches(str(key).replace("_", "-"), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(known)}"
            yield str(key), f"is not a hyperparameter that can be set; {hint}"
        elif not isinstance(value, (str, int, float, bool)):
            yield key, _is(value, "a text, a number, true or false")


def compile_targets(values: Any) -> str:
    if isinstance(values, str) or not isinstance(values, Sequence):
        return _is(values, "a list of targets")
    if unknown := [value for value in values if value not in COMPILE_TARGETS]:
        return (
            f"names {', '.join(map(repr, unknown))}, which SageMaker Neo does not have; "
            f"allowed are {', '.join(sorted(COMPILE_TARGETS))}"
        )
    if len(set(values)) != len(values):
        return "names a target twice; allowed is each once"
    return "" if len(values) <= 9 else f"names {len(values)} targets; allowed are 9 at most"


def names(values: Any, most: int) -> str:
    fitting = (
        not isinstance(values, str)
        and isinstance(values, Sequence)
        and len(values) <= most
        and all(isinstance(value, str) and _ALARM.fullmatch(value) for value in values)
    )
    return "" if fitting else _is(values, f"a list of at most {most} alarms' names")


def _is(value: Any, allowed: str) -> str:
    return f"is {value!r}; allowed is {allowed}"
