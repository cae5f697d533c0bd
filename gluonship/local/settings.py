"""What a person may set about the local cloud, all of it from the environment: GLUONSHIP_*."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

_PREFIX = "GLUONSHIP_"


class SettingError(ValueError):
    """A GLUONSHIP_* variable holds what it cannot hold; the message names it and what it takes."""


def _setting(default: float | int | None, text: str, minimum: float = 0.0, of: type = float) -> float:
    return field(default=default, metadata={"text": text, "minimum": minimum, "of": of})  # type: ignore[return-value]


@dataclass(frozen=True)
class Settings:
    """Each field is read from GLUONSHIP_ and its name in capitals; its default is AWS's where it has one."""

    stop_grace_seconds: float = _setting(
        120.0, "between SIGTERM and SIGKILL when a training or processing job is stopped"
    )
    endpoint_startup_seconds: float = _setting(
        480.0, "how long an endpoint's container may take to answer /ping"
    )
    drain_seconds: float = _setting(30.0, "how long requests under way may take when an instance retires")
    down_grace_seconds: float = _setting(10.0, "how long `local down` waits for jobs before it kills them")
    memory_limit_bytes: int | None = _setting(  # type: ignore[assignment]
        None,
        "resident memory of one container's processes, above which it is killed (exit code 137)",
        2**20,
        int,
    )
    log_cap_bytes: int = _setting(  # type: ignore[assignment]
        64 * 2**20,
        "of one log stream in CloudWatch Logs; what is above stays in the file on disk",
        2**10,
        int,
    )
    payload_limit_bytes: int = _setting(  # type: ignore[assignment]
        6_291_456,
        "of the body of InvokeEndpoint, and of its answer",
        1,
        int,
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """The settings of `environment`; raises SettingError for a value out of range or not a number."""
        values: dict[str, float] = {}
        for each in dataclasses.fields(cls):
            text = environment.get(_PREFIX + each.name.upper(), "").strip()
            if text:
                values[each.name] = _parsed(each, text)
        return cls(**values)  # type: ignore[arg-type]


def _parsed(setting: dataclasses.Field[object], text: str) -> float:
    minimum = setting.metadata["minimum"]
    try:
        value: float = setting.metadata["of"](text)
    except ValueError:
        value = float("nan")
    if not value >= minimum:
        kind = "a whole number" if setting.metadata["of"] is int else "a number"
        raise SettingError(
            f"{_PREFIX}{setting.name.upper()}={text!r}: {setting.metadata['text']}; "
            f"takes {kind}, at least {minimum:g}"
        )
    return value
