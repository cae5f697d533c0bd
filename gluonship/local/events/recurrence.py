"""Schedule expressions, rate(...), cron(...) and at(...): when they fall due.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html. Where a zone's clock goes forward,
a time that does not exist is left out; where it goes back, a time that comes twice counts once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from gluonship.local.events import cron

_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_LONGEST = timedelta(days=36_500)  # beyond which the calendar ends before it has come twice
_EXPRESSION = re.compile(r"(rate|cron|at)\((.*)\)", re.DOTALL)


class Recurrence(Protocol):
    def after(self, moment: datetime) -> datetime | None:
        """The first time later than `moment` (aware); None where there is none any more."""
        ...


@dataclass(frozen=True)
class Rate:
    """Every so often, from `start` on: `start` itself is the first time."""

    period: timedelta
    start: datetime

    def after(self, moment: datetime) -> datetime | None:
        if moment < self.start:
            return self.start
        passed = (moment - self.start) // self.period
        return self.start + (passed + 1) * self.period


@dataclass(frozen=True)
class Calendar:
    """By a cron expression in a time zone."""

    expression: cron.Cron
    zone: tzinfo = UTC

    def after(self, moment: datetime) -> datetime | None:
        local = moment.astimezone(self.zone).replace(tzinfo=None)
        for due in self.expression.after(local):
            instant = due.replace(tzinfo=self.zone).astimezone(UTC)
            exists = instant.astimezone(self.zone).replace(tzinfo=None) == due
            if exists and instant > moment:
                return instant
        return None


@dataclass(frozen=True)
class Once:
    due: datetime

    def after(self, moment: datetime) -> datetime | None:
        return self.due if moment < self.due else None


def rule(expression: str, created: datetime) -> Recurrence:
    """A rule's schedule: rate, whose first time is a period after `created`, or cron, both in UTC.

    Raises ValueError for what AWS refuses, saying what is wrong.
    """
    kind, argument = _split(expression)
    if kind == "rate":
        period = _period(argument, strict=True)
        return Rate(period, created + period)
    if kind == "cron":
        return Calendar(cron.parse(argument))
    raise ValueError(f"a rule's schedule is rate(...) or cron(...): {expression}")


def schedule(expression: str, zone: tzinfo, start: datetime) -> Recurrence:
    """A schedule of EventBridge Scheduler: a rate begins at `start`; at(...) and cron(...) are in `zone`.

    Raises ValueError for what AWS refuses, saying what is wrong.
    """
    kind, argument = _split(expression)
    if kind == "rate":
        return Rate(_period(argument, strict=False), start)
    if kind == "cron":
        return Calendar(cron.parse(argument), zone)
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", argument):
        raise ValueError(f"at(yyyy-mm-ddThh:mm:ss) has a date and a time: {expression}")
    return Once(datetime.fromisoformat(argument).replace(tzinfo=zone).astimezone(UTC))


def _split(expression: str) -> tuple[str, str]:
    found = _EXPRESSION.fullmatch(expression)
    if found is None:
        raise ValueError(f"neither rate(...), cron(...) nor at(...): {expression}")
    return found[1], found[2]


def _period(argument: str, *, strict: bool) -> timedelta:
    """`strict`: the unit's number agrees with the value's, as rules want it: 1 minute, 5 minutes."""
    found = re.fullmatch(r"([1-9]\d{0,8}) +(minute|hour|day)(s?)", argument, re.ASCII)
    if found is None or (strict and (found[1] == "1") == (found[3] == "s")):
        raise ValueError(f"a rate is a positive number and minutes, hours or days (1 minute): {argument}")
    period = int(found[1]) * _UNITS[found[2]]
    if period > _LONGEST:
        raise ValueError(f"a rate of {argument} is longer than {_LONGEST.days} days")
    return period
