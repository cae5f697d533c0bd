"""A reset of the account under everything that may be under way, on a cloud of its own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from busy_account import ROLE, fill, images, left, serve, train, wait_for_all
from local_clouds import LocalCloud, running_cloud
from processes import still_alive

from gluonship.local import launcher

pytestmark = pytest.mark.slow

_ONCE = Config(retries={"total_max_attempts": 1}, max_pool_connections=16)
_FAST = {"Delay": 1, "MaxAttempts": 60}
WRITING = json.dumps(
    {
        "StartAt": "Write",
        "States": {
            "Write": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:ssm:putParameter",
                "Parameters": {"Name": "written", "Value": "17", "Type": "String"},
                "End": True,
            }
        },
    }
)
STACK = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})


@pytest.fixture(scope="module")
def own_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    home = tmp_path_factory.mktemp("reset") / "home"
    home.mkdir()
    (home / "images.toml").write_text(images(home))
    with running_cloud(home) as cloud:
        yield cloud


def containers(cloud: LocalCloud) -> list[psutil.Process]:
    """All below the cloud's process but the data plane."""
    family = psutil.Process(cloud.info.pid).children(recursive=True)
    return [each for each in family if "gluonship.local.serving.data_plane_server" not in each.cmdline()]


def test_a_reset_leaves_nothing_of_a_busy_account_and_nothing_comes_later(own_cloud: LocalCloud) -> None:
    fill(own_cloud)
    wait_for_all(own_cloud)
    running = containers(own_cloud)
    assert len(list((own_cloud.home / "stacks").iterdir())) == 1, "the journal of the stack under way"
    before = launcher.contents(own_cloud.home)
    assert {"kind": "training job", "name": "chatter"} in before["jobs"]
    assert before["buckets"] == [{"name": "first", "objects": 1, "bytes": 5}], "the job's own are empty"

    def invoke() -> int:
        """The status of a request that takes its instance's whole life."""
        runtime = own_cloud.client("sagemaker-runtime", config=_ONCE)
        with pytest.raises(ClientError) as caught:
            runtime.invoke_endpoint(EndpointName="endpoint", Body=b"slowly", ContentType="text/plain")
        return status(caught.value)

    def poll() -> str:
        arn = "arn:aws:states:us-east-1:123456789012:activity:by-hand"
        try:
            answer = own_cloud.client("stepfunctions", config=_ONCE).get_activity_task(activityArn=arn)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return str(answer.get("taskToken", "none"))

    with ThreadPoolExecutor(2) as pool:
        asked, polled = pool.submit(invoke), pool.submit(poll)
        launcher.reset(own_cloud.home)
        assert left(own_cloud) == set()
        # Executed before, and cut short, or after.
        assert asked.result() in (503, 400)
        assert polled.result() in ("none", "ActivityDoesNotExist")
    assert still_alive(running) == []

    # What would come later: names again, so that it had a place to come to.
    own_cloud.client("s3").create_bucket(Bucket="first")
    queue = own_cloud.client("sqs").create_queue(QueueName="listener")["QueueUrl"]
    launcher.advance_clock(7200, own_cloud.home)
    folders = own_cloud.home / "containers"
    end = time.monotonic() + 30
    while any(folders.iterdir()):  # each thread of the old account leaves its folder last
        assert time.monotonic() < end, list(folders.iterdir())
        time.sleep(0.1)
    assert left(own_cloud) == {"buckets", "queues"}
    assert [each["Name"] for each in own_cloud.client("s3").list_buckets()["Buckets"]] == ["first"]
    assert "Contents" not in own_cloud.client("s3").list_objects_v2(Bucket="first")
    assert "Messages" not in own_cloud.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=2)
    assert list((own_cloud.home / "stacks").iterdir()) == []
    log = (own_cloud.home / "cloud.log").read_text()
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:3000]


def status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def test_an_account_works_again_after_a_reset(own_cloud: LocalCloud) -> None:
    """The same names; and what acts behind the planes: jobs, routes, state machines, stacks, rules."""
    client = own_cloud.client
    for number in range(2):
        client("s3").create_bucket(Bucket="first")
        train(own_cloud, "again", "example/quick")
        serve(own_cloud, "again")
        queue = client("sqs").create_queue(QueueName="heard")["QueueUrl"]
        events = client("events")
        events.put_rule(Name="trained", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
        arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
        events.put_targets(Rule="trained", Targets=[{"Id": "1", "Arn": arn["QueueArn"]}])
        states, sagemaker = client("stepfunctions"), client("sagemaker")
        machine = states.create_state_machine(name="writing", definition=WRITING, roleArn=ROLE)
        started = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        client("cloudformation").create_stack(StackName="again", TemplateBody=STACK)
        client("cloudformation").get_waiter("stack_create_complete").wait(
            StackName="again", WaiterConfig=_FAST
        )
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(
            TrainingJobName="again", WaiterConfig=_FAST
        )
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="again", WaiterConfig=_FAST)
        answer = client("sagemaker-runtime").invoke_endpoint(EndpointName="again", Body=b"x")
        assert answer["Body"].read() == b"answer"
        assert "Messages" in client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=10)
        end = time.monotonic() + 30
        while states.describe_execution(executionArn=started)["status"] == "RUNNING":
            assert time.monotonic() < end
            time.sleep(0.1)
        assert states.describe_execution(executionArn=started)["status"] == "SUCCEEDED"
        assert client("ssm").get_parameter(Name="written")["Parameter"]["Value"] == "17"
        models = launcher.contents(own_cloud.home)["models"]
        assert [(each["kind"], each["name"]) for each in models] == [("training job", "again")], number
        launcher.reset(own_cloud.home)
    assert left(own_cloud) == set()


def test_every_request_during_resets_is_answered_as_before_or_after(own_cloud: LocalCloud) -> None:
    over = threading.Event()
    answers: list[tuple[str, int]] = []

    def work(number: int) -> None:
        s3, sqs, ssm, logs, sagemaker, states = (
            own_cloud.client(name, config=_ONCE)
            for name in ("s3", "sqs", "ssm", "logs", "sagemaker", "stepfunctions")
        )
        name = f"name-{number}"
        calls = (
            lambda: s3.create_bucket(Bucket=name),
            lambda: s3.put_object(Bucket=name, Key="k", Body=b"x" * 500_000),
            lambda: s3.get_object(Bucket=name, Key="k")["Body"].read(),
            lambda: sqs.create_queue(QueueName=name),
            lambda: ssm.put_parameter(Name=name, Value="v", Type="String", Overwrite=True),
            lambda: logs.create_log_group(logGroupName=name),
            lambda: sagemaker.create_model(
                ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "example/server"}
            ),
            lambda: states.create_state_machine(name=name, definition=WRITING, roleArn=ROLE),
            lambda: states.list_state_machines(),
        )
        while not over.is_set():
            for index, call in enumerate(calls):
                try:
                    call()
                    answers.append((str(index), 200))
                except ClientError as error:
                    answers.append((str(error), status(error)))

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(work, number) for number in range(4)]
        try:
            for _ in range(5):
                seen = len(answers)
                while len(answers) < seen + 40 and not any(each.done() for each in working):
                    time.sleep(0.01)
                launcher.reset(own_cloud.home)
        finally:
            over.set()
        for each in working:
            each.result()  # no connection was lost either
    assert [each for each in answers if each[1] >= 500] == []
    launcher.reset(own_cloud.home)
    assert left(own_cloud) == set()
