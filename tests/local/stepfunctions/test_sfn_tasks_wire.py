"""Tasks over the wire: real jobs, S3, topics, queues and other machines, of a real cloud."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from local_clouds import LocalCloud
from machine_runs import ROLE, Runs, jsonata, machine, task

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38"
SCRIPT = """
import os, sys, time

here = os.path.join(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"), "processing", "report")
if sys.argv[1] == "evaluate":
    with open(os.path.join(here, "evaluation.json"), "w") as file:
        file.write('{"accuracy": {"value": 0.91}}')
elif sys.argv[1] == "wait":
    print("waiting", flush=True)
    time.sleep(600)
else:
    raise ValueError("the labels are upside down")
"""


class Jobs:
    """A user's bucket with a script, and the requests of jobs that run it."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.sagemaker, self.s3 = cloud.client("sagemaker"), cloud.client("s3")
        self.bucket = f"machines-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_object(Bucket=self.bucket, Key="code/process.py", Body=SCRIPT.encode())

    def processing(self, behave: str, name: str) -> dict[str, Any]:
        # As CDK writes a place in S3: an https address.
        code = {
            "S3Uri": f"https://s3.us-east-1.amazonaws.com/{self.bucket}/code/process.py",
            "S3DataType": "S3Prefix",
            "LocalPath": "/opt/ml/processing/code",
        }
        report = {
            "S3Uri": f"s3://{self.bucket}/reports/{name}",
            "LocalPath": "/opt/ml/processing/report",
            "S3UploadMode": "EndOfJob",
        }
        return {
            "ProcessingJobName": name,
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/process.py", behave],
            },
            "RoleArn": ROLE,
            "ProcessingInputs": [{"InputName": "code", "S3Input": code}],
            "ProcessingOutputConfig": {"Outputs": [{"OutputName": "report", "S3Output": report}]},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
            },
        }

    def status(self, name: str) -> str:
        described = self.sagemaker.describe_processing_job(ProcessingJobName=name)
        return str(described["ProcessingJobStatus"])

    def await_status(self, name: str, *wanted: str) -> None:
        deadline = time.monotonic() + 30
        while self.status(name) not in wanted:
            assert time.monotonic() < deadline, self.status(name)
            time.sleep(0.05)


@pytest.fixture
def jobs(cloud: LocalCloud) -> Jobs:
    return Jobs(cloud)


def named(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


# --- .sync -----------------------------------------------------------------------------------------------


def test_a_job_runs_and_its_report_decides(runs: Runs, jobs: Jobs) -> None:
    name = named("evaluate")
    steps = jsonata(
        Evaluate={
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
            "Arguments": jobs.processing("evaluate", "{% $states.input.name %}"),
            "Assign": {"status": "{% $states.result.ProcessingJobStatus %}"},
            "Output": {"name": "{% $states.result.ProcessingJobName %}"},
            "Next": "Read",
        },
        Read={
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
            "Arguments": {
                "Bucket": jobs.bucket,
                "Key": "{% 'reports/' & $states.input.name & '/evaluation.json' %}",
            },
            "Assign": {"report": "{% $parse($states.result.Body) %}"},
            "Next": "Good",
        },
        Good={
            "Type": "Choice",
            "Choices": [{"Condition": "{% $report.accuracy.value > 0.9 %}", "Next": "Done"}],
            "Default": "Bad",
        },
        Done={"Type": "Succeed", "Output": {"status": "{% $status %}", "report": "{% $report %}"}},
        Bad={"Type": "Fail"},
    )
    steps["States"]["Evaluate"]["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = (
        f"{{% 's3://{jobs.bucket}/reports/' & $states.input.name %}}"
    )
    execution = runs.start(runs.create(steps), {"name": name})
    described = runs.ended(execution)
    assert described["status"] == "SUCCEEDED", described
    assert json.loads(described["output"]) == {
        "status": "Completed",
        "report": {"accuracy": {"value": 0.91}},
    }
    first = runs.types(execution)[:6]
    assert first == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
    ]
    scheduled = runs.history(execution)[2]["taskScheduledEventDetails"]
    assert (scheduled["resourceType"], scheduled["resource"]) == ("sagemaker", "createProcessingJob.sync")
    assert json.loads(scheduled["parameters"])["ProcessingJobName"] == name


