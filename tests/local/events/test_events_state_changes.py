"""The events of SageMaker and Step Functions against the examples of their developer guides."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gluonship.local.contracts import Scope, StateChange
from gluonship.local.events.state_changes import event_of

SCOPE = Scope("123456789012", "us-west-2")
TIME = datetime(2020, 3, 10, 9, 18, 9, 50_000, tzinfo=UTC)
MILLISECONDS = 1583831889050


def told(kind: str, status: str, resource: str, service: str = "sagemaker", **detail: Any) -> dict[str, Any]:
    name = resource.rpartition("/")[2].rpartition(":")[2]
    arn = SCOPE.arn(service, resource)
    event = event_of(StateChange(SCOPE, kind, name, arn, status, detail.pop("secondary", None), TIME, detail))
    assert event is not None
    assert json.loads(json.dumps(event)) == event
    assert event["account"] == "123456789012"
    assert event["region"] == "us-west-2"
    assert event["time"] == "2020-03-10T09:18:09Z"
    assert event["resources"] == [arn]
    return dict(event)


def test_a_training_job() -> None:
    event = told(
        "TrainingJob",
        "Completed",
        "training-job/kmeans-1",
        secondary="Completed",
        TrainingJobStatus="InProgress",
        SecondaryStatus="Uploading",
        CreationTime=TIME,
        ResourceConfig={"InstanceCount": 3},
        SecondaryStatusTransitions=[{"Status": "Training", "StartTime": TIME}],
        ResponseMetadata={},
    )
    assert (event["source"], event["detail-type"]) == ("aws.sagemaker", "SageMaker Training Job State Change")
    assert event["detail"] == {
        "TrainingJobName": "kmeans-1",
        "TrainingJobArn": "arn:aws:sagemaker:us-west-2:123456789012:training-job/kmeans-1",
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "CreationTime": MILLISECONDS,
        "ResourceConfig": {"InstanceCount": 3},
        "SecondaryStatusTransitions": [{"Status": "Training", "StartTime": MILLISECONDS}],
        "Tags": {},
    }


def test_a_processing_job() -> None:
    event = told("ProcessingJob", "Failed", "processing-job/p", FailureReason="AlgorithmError: no")
    assert event["detail-type"] == "SageMaker Processing Job State Change"
    assert event["detail"]["ProcessingJobStatus"] == "Failed"
    assert event["detail"]["FailureReason"] == "AlgorithmError: no"


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("InService", "IN_SERVICE"),
        ("Creating", "CREATING"),
        ("RollingBack", "ROLLING_BACK"),
        ("UpdateRollbackFailed", "UPDATE_ROLLBACK_FAILED"),
        ("Deleting", "DELETING"),
    ],
)
def test_an_endpoint_has_its_status_in_capitals(status: str, shown: str) -> None:
    event = told("Endpoint", status, "endpoint/cats", EndpointStatus=status, EndpointConfigName="one")
    assert event["detail-type"] == "SageMaker Endpoint State Change"
    assert event["detail"]["EndpointStatus"] == shown
    assert event["detail"]["EndpointConfigName"] == "one"


def test_a_model_package_has_times_as_texts() -> None:
    event = told(
        "ModelPackage",
        "Completed",
        "model-package/cats/2",
        ModelPackageGroupName="cats",
        ModelPackageVersion=2,
        ModelApprovalStatus="Approved",
        CreationTime=TIME,
    )
    assert event["detail-type"] == "SageMaker Model Package State Change"
    assert event["detail"] == {
        "ModelPackageArn": "arn:aws:sagemaker:us-west-2:123456789012:model-package/cats/2",
        "ModelPackageGroupName": "cats",
        "ModelPackageVersion": 2,
        "ModelApprovalStatus": "Approved",
        "CreationTime": "2020-03-10T09:18:09Z",
    }


def test_an_execution_that_runs() -> None:
    event = told(
        "StateMachineExecution",
        "RUNNING",
        "execution:train:run-1",
        "states",
        stateMachineArn="arn:aws:states:us-west-2:123456789012:stateMachine:train",
        startDate=TIME,
        input="{}",
        traceHeader="x",
    )
    assert (event["source"], event["detail-type"]) == ("aws.states", "Step Functions Execution Status Change")
    assert event["detail"] == {
        "executionArn": "arn:aws:states:us-west-2:123456789012:execution:train:run-1",
        "stateMachineArn": "arn:aws:states:us-west-2:123456789012:stateMachine:train",
        "name": "run-1",
        "status": "RUNNING",
        "startDate": MILLISECONDS,
        "stopDate": None,
        "input": "{}",
        "inputDetails": {"included": True},
        "output": None,
        "outputDetails": None,
        "error": None,
        "cause": None,
    }


def test_an_execution_with_much_data_says_that_it_is_left_out() -> None:
    much = json.dumps("x" * 200_000)
    detail = told("StateMachineExecution", "SUCCEEDED", "execution:m:r", "states", input=much, output=much)[
        "detail"
    ]
    assert (detail["input"], detail["inputDetails"]) == (None, {"included": False})
    assert (detail["output"], detail["outputDetails"]) == (much, {"included": True})


def test_of_other_resources_nothing_is_told() -> None:
    assert event_of(StateChange(SCOPE, "Model", "m", "arn", "Created", None, TIME)) is None
