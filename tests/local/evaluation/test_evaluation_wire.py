"""What a user's expression may not do to a real cloud: stop it, fill its memory, cost a job its metrics."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError
from local_clouds import LocalCloud

ROLE = "arn:aws:iam::123456789012:role/nobody-checks-me"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38"
ENDLESS = "(a|aa|b?a)+$"
TEXT = "a" * 60 + "!"
MEMORY_BUDGET = 100 * 2**20
DEADLINE_SECONDS = 120


class Machines:
    """State machines of one expression each."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.states = cloud.client("stepfunctions")

    def start(self, expression: str) -> str:
        state = {"Type": "Pass", "Output": f"{{% {expression} %}}", "End": True}
        definition = {"QueryLanguage": "JSONata", "StartAt": "Step", "States": {"Step": state}}
        made = self.states.create_state_machine(
            name=f"poison-{uuid.uuid4().hex[:8]}", roleArn=ROLE, definition=json.dumps(definition)
        )
        started = self.states.start_execution(stateMachineArn=made["stateMachineArn"])
        return str(started["executionArn"])

    def describe(self, execution: str) -> dict[str, Any]:
        described: dict[str, Any] = self.states.describe_execution(executionArn=execution)
        return described

    def ended(self, execution: str) -> dict[str, Any]:
        return until(lambda: self.describe(execution), lambda described: described["status"] != "RUNNING")


def until(look: Callable[[], Any], done: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not done(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_poisoned_expressions_hold_up_nobody_and_take_no_memory(cloud: LocalCloud) -> None:
    """The cloud's own process is watched: what an expression takes, it takes elsewhere."""
    machines, sts = Machines(cloud), cloud.client("sts")
    process = psutil.Process(cloud.info.pid)
    assert machines.ended(machines.start("1 + 1"))["status"] == "SUCCEEDED"
    before = process.memory_info().rss
    endless = [
        machines.start(f"$contains('{TEXT}', /{ENDLESS}/)"),
        machines.start("($f := function($n) { $f($n + 1) }; $f(1))"),
    ]
    large = machines.start("$length($pad('x', 1000000000))")
    most = before
    for _ in range(5):
        assert sts.get_caller_identity()["Account"] == "123456789012"
        most = max(most, process.memory_info().rss)
    answer = machines.ended(machines.start("40 + 2"))  # beside them
    assert [machines.describe(each)["status"] for each in endless] == ["RUNNING", "RUNNING"]
    assert answer["output"] == "42"
    failed = machines.ended(large)
    most = max(most, process.memory_info().rss)
    for each in endless:
        machines.states.stop_execution(executionArn=each)
        assert machines.ended(each)["status"] == "ABORTED"
    assert failed["error"] == "States.QueryEvaluationError"
    assert "It needed more than 256 MiB of memory." in failed["cause"]
    assert most - before < MEMORY_BUDGET


def test_a_poisoned_template_holds_up_nobody(cloud: LocalCloud) -> None:
    parameter = {"Type": "String", "AllowedPattern": ENDLESS, "Default": TEXT}
    template = {
        "Parameters": {"P": parameter},
        "Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "P"}}}},
    }
    refusals: list[str] = []

    def create() -> None:
        with pytest.raises(ClientError) as caught:
            cloud.client("cloudformation").create_stack(
                StackName="poisoned", TemplateBody=json.dumps(template)
            )
        refusals.append(str(caught.value))

    creating = threading.Thread(target=create)
    creating.start()
    answered = 0
    sts = cloud.client("sts")
    while creating.is_alive():
        sts.get_caller_identity()
        answered += creating.is_alive()
    creating.join()
    assert answered >= 2
    [refusal] = refusals
    assert "ValidationError" in refusal
    assert "was not decided. It took more than 1 s of processor time" in refusal


def test_a_metric_without_end_costs_a_job_nothing_else(cloud: LocalCloud) -> None:
    sagemaker, logs, s3 = (cloud.client(name) for name in ("sagemaker", "logs", "s3"))
    bucket = f"metrics-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    name = f"metrics-{uuid.uuid4().hex[:8]}"
    code = f"for epoch in (3, 2): print('loss=0.%d' % epoch, '{TEXT}', 'accuracy=0.7', flush=True)"
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "-c", code],
            "MetricDefinitions": [
                {"Name": "loss", "Regex": r"loss=([0-9.]+)"},
                {"Name": "endless", "Regex": r"(a|aa|b?a)+\?"},
                {"Name": "accuracy", "Regex": r"accuracy=([0-9.]+)"},
            ],
        },
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    described = until(
        lambda: sagemaker.describe_training_job(TrainingJobName=name),
        lambda job: job["TrainingJobStatus"] in ("Completed", "Failed"),
    )
    assert described["TrainingJobStatus"] == "Completed", described
    final = {each["MetricName"]: round(each["Value"], 3) for each in described["FinalMetricDataList"]}
    assert final == {"loss": 0.2, "accuracy": 0.7}
    group = "/aws/sagemaker/TrainingJobs"
    [stream] = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"]
    events = logs.get_log_events(
        logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
    )["events"]
    said = [each["message"] for each in events if "not searched for metric" in each["message"]]
    assert len(said) == 1
    assert "metric 'endless' any more. It took more than 2 s of processor time" in said[0]
    assert said[0].endswith(r"Its Regex is (a|aa|b?a)+\?")
