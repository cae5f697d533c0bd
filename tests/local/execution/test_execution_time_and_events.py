"""The clock that tests advance, and the stream of state changes."""

from __future__ import annotations

import threading
import time
import weakref
from datetime import UTC, datetime, timedelta

import pytest
from execution_parts import SCOPE, eventually

from gluonship.local.contracts import StateChange
from gluonship.local.execution.clock import SystemClock
from gluonship.local.execution.events import EventStream


def change(status: str) -> StateChange:
    return StateChange(SCOPE, "TrainingJob", "j", "arn", status, None, datetime.now(UTC))


def test_the_clock_is_real_time_until_advanced() -> None:
    clock = SystemClock()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)
    clock.advance(3600)
    assert abs(clock.now() - datetime.now(UTC) - timedelta(hours=1)) < timedelta(seconds=1)
    with pytest.raises(ValueError, match="goes forward"):
        clock.advance(-1)


def test_timers_fire_once_when_due() -> None:
    clock = SystemClock()
    fired: list[str] = []
    clock.call_later(0.05, lambda: fired.append("soon"))
    clock.call_later(1000, lambda: fired.append("later"))
    clock.call_later(500, lambda: fired.append("cancelled")).cancel()
    assert eventually(lambda: fired == ["soon"], 2.0)
    clock.advance(1001)
    assert eventually(lambda: fired == ["soon", "later"], 2.0)
    clock.advance(1001)
    time.sleep(0.05)
    assert fired == ["soon", "later"]


@pytest.mark.parametrize("seconds", [1e12, float("inf")])
def test_a_timer_that_is_centuries_away_disturbs_nobody(seconds: float) -> None:
    clock = SystemClock()
    far, soon = threading.Event(), threading.Event()
    clock.call_later(seconds, far.set)
    time.sleep(0.05)  # the thread waits for the far one alone
    clock.call_later(0.01, soon.set)
    assert soon.wait(2.0)
    assert not far.is_set()


def test_a_cancelled_timer_lets_go_of_what_it_held() -> None:
    class Held:
        def act(self) -> None:
            pass

    clock = SystemClock()
    held = [Held() for _ in range(1000)]
    alive = weakref.WeakSet(held)
    for each in held:
        clock.call_later(86_400, each.act).cancel()
    del each
    held.clear()
    assert len(alive) == 0
    assert len(clock._timers) < 100


def test_a_timers_action_may_be_slow_or_fail() -> None:
    clock = SystemClock()
    release, fired = threading.Event(), threading.Event()

    def fail() -> None:
        raise RuntimeError("no")

    clock.call_later(0, lambda: release.wait(10) and None)
    clock.call_later(0, fail)
    clock.call_later(0.01, fired.set)
    assert fired.wait(2.0)
    release.set()


def test_events_come_in_order_to_every_listener() -> None:
    stream = EventStream()
    seen: list[str] = []

    def broken(_: StateChange) -> None:
        raise RuntimeError("no")

    stream.publish(change("before anybody listened"))
    stream.subscribe(broken)
    unsubscribe = stream.subscribe(lambda each: seen.append(each.status))
    for number in range(100):
        stream.publish(change(str(number)))
    assert stream.settle(5.0)
    assert seen == [str(number) for number in range(100)]
    unsubscribe()
    stream.publish(change("after"))
    assert stream.settle(5.0)
    assert len(seen) == 100


def test_a_listener_may_publish_and_a_publisher_may_hold_a_lock() -> None:
    stream = EventStream()
    lock = threading.Lock()
    seen: list[str] = []

    def listener(each: StateChange) -> None:
        with lock:
            seen.append(each.status)
        if each.status == "first":
            stream.publish(change("from the listener"))

    stream.subscribe(listener)
    with lock:
        stream.publish(change("first"))
    assert eventually(lambda: seen == ["first", "from the listener"], 5.0)
