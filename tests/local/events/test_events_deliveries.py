"""Deliveries: order, retries, dead letters and limits, on a clock that the test moves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError

from gluonship.local.events.deliveries import Deliveries, Delivery, RetryPolicy
from gluonship.local.events.failures import Failure, Undeliverable, failure_of
from gluonship.local.execution.clock import SystemClock

WAIT = 10.0


def client_error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "SendMessage"
    )


class CountingClock(SystemClock):
    """Says how many timers were set, so that a test advances it only after they are."""

    def __init__(self) -> None:
        super().__init__()
        self.timers_set = 0

    def call_later(self, seconds: float, action: Callable[[], None]) -> Any:
        timer = super().call_later(seconds, action)
        self.timers_set += 1
        return timer


class Office:
    """Deliveries, and what becomes of them."""

    def __init__(self) -> None:
        self.clock = CountingClock()
        self.deliveries = Deliveries(self.clock)
        self.buried: list[tuple[Failure, int, str | None]] = []
        self.settled: list[bool] = []
        self.changed = threading.Condition()

    def submit(self, send: Callable[[], None], lane: str = "rule", retry: RetryPolicy | None = None) -> None:
        self.deliveries.submit(
            Delivery(
                lane=lane,
                what="an event to a target",
                send=send,
                settled=lambda success: self._tell(lambda: self.settled.append(success)),
                bury=lambda *grave: self._tell(lambda: self.buried.append(grave)),
                retry=retry or RetryPolicy(),
                since=self.clock.now(),
            )
        )

    def _tell(self, change: Callable[[], None]) -> None:
        with self.changed:
            change()
            self.changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> bool:
        with self.changed:
            return self.changed.wait_for(condition, WAIT)


@pytest.fixture
def office() -> Office:
    return Office()


def test_deliveries_of_a_rule_keep_their_order_and_rules_do_not_wait_for_each_other(office: Office) -> None:
    held, sent = threading.Event(), []
    office.submit(lambda: held.wait(WAIT) and None, lane="slow")
    for number in range(200):
        office.submit(lambda number=number: sent.append(number), lane="quick")  # type: ignore[misc]
    assert office.wait(lambda: len(office.settled) == 200)
    assert sent == list(range(200))
    held.set()
    assert office.deliveries.settle(WAIT)
    office.deliveries.close()


def test_a_target_that_recovers_is_tried_again_later(office: Office) -> None:
    attempts: list[float] = []

    def send() -> None:
        attempts.append(office.clock.now().timestamp())
        if len(attempts) < 3:
            raise client_error("ThrottlingException")

    office.submit(send)
    assert office.deliveries.settle(WAIT)
    assert len(attempts) == 1  # the next is due in a second of the cloud's clock
    office.clock.advance(1)
    _until(lambda: office.clock.timers_set == 2)
    office.clock.advance(2)
    assert office.wait(lambda: office.settled == [True])
    assert attempts[1] - attempts[0] >= 1
    assert attempts[2] - attempts[1] >= 2
    assert office.buried == []
    office.deliveries.close()


@pytest.mark.parametrize(
    ("retry", "retries", "exhausted"),
    [
        (RetryPolicy(attempts=0), 0, "MaximumRetryAttempts"),
        (RetryPolicy(attempts=2), 2, "MaximumRetryAttempts"),
        (RetryPolicy(age=timedelta(seconds=60)), 5, "MaximumEventAgeInSeconds"),
    ],
)
def test_what_is_exhausted_is_buried(
    office: Office, retry: RetryPolicy, retries: int, exhausted: str
) -> None:
    def fail() -> None:
        raise client_error("InternalError", 500)

    office.submit(fail, retry=retry)
    for done in range(1, retries + 1):
        _until(lambda done=done: office.clock.timers_set == done)  # type: ignore[misc]
        office.clock.advance(2.0 ** (done - 1))
    assert office.wait(lambda: bool(office.buried))
    [(failure, buried_after, why)] = office.buried
    assert (failure.code, buried_after, why) == ("ERROR_FROM_TARGET", retries, exhausted)
    assert office.settled == [False]
    office.deliveries.close()


def _until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(WAIT * 100)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come to that")


def test_a_target_that_is_gone_is_not_tried_again(office: Office) -> None:
    def fail() -> None:
        raise client_error("AWS.SimpleQueueService.NonExistentQueue")

    office.submit(fail)
    assert office.wait(lambda: bool(office.buried))
    [(failure, retries, exhausted)] = office.buried
    assert (failure.code, retries, exhausted) == ("NO_RESOURCE", 0, None)
    office.deliveries.close()


def test_a_full_office_drops_and_says_so(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    held = threading.Event()
    office.submit(lambda: held.wait(WAIT) and None)
    for _ in range(10_001):
        office.submit(lambda: None)
    assert "dropped, since 10000 deliveries wait already" in caplog.text
    held.set()
    assert office.deliveries.settle(WAIT)
    assert len(office.settled) in (10_000, 10_001)  # the first may have left the queue before
    office.deliveries.close()


def test_nothing_is_sent_once_closed(office: Office) -> None:
    attempts = []

    def fail() -> None:
        attempts.append(1)
        raise client_error("ThrottlingException")

    office.submit(fail)
    assert office.deliveries.settle(WAIT)
    office.deliveries.close()
    office.clock.advance(60)
    office.submit(lambda: attempts.append(2))
    threading.Event().wait(0.1)
    assert attempts == [1]


@pytest.mark.parametrize(
    ("error", "code", "lasting"),
    [
        (client_error("StateMachineDoesNotExist"), "NO_RESOURCE", True),
        (client_error("ResourceNotFoundException"), "NO_RESOURCE", True),
        (client_error("AccessDeniedException", 403), "NO_PERMISSIONS", True),
        (client_error("ThrottlingException"), "THROTTLING", False),
        (client_error("InvalidExecutionInput"), "INVALID_PARAMETER", True),
        (client_error("InternalFailure", 500), "ERROR_FROM_TARGET", False),
        (client_error("ServiceUnavailable", 503), "ERROR_FROM_TARGET", False),
        (EndpointConnectionError(endpoint_url="http://x"), "CONNECTION_FAILURE", False),
        (ParamValidationError(report="no"), "SDK_CLIENT_ERROR", True),
        (Undeliverable("INVALID_JSON", "no"), "INVALID_JSON", True),
        (RuntimeError("odd"), "INTERNAL_ERROR", False),
    ],
)
def test_failures_have_the_codes_of_dead_letters(error: Exception, code: str, lasting: bool) -> None:
    failure = failure_of(error)
    assert (failure.code, failure.lasting) == (code, lasting)
