"""Activities: tasks that workers fetch, by GetActivityTask, and answer by their token.

AWS: "Learn about Activities in Step Functions".
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gluonship.local.contracts import AwsError, Clock, Handler, Scope
from gluonship.local.stepfunctions.failures import RUNTIME, StatesError
from gluonship.local.stepfunctions.paging import page
from gluonship.local.stepfunctions.resource_names import checked_name
from gluonship.local.stepfunctions.task_tokens import PendingTask

_POLL_SECONDS = 60.0  # AWS holds a poll this long


@dataclass(frozen=True)
class _Offer:
    pending: PendingTask
    input: str
    started: Callable[[str], None]


@dataclass(frozen=True)
class _Activity:
    arn: str
    name: str
    created: datetime
    offers: deque[_Offer]


class Activities:
    """The activities of all scopes, with their operations."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._activities: dict[str, _Activity] = {}
        self._closed = False

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateActivity": self._create,
            "DeleteActivity": self._delete,
            "DescribeActivity": self._describe,
            "GetActivityTask": self._fetch,
            "ListActivities": self._list,
        }

    def close(self) -> None:
        """Ends the workers' polls."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @contextlib.contextmanager
    def offered(
        self, scope: Scope, arn: str, pending: PendingTask, text: str, started: Callable[[str], None]
    ) -> Iterator[None]:
        """A task for the activity's workers, until a worker takes it or the block ends."""
        offer = _Offer(pending, text, started)
        with self._changed:
            activity = self._get(scope, arn)
            if activity is None:
                raise StatesError(RUNTIME, f"The activity {arn} does not exist.")
            activity.offers.append(offer)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                if offer in activity.offers:
                    activity.offers.remove(offer)

    def _create(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        name = checked_name(request["name"])
        arn = scope.arn("states", f"activity:{name}")
        with self._changed:
            activity = self._activities.setdefault(arn, _Activity(arn, name, self._clock.now(), deque()))
        return {"activityArn": arn, "creationDate": activity.created}

    def _delete(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        with self._changed:
            activity = self._get(scope, request["activityArn"])
            if activity is not None:
                del self._activities[activity.arn]
        return {}

    def _describe(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        return _shown(self._find(scope, request["activityArn"]))

    def _list(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        prefix = scope.arn("states", "activity:")
        with self._changed:
            shown = [_shown(each) for arn, each in sorted(self._activities.items()) if arn.startswith(prefix)]
        return page("activities", shown, request)

    def _fetch(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A task within a minute, or none."""
        activity = self._find(scope, request["activityArn"])
        with self._changed:
            self._changed.wait_for(lambda: self._closed or activity.offers, _POLL_SECONDS)
            if not activity.offers:
                return {}
            offer = activity.offers.popleft()
        offer.started(request.get("workerName", ""))
        return {"taskToken": offer.pending.token, "input": offer.input}

    def _get(self, scope: Scope, arn: str) -> _Activity | None:
        return self._activities.get(arn) if arn.startswith(scope.arn("states", "activity:")) else None

    def _find(self, scope: Scope, arn: str) -> _Activity:
        with self._changed:
            activity = self._get(scope, arn)
        if activity is None:
            raise AwsError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")
        return activity


def _shown(activity: _Activity) -> dict[str, Any]:
    return {"activityArn": activity.arn, "name": activity.name, "creationDate": activity.created}
