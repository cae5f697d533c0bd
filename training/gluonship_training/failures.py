"""How a job says why it failed: one message, in the log and in the file that SageMaker shows."""

from __future__ import annotations

import sys
from pathlib import Path

# SageMaker shows this many characters of the file as FailureReason.
SHOWN_CHARACTERS = 1024


class JobError(Exception):
    """What a person must change before the job can run; the message says what was wrong and what to do."""


def last_line(error: BaseException) -> str:
    """What an error says: MXNet puts it after a trace of its own."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__


class Stopped(Exception):
    """SIGTERM came: the job ends early, keeping what it has."""


def report(message: str, failure_file: Path) -> None:
    """Writes `message` to stderr and to `failure_file` (the container contract's output/failure).

    A later writer does not replace the file, so the toolkit's own generic text never hides it.
    """
    print("error: " + message, file=sys.stderr, flush=True)
    text = message if len(message) <= SHOWN_CHARACTERS else message[: SHOWN_CHARACTERS - 3] + "..."
    try:
        failure_file.parent.mkdir(parents=True, exist_ok=True)
        failure_file.write_text(text, encoding="utf-8")
    except OSError as error:
        print(
            f"error: could not write the reason to {failure_file}: {error.strerror}",
            file=sys.stderr,
            flush=True,
        )
