"""Every state of an endpoint with every event, without a process."""

from __future__ import annotations

import botocore.session
import pytest

from gluonship.local.contracts import AwsError
from gluonship.local.sagemaker.endpoint_states import TRANSITIONS, Event, Status, after

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/pets"
REQUESTS = (Event.UPDATE_REQUESTED, Event.DELETE_REQUESTED)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("event", Event)
def test_every_pair_is_a_transition_a_refusal_or_impossible(status: Status, event: Event) -> None:
    if (status, event) in TRANSITIONS:
        assert after(status, event, ARN) is TRANSITIONS[status, event]
    elif event in REQUESTS:
        with pytest.raises(AwsError) as refusal:
            after(status, event, ARN)
        assert refusal.value.code == "ValidationException"
        assert ARN in refusal.value.message
    else:
        with pytest.raises(ValueError, match="cannot happen"):
            after(status, event, ARN)


def test_an_endpoint_in_progress_takes_no_request_in_awss_words() -> None:
    for status in (Status.CREATING, Status.UPDATING, Status.ROLLING_BACK, Status.DELETING):
        for event in REQUESTS:
            with pytest.raises(AwsError) as refusal:
                after(status, event, ARN)
            assert refusal.value.message == f'Cannot update in-progress endpoint "{ARN}".'


def test_the_words_are_awss() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    known = set(model.shape_for("EndpointStatus").enum)
    assert {status.value for status in Status} <= known
    assert known - {status.value for status in Status} == {"OutOfService", "SystemUpdating"}


def test_a_failed_update_returns_to_service_and_a_failed_creation_does_not() -> None:
    assert after(Status.UPDATING, Event.DEPLOYMENT_FAILED, ARN) is Status.IN_SERVICE
    assert after(Status.UPDATING, Event.ROLLBACK_STARTED, ARN) is Status.ROLLING_BACK
    assert after(Status.ROLLING_BACK, Event.DEPLOYMENT_FAILED, ARN) is Status.IN_SERVICE
    assert after(Status.ROLLING_BACK, Event.ROLLBACK_FAILED, ARN) is Status.UPDATE_ROLLBACK_FAILED
    assert after(Status.CREATING, Event.DEPLOYMENT_FAILED, ARN) is Status.FAILED
