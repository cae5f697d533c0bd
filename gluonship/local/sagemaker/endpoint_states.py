"""The states of an endpoint, as data: which events lead where, and which requests are taken in each.

AWS's EndpointStatus also knows OutOfService and SystemUpdating, into which nothing leads here: they are
maintenance. An update that fails ends InService, with the old fleet and a FailureReason; there is no status
UpdateFailed.
"""

from __future__ import annotations

import enum

from gluonship.local.contracts import AwsError


class Status(enum.Enum):
    """AWS's words (botocore: EndpointStatus)."""

    CREATING = "Creating"
    IN_SERVICE = "InService"
    UPDATING = "Updating"
    ROLLING_BACK = "RollingBack"
    FAILED = "Failed"
    UPDATE_ROLLBACK_FAILED = "UpdateRollbackFailed"
    DELETING = "Deleting"


class Event(enum.Enum):
    UPDATE_REQUESTED = "UpdateEndpoint or UpdateEndpointWeightsAndCapacities was called"
    DELETE_REQUESTED = "DeleteEndpoint was called"
    DEPLOYED = "the new fleet serves"
    DEPLOYMENT_FAILED = "the new fleet did not come up, or was taken back; what served before still does"
    ROLLBACK_STARTED = "an alarm, the time limit or a failure takes the update back"
    ROLLBACK_FAILED = "neither the new nor the old fleet has all the requests"


TRANSITIONS: dict[tuple[Status, Event], Status] = {
    (Status.CREATING, Event.DEPLOYED): Status.IN_SERVICE,
    (Status.CREATING, Event.DEPLOYMENT_FAILED): Status.FAILED,
    (Status.CREATING, Event.ROLLBACK_FAILED): Status.FAILED,
    (Status.IN_SERVICE, Event.UPDATE_REQUESTED): Status.UPDATING,
    (Status.IN_SERVICE, Event.DELETE_REQUESTED): Status.DELETING,
    (Status.UPDATING, Event.DEPLOYED): Status.IN_SERVICE,
    (Status.UPDATING, Event.DEPLOYMENT_FAILED): Status.IN_SERVICE,
    (Status.UPDATING, Event.ROLLBACK_STARTED): Status.ROLLING_BACK,
    (Status.ROLLING_BACK, Event.DEPLOYMENT_FAILED): Status.IN_SERVICE,
    (Status.ROLLING_BACK, Event.ROLLBACK_FAILED): Status.UPDATE_ROLLBACK_FAILED,
    (Status.UPDATE_ROLLBACK_FAILED, Event.DELETE_REQUESTED): Status.DELETING,
    (Status.FAILED, Event.DELETE_REQUESTED): Status.DELETING,
}

_IN_PROGRESS = (Status.CREATING, Status.UPDATING, Status.ROLLING_BACK, Status.DELETING)


def after(status: Status, event: Event, arn: str) -> Status:
    """The status that follows. Raises AwsError, in AWS's words, for a request that is not taken now."""
    if (status, event) in TRANSITIONS:
        return TRANSITIONS[status, event]
    if event not in (Event.UPDATE_REQUESTED, Event.DELETE_REQUESTED):
        raise ValueError(f"{event.name} cannot happen to an endpoint in status {status.value}: {arn}")
    if status in _IN_PROGRESS:  # AWS says "update" to a delete too
        raise AwsError("ValidationException", f'Cannot update in-progress endpoint "{arn}".')
    raise AwsError(
        "ValidationException",
        f'Cannot update endpoint "{arn}" in status {status.value}: DeleteEndpoint is all it takes now.',
    )