def test_a_job_that_fails_is_caught_with_its_description(runs: Runs, jobs: Jobs) -> None:
    name = named("raise")
    steps = machine(
        Evaluate=task(
            "sagemaker:createProcessingJob.sync",
            jobs.processing("raise", name),
            Catch=[{"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.error", "Next": "Told"}],
        ),
        Told={
            "Type": "Pass",
            "Parameters": {"error.$": "$.error.Error", "job.$": "States.StringToJson($.error.Cause)"},
            "End": True,
        },
    )
    output = runs.output(steps)
    assert output["error"] == "States.TaskFailed"
    assert output["job"]["ProcessingJobStatus"] == "Failed"
    assert output["job"]["ProcessingJobName"] == name
    assert isinstance(output["job"]["CreationTime"], str)


def test_an_execution_that_is_stopped_stops_its_job(runs: Runs, jobs: Jobs) -> None:
    name = named("wait")
    steps = machine(Evaluate=task("sagemaker:createProcessingJob.sync", jobs.processing("wait", name)))
    execution = runs.start(runs.create(steps))
    runs.await_event(execution, "TaskSubmitted")
    runs.states.stop_execution(executionArn=execution, error="Tired", cause="of waiting")
    described = runs.describe(execution)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Tired", "of waiting")
    assert runs.types(execution)[-2:] == ["TaskStateAborted", "ExecutionAborted"]
    jobs.await_status(name, "Stopped", "Stopping")
    jobs.await_status(name, "Stopped")


def test_a_task_that_takes_too_long_stops_its_job(runs: Runs, jobs: Jobs) -> None:
    name = named("late")
    steps = machine(
        Evaluate=task("sagemaker:createProcessingJob.sync", jobs.processing("wait", name), TimeoutSeconds=1)
    )
    execution = runs.start(runs.create(steps))
    described = runs.ended(execution)
    assert (described["status"], described["error"]) == ("FAILED", "States.Timeout")
    assert "TaskTimedOut" in runs.types(execution)
    jobs.await_status(name, "Stopped")


def test_a_branch_that_fails_stops_the_others_jobs(runs: Runs, jobs: Jobs) -> None:
    name = named("sibling")
    steps = machine(
        Both={
            "Type": "Parallel",
            "Branches": [
                machine(Evaluate=task("sagemaker:createProcessingJob.sync", jobs.processing("wait", name))),
                machine(
                    Pause={"Type": "Wait", "Seconds": 1, "Next": "Break"},
                    Break={"Type": "Fail", "Error": "Broken", "Cause": "on purpose"},
                ),
            ],
            "End": True,
        }
    )
    execution = runs.start(runs.create(steps))
    described = runs.ended(execution)
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "Broken", "on purpose")
    assert {"TaskStateAborted", "ParallelStateFailed"} <= set(runs.types(execution))
    jobs.await_status(name, "Stopped")


def test_a_training_job_runs_under_a_name_of_its_own(runs: Runs, jobs: Jobs) -> None:
    name = named("train")
    request = {
        "TrainingJobName.$": "$.name",
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "-c", "print('trained')"],
        },
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": f"s3://{jobs.bucket}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    steps = machine(
        Train=task(
            "sagemaker:createTrainingJob.sync",
            request,
            ResultSelector={
                "model.$": "$.ModelArtifacts.S3ModelArtifacts",
                "status.$": "$.TrainingJobStatus",
                "volume.$": "$.ResourceConfig.VolumeSizeInGB",
            },
        )
    )
    arn = runs.create(steps)
    described = runs.ended(runs.start(arn, {"name": name}))
    assert described["status"] == "SUCCEEDED", described
    model = f"s3://{jobs.bucket}/models/{name}/output/model.tar.gz"
    assert json.loads(described["output"]) == {"model": model, "status": "Completed", "volume": 5}
    again = runs.ended(runs.start(arn, {"name": name}))
    assert again["error"] == "SageMaker.ResourceInUseException"
    assert "Service: AmazonSageMaker; Status Code: 400; Error Code: ResourceInUse" in again["cause"]


def test_a_machine_waits_for_another(runs: Runs) -> None:
    child = runs.create(machine(Double={"Type": "Pass", "Result": {"answer": 42}, "End": True}))
    asked = {"StateMachineArn": child, "Input": {"question": "?"}}
    output = runs.output(machine(Ask=task("states:startExecution.sync:2", asked)))
    assert (output["Status"], output["Output"], output["Input"]) == (
        "SUCCEEDED",
        {"answer": 42},
        {"question": "?"},
    )
    output = runs.output(machine(Ask=task("states:startExecution.sync", asked)))
    assert json.loads(output["Output"]) == {"answer": 42}


