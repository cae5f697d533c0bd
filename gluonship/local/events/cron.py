"""AWS's cron expressions: minutes, hours, day of month, month, day of week, year.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html. Unlike Unix's: six
fields, days of the week from 1 (Sunday) to 7, one of the two day fields is "?", and L (last), W (the nearest
weekday) and # (which one of the month).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_YEARS = (1970, 2199)

_Days = Callable[[int, int], frozenset[int]]
"""The days of a month (year, month) that a day field names."""


@dataclass(frozen=True)
class Cron:
    """When a cron expression falls due, in a calendar without time zones."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    years: frozenset[int]
    days: _Days

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Every minute later than `moment` that the expression names, in order; naive, as `moment` is."""
        day = self._day_from(moment.date())
        while day is not None:
            for hour in self.hours:
                for minute in self.minutes:
                    due = datetime(day.year, day.month, day.day, hour, minute)
                    if due > moment:
                        yield due
            day = self._day_from(day + timedelta(days=1))

    def _day_from(self, day: date) -> date | None:
        """The first day that the expression names, from `day` on."""
        first = day.day
        for year in range(day.year, _YEARS[1] + 1):
            for month in range(day.month if year == day.year else 1, 13):
                if year in self.years and month in self.months:
                    named = [each for each in self.days(year, month) if each >= first]
                    if named:
                        return date(year, month, min(named))
                first = 1
        return None


def parse(fields: str) -> Cron:
    """The expression between the brackets of cron(...). Raises ValueError, saying which field is wrong."""
    parts = fields.split()
    if len(parts) != 6:
        raise ValueError(f"a cron expression has six fields, not {len(parts)}: {fields}")
    minutes, hours, day_of_month, month, day_of_week, year = (each.upper() for each in parts)
    if (day_of_month == "?") == (day_of_week == "?"):
        raise ValueError(f"one of day-of-month and day-of-week must be ?, and the other not: {fields}")
    return Cron(
        tuple(sorted(_numbers(minutes, "minutes", 0, 59))),
        tuple(sorted(_numbers(hours, "hours", 0, 23))),
        frozenset(_numbers(month, "month", 1, 12, _MONTHS)),
        frozenset(_numbers(year, "year", *_YEARS)),
        _days_of_month(day_of_month) if day_of_week == "?" else _days_of_week(day_of_week),
    )


def _numbers(field: str, name: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        if slash and not (step.isdecimal() and int(step) > 0):
            raise ValueError(f"{name}: the step of {part} is not a positive number")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _number(first, name, low, high, names or {})
            # n/step runs to the end of the field
            end = _number(last, name, low, high, names or {}) if dash else (high if slash else start)
        if start > end:
            raise ValueError(f"{name}: {part} goes backwards")
        found.update(range(start, end + 1, int(step) if slash else 1))
    return found


def _number(text: str, name: str, low: int, high: int, names: dict[str, int]) -> int:
    value = names.get(text)
    if value is None and text.isascii() and text.isdecimal():
        value = int(text)
    if value is None or not low <= value <= high:
        raise ValueError(f"{name}: {text or 'nothing'} is not between {low} and {high}")
    return value


def _days_of_month(field: str) -> _Days:
    if field == "L":
        return lambda year, month: frozenset({_length(year, month)})
    if field == "LW":
        return lambda year, month: frozenset({_nearest_weekday(year, month, _length(year, month))})
    if field.endswith("W"):
        day = _number(field[:-1], "day-of-month", 1, 31, {})
        return lambda year, month: frozenset(
            {_nearest_weekday(year, month, day)} if day <= _length(year, month) else ()
        )
    numbers = _numbers(field, "day-of-month", 1, 31)
    return lambda year, month: frozenset(day for day in numbers if day <= _length(year, month))


def _days_of_week(field: str) -> _Days:
    nth = re.fullmatch(r"(\w+)#([1-5])", field)
    if nth:
        weekday, which = _number(nth[1], "day-of-week", 1, 7, _WEEKDAYS), int(nth[2])
        return lambda year, month: frozenset(sorted(_on(year, month, {weekday}))[which - 1 : which])
    if field == "L":  # the last day of the week, that is Saturday
        return lambda year, month: frozenset(_on(year, month, {7}))
    if field.endswith("L"):
        last = _number(field[:-1], "day-of-week", 1, 7, _WEEKDAYS)
        return lambda year, month: frozenset({max(_on(year, month, {last}))})
    numbers = _numbers(field, "day-of-week", 1, 7, _WEEKDAYS)
    return lambda year, month: frozenset(_on(year, month, numbers))


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _on(year: int, month: int, weekdays: set[int]) -> set[int]:
    return {day for day in range(1, _length(year, month) + 1) if _weekday(year, month, day) in weekdays}


def _weekday(year: int, month: int, day: int) -> int:
    """1 for Sunday to 7 for Saturday."""
    return date(year, month, day).isoweekday() % 7 + 1


def _nearest_weekday(year: int, month: int, day: int) -> int:
    """The weekday nearest to a day, in the same month."""
    weekday = _weekday(year, month, day)
    if weekday == 7:  # Saturday: the Friday before, but of this month
        return day - 1 if day > 1 else day + 2
    if weekday == 1:
        return day + 1 if day < _length(year, month) else day - 2
    return day
