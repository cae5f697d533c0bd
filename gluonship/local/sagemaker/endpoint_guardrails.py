"""What watches over an update: the alarms that take it back, and its time limit.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

import contextlib
import logging
import threading
from datetime import timedelta

from gluonship.local.contracts import Alarms, Clock, Scope
from gluonship.local.sagemaker.endpoint_deployments import Policy

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0  # between two looks at the alarms


class Tripped(Exception):
    """The update must go back; the message is the endpoint's FailureReason."""


class Guardrails:
    """Of one deployment that begins now. Its own time stands at the end of what was last waited for, so that
    a clock that is advanced over several waits counts each of them once, and none as late."""

    def __init__(self, alarms: Alarms, clock: Clock, scope: Scope, name: str, policy: Policy) -> None:
        self._alarms = alarms
        self._clock = clock
        self._scope = scope
        self._name = name
        self._names = policy.alarms
        self._limit = policy.limit_seconds
        self._time = clock.now()
        self._deadline = None if self._limit is None else self._time + timedelta(seconds=self._limit)
        self._missing: set[str] = set()

    def arrive(self) -> None:
        """Something has taken until now."""
        self._time = self._clock.now()

    def look(self) -> None:
        """Raises Tripped when an alarm is in ALARM, or the time is over."""
        self._look_at_alarms()
        if self._deadline is not None and self._time >= self._deadline:
            raise Tripped(
                "The deployment was rolled back: it took longer than MaximumExecutionTimeoutInSeconds "
                f"({self._limit:g} s).",
            )

    def wait(self, seconds: float) -> None:
        """Until they have passed on the clock, with a look at least every second. Raises Tripped."""
        end = self._time + timedelta(seconds=seconds)
        stop = end if self._deadline is None else min(end, self._deadline)
        while (left := (stop - self._clock.now()).total_seconds()) > 0:
            self._look_at_alarms()
            self._pause(min(left, _LOOK_SECONDS) if self._names else left)
        self._time = stop
        self.look()

    def _look_at_alarms(self) -> None:
        if not self._names:
            return
        states = self._alarms.states(self._scope, self._names)
        if tripped := [name for name in self._names if states.get(name) == "ALARM"]:
            plural = "s are" if len(tripped) > 1 else " is"
            raise Tripped(
                f"The deployment was rolled back: the CloudWatch alarm{plural} in state ALARM: "
                f"{', '.join(tripped)}."
            )
        for name in self._names:
            if name not in states and name not in self._missing:
                self._missing.add(name)
                _log.warning("endpoint %s: there is no alarm %s; it takes no update back", self._name, name)

    def _pause(self, seconds: float) -> None:
        passed = threading.Event()
        with contextlib.ExitStack() as leave:
            leave.callback(self._clock.call_later(seconds, passed.set).cancel)
            passed.wait()
