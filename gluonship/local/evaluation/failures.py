"""Why an evaluation has no result."""

from __future__ import annotations


class EvaluationFailed(Exception):
    """It went over its limits, or could not be made. The message is a sentence about it; `mark` is the last
    that the function said of where it was."""

    def __init__(self, message: str, mark: str = "") -> None:
        super().__init__(message)
        self.mark = mark


class Cancelled(Exception):
    """Who asked wants no answer any more."""
