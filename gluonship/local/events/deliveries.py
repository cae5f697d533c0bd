"""Deliveries to targets: in the background, in order within a rule, tried again, and to the dead letters.

Whoever submits a delivery may hold locks of any service, so nothing here waits for a target on his thread.
"""

from __future__ import annotations

import collections
import itertools
import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gluonship.local.contracts import Clock, Timer
from gluonship.local.events.failures import Failure, failure_of

_log = logging.getLogger(__name__)

_THREADS = 4
_MAX_WAITING = 10_000
CLOSE_SECONDS = 2.0
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 600.0


@dataclass(frozen=True)
class RetryPolicy:
    """AWS's defaults: a day, 185 further attempts."""

    attempts: int = 185
    age: timedelta = timedelta(days=1)


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one target."""

    lane: Hashable  # first attempts of one lane follow each other
    what: str  # for the log: from where, to where
    send: Callable[[], None]  # raises what failures.failure_of reads
    settled: Callable[[bool], None]  # told once whether it succeeded
    bury: Callable[[Failure, int, str | None], None]  # the dead letter: failure, retries, what was exhausted
    retry: RetryPolicy
    since: datetime


class Deliveries:
    """Threads that send what is submitted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._lanes: dict[Hashable, collections.deque[Delivery]] = {}
        self._ready: collections.deque[Hashable] = collections.deque()  # lanes with work that nobody does
        self._waiting = 0
        self._busy = 0
        self._closed = False
        self._timers: dict[int, Timer] = {}
        self._numbers = itertools.count()
        self._threads: list[threading.Thread] = []

    def submit(self, delivery: Delivery) -> None:
        """Returns at once. Beyond 10,000 that wait, a delivery is dropped, and the log says so."""
        with self._changed:
            if self._closed:
                return
            if self._waiting >= _MAX_WAITING:
                _log.error("dropped, since %d deliveries wait already: %s", self._waiting, delivery.what)
                return
            self._waiting += 1
            lane = self._lanes.get(delivery.lane)
            if lane is None:
                self._lanes[delivery.lane] = collections.deque([delivery])
                self._ready.append(delivery.lane)
            else:
                lane.append(delivery)
            self._start()
            self._changed.notify_all()  # one alone might be somebody who waits in settle

    def settle(self, timeout: float) -> bool:
        """Waits until nothing is under way but what is to be tried again; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting == 0 and self._busy == 0, timeout)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Ends the threads after what they are at, for which it waits so long; what waits is dropped."""
        with self._changed:
            self._closed = True
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()
            self._changed.notify_all()
            threads, self._threads = self._threads, []
        end = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _start(self) -> None:
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._run, name=f"deliveries-{number}", daemon=True)
                for number in range(_THREADS)
            ]
            for thread in self._threads:
                thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready or self._closed)
                if self._closed:
                    return
                lane = self._ready.popleft()
                delivery = self._lanes[lane].popleft()
                self._waiting -= 1
                self._busy += 1
            try:
                self._attempt(delivery, 0)
            except Exception:  # noqa: BLE001 - a thread serves all lanes
                _log.exception("lost: %s", delivery.what)
            finally:
                with self._changed:
                    self._busy -= 1
                    if self._lanes[lane]:
                        self._ready.append(lane)
                    else:
                        del self._lanes[lane]
                    self._changed.notify_all()

    def _attempt(self, delivery: Delivery, retries: int) -> None:
        try:
            delivery.send()
        except Exception as error:  # noqa: BLE001 - the boundary to every target
            self._failed(delivery, retries, failure_of(error))
        else:
            delivery.settled(True)

    def _failed(self, delivery: Delivery, retries: int, failure: Failure) -> None:
        pause = min(_FIRST_PAUSE_SECONDS * 2.0**retries, _LONGEST_PAUSE_SECONDS)
        exhausted = None
        if retries >= delivery.retry.attempts:
            exhausted = "MaximumRetryAttempts"
        elif self._clock.now() + timedelta(seconds=pause) > delivery.since + delivery.retry.age:
            exhausted = "MaximumEventAgeInSeconds"
        if failure.lasting or exhausted:
            _log.error("not delivered: %s: %s: %s", delivery.what, failure.code, failure.message)
            delivery.settled(False)
            delivery.bury(failure, retries, None if failure.lasting else exhausted)
            return
        _log.warning("again in %.0f s: %s: %s: %s", pause, delivery.what, failure.code, failure.message)
        self._later(pause, lambda: self._attempt(delivery, retries + 1))

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        number = next(self._numbers)

        def run() -> None:
            with self._changed:
                self._timers.pop(number, None)
                if self._closed:
                    return
            action()

        with self._changed:
            if not self._closed:
                self._timers[number] = self._clock.call_later(seconds, run)
