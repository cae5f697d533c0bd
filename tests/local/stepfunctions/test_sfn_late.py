"""What comes too late: calls that answer after the time limit or after the execution was stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from machine_house import House, model_client
from machine_runs import machine, task

from gluonship.local.contracts import Scope
from gluonship.local.stepfunctions.halting import Halt, HaltedError, Reason


class SlowQueue:
    """A client of SQS that answers when it is told to."""

    def __init__(self) -> None:
        self.asked, self.answer = threading.Event(), threading.Event()
        self.meta = model_client(Scope("123456789012", "us-east-1"), "sqs").meta

    def send_message(self, **_: Any) -> dict[str, Any]:
        self.asked.set()
        assert self.answer.wait(10)
        return {"MessageId": "1", "ResponseMetadata": {"HTTPStatusCode": 200, "RequestId": "r"}}


@pytest.fixture
def queue() -> SlowQueue:
    return SlowQueue()


@pytest.fixture
def house(queue: SlowQueue) -> Iterator[House]:
    made = House(lambda scope, service: queue)
    yield made
    queue.answer.set()
    made.interpreter.close()


SEND = {"QueueUrl": "https://queue", "MessageBody": "x"}


def test_a_task_that_answers_after_its_time_limit_is_late(house: House, queue: SlowQueue) -> None:
    execution = house.start(machine(Send=task("sqs:sendMessage", SEND, TimeoutSeconds=5)))
    assert queue.asked.wait(5)
    house.clock.advance(6)
    threading.Timer(0.1, queue.answer.set).start()
    described = house.ended(execution)
    assert described["error"] == "States.Timeout"
    assert "TaskTimedOut" in house.types(execution)


def test_an_execution_that_is_stopped_in_its_last_state_is_aborted(house: House, queue: SlowQueue) -> None:
    execution = house.start(machine(Send=task("sqs:sendMessage", SEND)))
    assert queue.asked.wait(5)
    threading.Timer(0.1, queue.answer.set).start()
    house.call("StopExecution", executionArn=execution, error="Enough")
    described = house.describe(execution)
    assert (described["status"], described["error"]) == ("ABORTED", "Enough")


def test_what_has_ended_is_halted_no_more_and_what_is_halted_does_not_end() -> None:
    ended, halted = Halt(), Halt()
    ended.end()
    ended.halt(Reason.STOPPED)
    ended.check()
    halted.halt(Reason.STOPPED)
    with pytest.raises(HaltedError):
        halted.end()


class VanishingJobs:
    """A client of SageMaker that takes jobs and then cannot describe them."""

    def __init__(self) -> None:
        self.stopped: list[str] = []
        self.meta = model_client(Scope("123456789012", "us-east-1"), "sagemaker").meta

    def create_training_job(self, **_: Any) -> dict[str, Any]:
        return {"TrainingJobArn": "arn", "ResponseMetadata": {}}

    def describe_training_job(self, **_: Any) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": "InternalFailure", "Message": "no"}}, "DescribeTrainingJob")

    def stop_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:
        self.stopped.append(TrainingJobName)
        return {}


def test_a_job_that_cannot_be_followed_is_stopped() -> None:
    jobs = VanishingJobs()
    house = House(lambda scope, service: jobs)
    request = {
        "TrainingJobName": "lost",
        "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File"},
        "RoleArn": "arn:aws:iam::123456789012:role/trainer",
        "OutputDataConfig": {"S3OutputPath": "s3://b"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    described = house.run(machine(Train=task("sagemaker:createTrainingJob.sync", request)))
    assert described["error"] == "SageMaker.AmazonSageMakerException"
    assert jobs.stopped == ["lost"]
    house.interpreter.close()
