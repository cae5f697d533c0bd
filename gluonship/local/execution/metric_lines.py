"""Metric values in a container's log, by a job's MetricDefinitions: pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gluonship.local.contracts import MetricDefinition

# A regular expression of a user's may take exponential time; a metric's line is short.
_SEARCHED = 8192


class MetricReader:
    """Raises ValueError, naming the metric, for a regular expression that cannot be used."""

    def __init__(self, definitions: Sequence[MetricDefinition]) -> None:
        self._patterns = [(each.name, _compiled(each)) for each in definitions]

    def read(self, line: str) -> Iterator[tuple[str, float]]:
        """(name, value) of each match, in order; what the first group holds must be a number."""
        searched = line[:_SEARCHED]
        for name, pattern in self._patterns:
            for match in pattern.finditer(searched):
                try:
                    yield name, float(match.group(1 if pattern.groups else 0))
                except (TypeError, ValueError):
                    continue  # the group took no part, or holds no number


def _compiled(definition: MetricDefinition) -> re.Pattern[str]:
    try:
        return re.compile(definition.regex)
    except re.error as error:
        raise ValueError(
            f"the Regex of metric '{definition.name}' is not valid ({error}): {definition.regex}"
        ) from error
