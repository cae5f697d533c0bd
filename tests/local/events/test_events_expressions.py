"""rate, cron and at against AWS's documented examples, without a cloud."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonship.local.events import cron, recurrence

START = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)  # a Sunday


def dues(found: recurrence.Recurrence, number: int, after: datetime = START) -> list[str]:
    times = []
    due: datetime | None = after
    while due is not None and len(times) < number:
        due = found.after(due)
        times += [due.strftime("%a %Y-%m-%d %H:%M")] if due else []
    return times


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
        ("0 10 * * ? *", ["Mon 2026-11-23 10:00", "Tue 2026-11-24 10:00"]),
        ("15 12 * * ? *", ["Mon 2026-11-23 12:15", "Tue 2026-11-24 12:15"]),
        ("0 18 ? * MON-FRI *", ["Mon 2026-11-23 18:00", "Tue 2026-11-24 18:00"]),
        ("0 8 1 * ? *", ["Tue 2026-12-01 08:00", "Fri 2027-01-01 08:00"]),
        ("0/15 * * * ? *", ["Sun 2026-11-22 15:45", "Sun 2026-11-22 16:00"]),
        ("0/10 * ? * MON-FRI *", ["Mon 2026-11-23 00:00", "Mon 2026-11-23 00:10"]),
        ("0/5 8-17 ? * MON-FRI *", ["Mon 2026-11-23 08:00", "Mon 2026-11-23 08:05"]),
        ("0/30 20-2 ? * MON-FRI *", None),  # AWS's page writes two rules for it
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
        ("15 10 ? * 6L 2026-2027", ["Fri 2026-11-27 10:15", "Fri 2026-12-25 10:15"]),
        # the wildcards
        ("0 9 L * ? *", ["Mon 2026-11-30 09:00", "Thu 2026-12-31 09:00"]),
        ("0 9 ? * L *", ["Sat 2026-11-28 09:00", "Sat 2026-12-05 09:00"]),
        ("0 9 LW * ? *", ["Mon 2026-11-30 09:00", "Thu 2026-12-31 09:00", "Fri 2027-01-29 09:00"]),
        ("0 9 3W * ? *", ["Thu 2026-12-03 09:00", "Mon 2027-01-04 09:00"]),  # 2027-01-03 is a Sunday
        ("0 9 1W 5 ? *", ["Mon 2027-05-03 09:00"]),  # a Saturday, whose Friday is in April
        ("0 9 31W 10 ? *", ["Fri 2027-10-29 09:00"]),  # a Sunday, whose Monday is in November
        ("0 9 ? * 3#2 *", ["Tue 2026-12-08 09:00", "Tue 2027-01-12 09:00"]),
        ("0 9 ? * FRI#5 *", ["Fri 2027-01-29 09:00", "Fri 2027-04-30 09:00"]),
        ("0,30 9-10 1,15 JAN,JUL ? 2027", ["Fri 2027-01-01 09:00", "Fri 2027-01-01 09:30"]),
        ("0 0 ? * 1 *", ["Sun 2026-11-29 00:00"]),
        ("0 0 29 2 ? *", ["Tue 2028-02-29 00:00", "Sun 2032-02-29 00:00"]),
        ("0 0 1 1 ? 2020", []),
        ("0 0 31 2 ? *", []),
    ],
)
def test_cron_falls_due_as_documented(fields: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="backwards"):
            recurrence.rule(f"cron({fields})", START)
        return
    assert dues(recurrence.rule(f"cron({fields})", START), max(1, len(expected))) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 10 * * * *)",  # * in both day fields
        "cron(0 10 ? * ? *)",
        "cron(0 10 * * ?)",
        "cron(60 10 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 10 0 * ? *)",
        "cron(0 10 * 13 ? *)",
        "cron(0 10 ? * 0 *)",  # Unix's Sunday
        "cron(0 10 ? * 8 *)",
        "cron(0 10 ? * 3#6 *)",
        "cron(0 10 * * ? 1969)",
        "cron(0/0 10 * * ? *)",
        "cron(0 10 * FOO ? *)",
        "cron(, 10 * * ? *)",
        "cron()",
        "cron 0 10 * * ? *",
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(5 minute)",
        "rate(-5 minutes)",
        "rate(1.5 hours)",
        "rate(5 weeks)",
        "rate(5)",
        "rate(5 minutes) ",
        "rate(999999999 days)",
        "at(2027-01-01T00:00:00)",  # EventBridge Scheduler's only
        "every(5 minutes)",
        "",
    ],
)
def test_what_is_no_expression_of_a_rule_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        recurrence.rule(expression, START)


def test_a_rule_by_rate_waits_a_period() -> None:
    found = recurrence.rule("rate(5 minutes)", START)
    assert dues(found, 2) == ["Sun 2026-11-22 15:35", "Sun 2026-11-22 15:40"]
    assert recurrence.rule("rate(1 day)", START).after(START) == START + timedelta(days=1)


def test_a_schedule_by_rate_begins_at_its_start() -> None:
    found = recurrence.schedule("rate(2 hours)", UTC, START)
    assert found.after(START - timedelta(minutes=1)) == START
    assert found.after(START) == START + timedelta(hours=2)
    assert found.after(START + timedelta(hours=5)) == START + timedelta(hours=6)


def test_at_is_once_and_in_its_zone() -> None:
    found = recurrence.schedule("at(2026-12-24T18:00:00)", ZoneInfo("Europe/Berlin"), START)
    assert dues(found, 3) == ["Thu 2026-12-24 17:00"]


@pytest.mark.parametrize("expression", ["at(2026-12-24)", "at(2026-13-01T00:00:00)", "at()", "at(tomorrow)"])
def test_at_takes_a_whole_time(expression: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        recurrence.schedule(expression, UTC, START)


def test_a_time_that_summer_time_leaves_out_is_left_out() -> None:
    found = recurrence.schedule("cron(30 2 * * ? *)", ZoneInfo("America/New_York"), START)
    before = datetime(2026, 3, 7, tzinfo=UTC)  # clocks go forward on 2026-03-08 at 2:00
    assert dues(found, 2, before) == ["Sat 2026-03-07 07:30", "Mon 2026-03-09 06:30"]


def test_a_time_that_comes_twice_counts_once() -> None:
    found = recurrence.schedule("cron(30 1 * * ? *)", ZoneInfo("America/New_York"), START)
    before = datetime(2026, 10, 31, 12, tzinfo=UTC)  # clocks go back on 2026-11-01 at 2:00
    assert dues(found, 2, before) == ["Sun 2026-11-01 05:30", "Mon 2026-11-02 06:30"]


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    single = number.map(str)
    stepped = st.tuples(number, st.integers(1, 9)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    span = st.tuples(number, number).map(sorted).map(lambda pair: f"{pair[0]}-{pair[1]}")
    return st.one_of(st.just("*"), st.lists(st.one_of(single, stepped, span), min_size=1).map(",".join))


def _named(field: str, value: int, high: int) -> bool:
    """Whether a field of numbers, spans and steps names a value: the definition, word for word."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        low = 0 if span == "*" else int(first)
        top = high if span == "*" or step else int(first)
        top = int(last) if last else top
        if low <= value <= top and (value - low) % int(step or 1) == 0:
            return True
    return False


@settings(max_examples=60, deadline=None)
@given(_field(0, 59), _field(0, 23), _field(1, 31), st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)))
def test_cron_names_the_minutes_that_its_fields_name(
    minutes: str, hours: str, days: str, moment: datetime
) -> None:
    expression = cron.parse(f"{minutes} {hours} {days} * ? *")
    found = list(islice(expression.after(moment), 3))
    assert found == sorted(set(found))
    for due in found:
        assert _named(minutes, due.minute, 59)
        assert _named(hours, due.hour, 23)
        assert days == "*" or _named(days, due.day, 31)
    # None is left out between the moment and the first: look at every minute of the next hours.
    minute = moment.replace(second=0, microsecond=0)
    for _ in range(300):
        minute += timedelta(minutes=1)
        named = (
            _named(minutes, minute.minute, 59)
            and _named(hours, minute.hour, 23)
            and (days == "*" or _named(days, minute.day, calendar.monthrange(minute.year, minute.month)[1]))
        )
        if named:
            assert found[0] == minute
            break
    else:
        assert not found or found[0] > minute
