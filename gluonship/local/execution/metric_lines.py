"""Metric values in a container's log, by a job's MetricDefinitions.

Their regular expressions are the user's and may take time without end: they are searched for where they hold
up nobody, many lines at once, and one that takes too long is given up for its job.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from gluonship.local import evaluation
from gluonship.local.contracts import MetricDefinition
from gluonship.local.evaluation import regular_expressions

_SEARCHED = 8192  # characters of a line; a metric's line is short
_BATCH = 32 * 1024  # characters that one evaluation searches
_BATCH_SECONDS = 2.0  # of the processor, for all definitions
_COMPILE_SECONDS = 1.0
_MOST_WAITING = 2**20  # characters; above it the container's output waits


_log = logging.getLogger(__name__)


class MetricReader:
    """Reads lines on a thread of its own, from the first line to `finish`."""

    def __init__(
        self,
        definitions: Sequence[MetricDefinition],
        found: Callable[[str, float, datetime], None],
        tell: Callable[[str], None],
        now: Callable[[], datetime],
        job: str,
    ) -> None:
        """`found` is told every value in the log's order, with the time at which its line came; `tell` speaks
        in the job's log. Raises ValueError, naming the metric, for a regular expression that is none."""
        self._job = job
        for each in definitions:
            self._check(each)
        self._definitions = list(definitions)
        self._found = found
        self._tell = tell
        self._now = now
        self._changed = threading.Condition()
        self._waiting: list[tuple[datetime, str]] = []
        self._size = 0
        self._finishing = False
        self._thread: threading.Thread | None = None

    def read(self, line: str) -> None:
        if not self._definitions:
            return
        with self._changed:
            self._changed.wait_for(lambda: self._size < _MOST_WAITING)
            searched = line[:_SEARCHED]
            self._waiting.append((self._now(), searched))
            self._size += _cost(searched)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"metrics-{self._job}", daemon=True)
                self._thread.start()

    def finish(self) -> None:
        """Returns when every value of every line is told."""
        with self._changed:
            self._finishing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while batch := self._next():
            try:
                for place, name, value in self._values([line for _, line in batch]):
                    self._found(name, value, batch[place][0])
            except Exception:  # noqa: BLE001 - whatever happens, the container's output must be drained
                _log.exception("the metrics of %s", self._job)

    def _next(self) -> list[tuple[datetime, str]]:
        """The lines that wait, or the first of them; none when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._finishing)
            size = count = 0
            for _, line in self._waiting:
                if count and size + _cost(line) > _BATCH:
                    break
                size += _cost(line)
                count += 1
            batch, self._waiting = self._waiting[:count], self._waiting[count:]
            self._size -= size
            self._changed.notify_all()
            return batch

    def _values(self, lines: list[str]) -> Iterator[tuple[int, str, float]]:
        """(index of the line, name, value)"""
        while self._definitions:
            try:
                found = evaluation.evaluate(
                    regular_expressions.numbers,
                    [each.regex for each in self._definitions],
                    lines,
                    seconds=_BATCH_SECONDS,
                    owner=self._job,
                )
            except evaluation.EvaluationFailed as error:
                self._give_up(error)
                continue
            for place, definition, value in found:
                yield place, self._definitions[definition].name, value
            return

    def _give_up(self, error: evaluation.EvaluationFailed) -> None:
        if not error.mark:
            self._definitions = []
            self._tell(f"gluonship: this log is not searched for metrics any more. {error}")
            return
        given_up = self._definitions.pop(int(error.mark))
        self._tell(
            f"gluonship: this log is not searched for metric '{given_up.name}' any more. {error} "
            f"Its Regex is {given_up.regex}"
        )

    def _check(self, definition: MetricDefinition) -> None:
        try:
            read = evaluation.evaluate(
                regular_expressions.groups, definition.regex, seconds=_COMPILE_SECONDS, owner=self._job
            )
        except evaluation.EvaluationFailed as error:
            read = str(error)
        if isinstance(read, str):
            raise ValueError(
                f"the Regex of metric '{definition.name}' is not valid ({read}): {definition.regex}"
            )


def _cost(line: str) -> int:
    return len(line) + 1
