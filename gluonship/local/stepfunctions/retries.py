"""Retry and Catch of a Task, Parallel or Map state.

AWS: "Handling errors in Step Functions workflows".
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from gluonship.local.stepfunctions.failures import QUERY, StatesError, matches
from gluonship.local.stepfunctions.halting import pause
from gluonship.local.stepfunctions.visits import Move, Visit

_ATTEMPTS, _INTERVAL_SECONDS, _BACKOFF = 3, 1, 2.0


def with_retries(
    visit: Visit, entered: int, attempt: Callable[[], Any], failed: Callable[[], None] = lambda: None
) -> Move:
    """Attempts until one succeeds, or its error is caught or given up.

    `failed` is told of the error that no Retry takes. Raises StatesError, HaltedError.
    """
    frame = visit.frame
    tries: Counter[int] = Counter()
    while True:
        try:
            return visit.move(visit.finish(attempt()))
        except StatesError as error:
            error.placed(visit.name, entered)
            if error.error == QUERY:
                frame.record(
                    "EvaluationFailed", {"error": QUERY, "cause": error.cause or "", "state": visit.name}
                )
            number = _first(visit.state.get("Retry", ()), error)
            if number is not None:
                retrier = visit.state["Retry"][number]
                if tries[number] < retrier.get("MaxAttempts", _ATTEMPTS):
                    pause(delay_seconds(retrier, tries[number]), frame.run.around.clock, frame.halt)
                    tries[number] += 1
                    frame.state["RetryCount"] += 1
                    continue
            failed()
            return _caught(visit, error)


def delay_seconds(retrier: Mapping[str, Any], attempt: int) -> float:
    """How long to wait before the retry after `attempt` earlier ones."""
    interval: float = retrier.get("IntervalSeconds", _INTERVAL_SECONDS)
    seconds = interval * retrier.get("BackoffRate", _BACKOFF) ** attempt
    seconds = min(seconds, retrier.get("MaxDelaySeconds", seconds))
    if retrier.get("JitterStrategy") == "FULL":
        return random.uniform(0, seconds)  # noqa: S311 - no secret
    return float(seconds)


def _first(rules: Any, error: StatesError) -> int | None:
    return next((number for number, rule in enumerate(rules) if matches(rule["ErrorEquals"], error)), None)


def _caught(visit: Visit, error: StatesError) -> Move:
    catchers = visit.state.get("Catch", ())
    number = _first(catchers, error)
    if number is None:
        raise error
    return Move(visit.caught(catchers[number], error), catchers[number]["Next"])