def test_a_machine_that_is_stopped_stops_the_one_it_waits_for(runs: Runs) -> None:
    child = runs.create(machine(Long={"Type": "Wait", "Seconds": 600, "End": True}))
    parent = runs.create(machine(Ask=task("states:startExecution.sync", {"StateMachineArn": child})))
    execution = runs.start(parent)
    submitted = runs.await_event(execution, "TaskSubmitted")["taskSubmittedEventDetails"]
    asked = json.loads(submitted["output"])["ExecutionArn"]
    runs.states.stop_execution(executionArn=execution)
    assert runs.describe(asked)["status"] == "ABORTED"


def test_a_branch_may_stop_its_own_execution(runs: Runs) -> None:
    asked = {"ExecutionArn.$": "$$.Execution.Id", "Error": "Enough"}
    branch = machine(Stop=task("aws-sdk:sfn:stopExecution", asked))
    described = runs.run(machine(Both={"Type": "Parallel", "Branches": [branch], "End": True}))
    assert (described["status"], described["error"]) == ("ABORTED", "Enough")
    assert (described["stopDate"] - described["startDate"]).total_seconds() < 5


# --- errors of services ----------------------------------------------------------------------------------

MISSING = {"EndpointName": "no-such-endpoint"}
REQUEST = {"EndpointName": "e", "EndpointConfigName": "no-such-config"}


@pytest.mark.parametrize(
    ("resource", "parameters", "error", "cause"),
    [
        ("aws-sdk:sagemaker:describeEndpoint", MISSING, "SageMaker.SageMakerException", "no-such-endpoint"),
        ("sagemaker:createEndpoint", REQUEST, "SageMaker.AmazonSageMakerException", "ValidationException"),
        ("aws-sdk:s3:headBucket", {"Bucket": "no-such-bucket-here"}, "S3.NoSuchBucketException", "404"),
        (
            "aws-sdk:s3:getObject",
            {"Bucket": "no-such-bucket-here", "Key": "k"},
            "S3.NoSuchBucketException",
            "Service: S3, Status Code: 404",
        ),
        (
            "aws-sdk:sfn:describeExecution",
            {"ExecutionArn": "arn:aws:states:us-east-1:123456789012:execution:none:none"},
            "Sfn.ExecutionDoesNotExistException",
            "Does Not Exist",
        ),
        (
            "sns:publish",
            {"TopicArn": "arn:aws:sns:us-east-1:123456789012:none", "Message": "m"},
            "SNS.NotFoundException",
            "Error Code: NotFound",
        ),
        (
            "aws-sdk:sagemaker:describeTrainingJob",
            {"TrainingJobName": "none"},
            "SageMaker.SageMakerException",
            "",
        ),
        (
            "aws-sdk:sagemaker:createCompilationJob",
            {
                "CompilationJobName": "c",
                "RoleArn": ROLE,
                "OutputConfig": {"S3OutputLocation": "s3://b/k"},
                "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            },
            "SageMaker.SageMakerException",
            "CreateCompilationJob of sagemaker is not available in the local cloud",
        ),
    ],
)
def test_a_services_error_has_its_aws_name(
    runs: Runs, resource: str, parameters: dict[str, Any], error: str, cause: str
) -> None:
    described = runs.run(machine(Call=task(resource, parameters)))
    assert (described["status"], described["error"]) == ("FAILED", error)
    assert cause in described["cause"]


def test_a_parameter_of_the_wrong_type_is_said_before_the_call(runs: Runs) -> None:
    steps = machine(Call=task("aws-sdk:sagemaker:describeEndpoint", {"EndpointName.$": "$.name"}))
    described = runs.run(steps, {"name": 7})
    assert described["error"] == "States.Runtime"
    assert "The value for the field 'EndpointName' must be a STRING" in described["cause"]


def test_the_sdk_integration_takes_what_the_optimised_one_does_not(runs: Runs) -> None:
    given = {"EndpointName": "none", "EndpointConfigName": "none", "RetainAllVariantProperties": True}
    described = runs.run(machine(Update=task("aws-sdk:sagemaker:updateEndpoint", given)))
    assert described["error"] == "SageMaker.SageMakerException"  # it was asked: there is no such endpoint
    update = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:updateEndpoint",
        "Arguments": "{% $states.input %}",  # known only when it runs
        "End": True,
    }
    described = runs.run(jsonata(Update=update), given)
    assert described["error"] == "States.Runtime"
    assert 'The field "RetainAllVariantProperties" is not supported by Step Functions' in described["cause"]


# --- other integrations ----------------------------------------------------------------------------------


