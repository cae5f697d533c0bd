"""What falls due when: times that fail, and times centuries away."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from gluonship.local.events.recurrence import Once, Rate
from gluonship.local.events.timetable import Timetable
from gluonship.local.execution.clock import SystemClock

WAIT = 5.0


def test_a_time_that_fails_is_not_the_last(caplog: pytest.LogCaptureFixture) -> None:
    clock = SystemClock()
    timetable, times, twice = Timetable(clock), list[datetime](), threading.Event()

    def act(due: datetime) -> None:
        times.append(due)
        if len(times) == 1:
            raise RuntimeError("the bus is on strike")
        twice.set()

    start = clock.now() + timedelta(seconds=60)
    timetable.set("rule", Rate(timedelta(seconds=60), start), act)
    clock.advance(121)
    assert twice.wait(WAIT)
    timetable.close()
    assert times[:2] == [start, start + timedelta(seconds=60)]
    assert "the bus is on strike" in caplog.text


def test_a_schedule_for_the_end_of_the_calendar_disturbs_no_other() -> None:
    clock = SystemClock()
    timetable, soon = Timetable(clock), threading.Event()
    timetable.set("far", Once(datetime(9999, 12, 31, tzinfo=UTC)), lambda due: None)
    threading.Event().wait(0.05)  # the clock has nothing else to wait for
    timetable.set("soon", Once(clock.now() + timedelta(seconds=0.05)), lambda due: soon.set())
    assert soon.wait(WAIT)
    timetable.close()
