"""On AWS a schedule of EventBridge Scheduler calls its target when it falls due, and what it says is checked
when it is made. moto records schedules, forgets State and ActionAfterCompletion in an update, and fails on a
group that does not exist.

Here a schedule runs on the cloud's clock from CreateSchedule until it is changed, disabled, deleted or over.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.scheduler.exceptions import ValidationException
from moto.scheduler.models import EventBridgeSchedulerBackend as Backend
from moto.scheduler.responses import EventBridgeSchedulerResponse as Response

from gluonship.local.contracts import Clients, Clock, Scope
from gluonship.local.events import schedules
from gluonship.local.events.buses import Buses
from gluonship.local.events.timetable import Timetable

_CREATE = Backend.create_schedule
_UPDATE = Backend.update_schedule
_DELETE = Backend.delete_schedule
_DELETE_GROUP = Backend.delete_schedule_group
_UPDATE_RESPONSE = Response.update_schedule

_MOMENT = timedelta(microseconds=1)  # so that what falls due at the start itself is not missed


def apply(clients: Clients, buses: Buses, timetable: Timetable, clock: Clock) -> None:
    agenda = _Agenda(clients, buses, timetable, clock)

    @functools.wraps(_CREATE)
    def create_schedule(self: Backend, **members: Any) -> Any:
        self.get_schedule_group(members.get("group_name"))
        agenda.check(members)
        schedule = _CREATE(self, **members)
        schedule.creation_date = schedule.last_modified_date = clock.now().timestamp()
        schedule.action_after_completion = schedule.action_after_completion or "NONE"
        agenda.follow(self, schedule)
        return schedule

    @functools.wraps(_UPDATE)
    def update_schedule(self: Backend, **members: Any) -> Any:
        self.get_schedule(members.get("group_name"), members["name"])
        agenda.check(members)
        schedule = _UPDATE(self, **{**members, "state": members.get("state") or "ENABLED"})
        schedule.last_modified_date = clock.now().timestamp()
        agenda.follow(self, schedule)
        return schedule

    @functools.wraps(_DELETE)
    def delete_schedule(self: Backend, group_name: str | None, name: str) -> None:
        _DELETE(self, group_name, name)
        timetable.remove(_key(self, group_name or "default", name))

    @functools.wraps(_DELETE_GROUP)
    def delete_schedule_group(self: Backend, name: str | None) -> None:
        group = self.get_schedule_group(name)
        if group.name == "default":
            raise ValidationException("The default schedule group can't be deleted.")
        for schedule in list(group.schedules):
            delete_schedule(self, group.name, schedule)
        _DELETE_GROUP(self, name)

    Backend.create_schedule = create_schedule
    Backend.update_schedule = update_schedule
    Backend.delete_schedule = delete_schedule
    Backend.delete_schedule_group = delete_schedule_group
    Response.update_schedule = _update_response


def _update_response(self: Response) -> Any:
    """As moto's, with ActionAfterCompletion: what an update does not name has its default again."""
    answer = _UPDATE_RESPONSE(self)
    group = self._get_param("GroupName")
    name = self.uri.split("?")[0].split("/")[-1]
    schedule = self.scheduler_backend.get_schedule(group, name)
    schedule.action_after_completion = self._get_param("ActionAfterCompletion") or "NONE"
    return answer


class _Agenda:
    """moto's schedules in the timetable."""

    def __init__(self, clients: Clients, buses: Buses, timetable: Timetable, clock: Clock) -> None:
        self._clients = clients
        self._buses = buses
        self._timetable = timetable
        self._clock = clock

    def check(self, members: dict[str, Any]) -> None:
        """Raises moto's ValidationException for what AWS refuses."""
        expression, zone = members["schedule_expression"] or "", members.get("schedule_expression_timezone")
        start, end = _time(members.get("start_date")), _time(members.get("end_date"))
        try:
            schedules.recurrence_of(expression, zone, self._clock.now())
            schedules.check(members["target"] or {}, members.get("flexible_time_window") or {})
        except schedules.Invalid as error:
            raise ValidationException(str(error)) from error
        if start and end and end <= start:
            raise ValidationException("The EndDate you specify must come after the StartDate.")

    def follow(self, backend: Backend, schedule: Any) -> None:
        """The timetable after the schedule was made or changed."""
        key = _key(backend, schedule.group_name, schedule.name)
        if schedule.state == "DISABLED":
            self._timetable.remove(key)
            return
        start = _time(schedule.start_date)
        created = datetime.fromtimestamp(schedule.creation_date, UTC)
        since = datetime.fromtimestamp(schedule.last_modified_date, UTC)
        recurrence = schedules.recurrence_of(
            schedule.schedule_expression, schedule.schedule_expression_timezone, start or created
        )
        scope = Scope(backend.account_id, backend.region_name)

        def fall_due(due: datetime) -> None:
            current = schedules.Schedule(scope, schedule.arn, dict(schedule.target))
            now = self._clock.now()
            delivery = schedules.delivery(self._clients, self._buses, current, due, now)
            self._buses.deliveries.submit(delivery)

        self._timetable.set(
            key,
            recurrence,
            fall_due,
            after=max(since, start or since) - _MOMENT,
            end=_time(schedule.end_date),
            completed=self._over(backend, schedule),
        )

    def _over(self, backend: Backend, schedule: Any) -> Callable[[], None]:
        """What is to happen when a schedule will not fall due any more."""

        def completed() -> None:
            group = backend.schedule_groups.get(schedule.group_name)
            if group is None or group.schedules.get(schedule.name) is not schedule:
                return
            if schedule.action_after_completion == "DELETE":
                group.schedules.pop(schedule.name, None)

        return completed


def _key(backend: Backend, group: str, name: str) -> tuple[str, Scope, str, str]:
    return ("schedule", Scope(backend.account_id, backend.region_name), group, name)


def _time(value: Any) -> datetime | None:
    """StartDate and EndDate: seconds since 1970 over the wire."""
    if value is None:
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    time = datetime.fromisoformat(str(value))
    return time if time.tzinfo else time.replace(tzinfo=UTC)
