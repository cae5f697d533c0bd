"""The job's log: lines that a person reads while it runs."""

from __future__ import annotations


def say(message: str) -> None:
    """One line, at once: a killed job must not take its last lines with it."""
    print(message, flush=True)


def duration(seconds: float) -> str:
    """A length of time in words: 45 s, 3 min 20 s, 2 h 5 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