def test_an_object_goes_to_a_bucket_and_comes_back_as_text(runs: Runs, jobs: Jobs) -> None:
    place = {"Bucket": jobs.bucket, "Key": "notes/one.json"}
    steps = machine(
        Put=task("aws-sdk:s3:putObject", {**place, "Body": {"a": [1]}}, ResultPath="$.put", Next="Get"),
        Get=task("aws-sdk:s3:getObject", place, ResultPath="$.got", Next="Parse"),
        Parse={
            "Type": "Pass",
            "Parameters": {
                "body.$": "States.StringToJson($.got.Body)",
                "tag.$": "$.put.ETag",
                "modified.$": "$.got.LastModified",
                "length.$": "$.got.ContentLength",
            },
            "End": True,
        },
    )
    output = runs.output(steps)
    assert output["body"] == {"a": [1]}
    assert output["length"] == len('{"a":[1]}')
    assert output["tag"].startswith('"')
    assert output["modified"].endswith("Z")


def test_a_topic_a_queue_and_a_bus(cloud: LocalCloud, runs: Runs) -> None:
    sqs, sns = cloud.client("sqs"), cloud.client("sns")
    queue = sqs.create_queue(QueueName=named("queue"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name=named("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    entry = {"Source": "me", "DetailType": "done", "Detail": {"run.$": "$$.Execution.Name"}}
    steps = machine(
        Say=task(
            "sns:publish", {"TopicArn": topic, "Message": {"by": "topic"}}, ResultPath=None, Next="Send"
        ),
        Send=task("sqs:sendMessage", {"QueueUrl": queue, "MessageBody": {"by": "queue"}}, Next="Put"),
        Put=task("events:putEvents", {"Entries": [entry]}),
    )
    output = runs.output(steps)
    assert output["FailedEntryCount"] == 0
    bodies: list[Any] = []
    deadline = time.monotonic() + 20
    while len(bodies) < 2 and time.monotonic() < deadline:
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        bodies += [json.loads(message["Body"]) for message in received.get("Messages", [])]
    assert sorted(bodies, key=str) == [{"by": "queue"}, {"by": "topic"}]


def test_an_event_names_the_execution_that_put_it(cloud: LocalCloud, runs: Runs) -> None:
    sqs, bus, source = cloud.client("sqs"), cloud.client("events"), named("source")
    queue = sqs.create_queue(QueueName=named("queue"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))
    bus.put_targets(Rule=source, Targets=[{"Id": "1", "Arn": arn}])
    entry = {"Source": source, "DetailType": "done", "Detail": {"a": 1}, "Resources": ["mine"]}
    machine_arn = runs.create(machine(Put=task("events:putEvents", {"Entries": [entry]})))
    execution = runs.start(machine_arn)
    assert runs.ended(execution)["status"] == "SUCCEEDED"
    received = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)
    event = json.loads(received["Messages"][0]["Body"])
    assert event["resources"] == ["mine", execution, machine_arn]


def test_a_task_waits_for_the_answer_to_its_token(cloud: LocalCloud, runs: Runs) -> None:
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName=named("answers"))["QueueUrl"]
    asked = {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}}
    machine_arn = runs.create(machine(Ask=task("sqs:sendMessage.waitForTaskToken", asked)))

    def token() -> str:
        received = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)
        return str(json.loads(received["Messages"][0]["Body"])["token"])

    good = runs.start(machine_arn)
    given = token()
    runs.states.send_task_heartbeat(taskToken=given)
    runs.states.send_task_success(taskToken=given, output='{"approved": true}')
    assert json.loads(runs.ended(good)["output"]) == {"approved": True}
    with pytest.raises(runs.states.exceptions.TaskTimedOut):
        runs.states.send_task_success(taskToken=given, output="{}")
    with pytest.raises(runs.states.exceptions.InvalidToken):
        runs.states.send_task_success(taskToken="nobody's", output="{}")
    bad = runs.start(machine_arn)
    runs.states.send_task_failure(taskToken=token(), error="Rejected", cause="too blurred")
    described = runs.ended(bad)
    assert (described["error"], described["cause"]) == ("Rejected", "too blurred")


def test_two_executions_never_mix(runs: Runs) -> None:
    steps = machine(
        Spread={
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": machine(
                Rest={"Type": "Wait", "Seconds": 0, "Next": "Mark"},
                Mark={
                    "Type": "Pass",
                    "Parameters": {"run.$": "$$.Execution.Name", "value.$": "$.v"},
                    "End": True,
                },
            ),
            "End": True,
        }
    )
    arn = runs.create(steps)
    started = {
        f"run-{number}": runs.start(
            arn, {"items": [{"v": number * 10 + i} for i in range(5)]}, name=f"run-{number}"
        )
        for number in range(8)
    }
    for number, (name, execution) in enumerate(started.items()):
        expected = [{"run": name, "value": number * 10 + i} for i in range(5)]
        assert json.loads(runs.ended(execution)["output"]) == expected
