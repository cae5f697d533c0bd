"""The operations of gluonship.aws over the wire, on a local cloud with a container of the tests' own."""

from __future__ import annotations

import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from gluonship.aws import channels, endpoints, invocation, log_lines, storage, trained, training
from gluonship.aws.account import Account
from gluonship.aws.errors import OperationFailed, explain
from gluonship.aws.storage import S3Uri
from gluonship.local import connect, launcher
from gluonship.vision import datasets

ROLE = "arn:aws:iam::123456789012:role/r"
IMAGE = "registry.example/toy:1"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    home = tmp_path_factory.mktemp("aws-cloud")
    script = Path(__file__).with_name("toy_container.py")
    (home / "images.toml").write_text(
        f'[[image]]\npattern = "registry.example/toy"\ncommand = ["{sys.executable}", "{script}"]\n'
    )
    launcher.up(home, port=0)
    try:
        yield Account(connect(home, start=False, whole_process=False).boto, "local")
    finally:
        launcher.down(home, grace_seconds=1)


@pytest.fixture(scope="module")
def bucket(account: Account) -> S3Uri:
    return S3Uri(storage.ensure_bucket(account), "")


@pytest.fixture(scope="module")
def plan(account: Account, bucket: S3Uri, tmp_path_factory: pytest.TempPathFactory) -> training.TrainingPlan:
    data = tmp_path_factory.mktemp("data") / "a.rec"
    data.write_bytes(b"12345")
    channel = channels.upload_channel(account, [data], bucket.joined("data/train"))
    return training.TrainingPlan(
        name="",
        image=IMAGE,
        role=ROLE,
        source=str(bucket.joined("sourcedir.tar.gz")),
        channels={"train": channel},
        output=str(bucket.joined("models")),
        hyperparameters={"label": "cat"},
        region=account.region,
        max_run_seconds=60,
    )


def _model(account: Account, bucket: S3Uri, folder: Path, label: str) -> str:
    """A model of the toy container's: it answers with `label`."""
    (folder / "label").write_text(label)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.add(folder / "label", "label")
    target = bucket.joined(f"models/{label}/model.tar.gz")
    storage.upload_file(account, folder / "model.tar.gz", target)
    return str(target)


# --- storage ----------------------------------------------------------------------------------------------


def test_the_bucket_is_made_once_and_named_for_region_and_account(account: Account, bucket: S3Uri) -> None:
    assert bucket.bucket == "gluonship-us-east-1-123456789012"
    assert storage.ensure_bucket(account) == bucket.bucket
    assert storage.ensure_bucket(account, "a-bucket-of-my-own") == "a-bucket-of-my-own"


def test_a_file_goes_up_and_comes_back(account: Account, bucket: S3Uri, tmp_path: Path) -> None:
    content = bytes(range(256)) * 50_000  # more than one part
    (tmp_path / "up").write_bytes(content)
    sent: list[int] = []
    storage.upload_file(account, tmp_path / "up", bucket.joined("big"), sent.append)
    assert sum(sent) == len(content)
    storage.download_file(account, bucket.joined("big"), tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == content
    assert storage.exists(account, bucket.joined("big"))


def test_what_is_not_in_s3_leaves_no_file(account: Account, bucket: S3Uri, tmp_path: Path) -> None:
    with pytest.raises(OperationFailed, match="There is nothing at s3://"):
        storage.download_file(account, bucket.joined("no/such"), tmp_path / "down")
    assert list(tmp_path.iterdir()) == []
    assert not storage.exists(account, S3Uri("no-such-bucket-here", "x"))
    assert not storage.any_object_under(account, S3Uri("no-such-bucket-here", "x"))


# --- data sets ----------------------------------------------------------------------------------------------


def test_data_in_s3_gives_its_channels(account: Account, bucket: S3Uri, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    for name in ("train", "validation", "trainers"):
        storage.upload_file(account, tmp_path / "x", bucket.joined(f"set/{name}/x"))
    root = str(bucket.joined("set"))
    assert channels.uploaded(account, S3Uri.parse(root)) == {
        "train": f"{root}/train/",
        "validation": f"{root}/validation/",
    }
    assert channels.uploaded(account, S3Uri.parse(f"{root}/train")) == {"train": f"{root}/train"}
    with pytest.raises(datasets.DatasetError, match="There is nothing at"):
        channels.uploaded(account, bucket.joined("nowhere"))


# --- training -----------------------------------------------------------------------------------------------


def test_a_job_runs_with_its_log_status_and_metrics(account: Account, plan: training.TrainingPlan) -> None:
    job = replace(plan, name="good")
    lines: list[str] = []
    statuses: list[str] = []
    training.start(account, job)
    model = training.wait(account, "good", lines.append, lambda status, text: statuses.append(status))
    assert model.artifact == f"{plan.output}/good/output/model.tar.gz"
    assert model.metrics == {"train:loss": 0.5, "validation:accuracy": 0.75, "images_per_second": 12.5}
    assert 'channels {"train": ["a.rec"]}' in lines
    assert len([line for line in lines if line.startswith("metric ")]) == 1
    assert statuses[0] == "Starting"
    assert statuses[-1] == "Completed"
    assert len(statuses) == len(set(statuses))
    assert storage.exists(account, S3Uri.parse(model.artifact))
    assert training.describe(account, "good") == model


def test_a_job_that_fails_says_why(account: Account, plan: training.TrainingPlan) -> None:
    job = replace(plan, name="bad", hyperparameters={"wish": "fail"})
    training.start(account, job)
    lines: list[str] = []
    with pytest.raises(OperationFailed, match=r"'bad' failed\..*the wish was to fail"):
        training.wait(account, "bad", lines.append, lambda status, text: None)
    assert [line for line in lines if line.startswith("metric ")]


def test_what_jobs_have_left_is_found(account: Account, plan: training.TrainingPlan) -> None:
    """After the two above: one with a model, one without, and then one whose script wrote other files too."""
    good = S3Uri.parse(f"{plan.output}/good/output/model.tar.gz")
    assert trained.find(account, "good") == trained.Trained("training job", "good", {"model.tar.gz": good})
    with pytest.raises(
        OperationFailed, match=r"'bad' ended as Failed, without a model.*the wish was to fail"
    ):
        trained.find(account, "bad")
    output = S3Uri.parse(f"{plan.output}/good/output/output.tar.gz")
    account.s3.put_object(Bucket=output.bucket, Key=output.key, Body=b"curves")
    arn = account.sagemaker.describe_training_job(TrainingJobName="good")["TrainingJobArn"]
    assert trained.find(account, arn).files == {"model.tar.gz": good, "output.tar.gz": output}


def test_a_job_that_is_stopped_says_so(account: Account, plan: training.TrainingPlan) -> None:
    training.start(account, replace(plan, name="stopped", hyperparameters={"wish": "wait"}))

    def stop_when_it_runs(line: str) -> None:
        if line.startswith("metric "):
            with pytest.raises(
                OperationFailed, match="'stopped' is still InProgress: wait until it has ended"
            ):
                trained.find(account, "stopped")
            training.stop(account, "stopped")

    with pytest.raises(OperationFailed, match="'stopped' was stopped"):
        training.wait(account, "stopped", stop_when_it_runs, lambda status, text: None)


def test_a_name_that_is_taken_is_refused_in_words(account: Account, plan: training.TrainingPlan) -> None:
    job = replace(plan, name="twice")
    training.start(account, job)
    with pytest.raises(ClientError) as caught:
        training.start(account, job)
    assert "(ResourceInUse). Take another name" in str(explain(caught.value))
    training.wait(account, "twice", lambda line: None, lambda status, text: None)


def test_a_job_that_is_not_there_is_missing(account: Account) -> None:
    assert not training.exists(account, "nobody")
    with pytest.raises(OperationFailed, match="no training job 'nobody' in us-east-1"):
        training.describe(account, "nobody")


# --- endpoints ----------------------------------------------------------------------------------------------


def test_an_endpoint_is_created_updated_and_deleted_with_its_parts(
    account: Account, bucket: S3Uri, tmp_path: Path
) -> None:
    name = "animals-of-the-farm-behind-the-hill-at-the-river"  # too long to be whole in its parts' names
    cats = endpoints.EndpointPlan(name, _model(account, bucket, tmp_path, "cat"), IMAGE, ROLE)
    statuses: list[str] = []
    first = endpoints.deploy(account, cats)
    assert first.change == "created"
    with pytest.raises(OperationFailed, match="is Creating: wait until it is InService"):
        endpoints.deploy(account, cats)
    endpoints.wait(account, first, statuses.append)
    assert statuses == ["Creating", "InService"]
    assert invocation.invoke(account, name, b"1").top.label == "cat 1"

    dogs = replace(cats, model_data=_model(account, bucket, tmp_path, "dog"))
    second = endpoints.deploy(account, dogs)
    assert (second.change, second.version == first.version) == ("updated", False)
    endpoints.wait(account, second, lambda status: None)
    assert invocation.invoke(account, name, b"2").top.label == "dog 2"

    # An update whose model does not start leaves the one before it, and nothing of its own.
    broken = replace(cats, model_data=_model(account, bucket, tmp_path, "broken"))
    third = endpoints.deploy(account, broken)
    with pytest.raises(
        OperationFailed, match=r"(?s)could not be updated, and serves as before.*cannot be served"
    ):
        endpoints.wait(account, third, lambda status: None)
    assert invocation.invoke(account, name, b"3").top.label == "dog 3"
    assert third.version not in _versions(account)

    # Another endpoint whose name begins alike keeps its parts.
    beside = endpoints.deploy(account, replace(cats, name=f"{name}-2"))
    endpoints.wait(account, beside, lambda status: None)
    deleted = endpoints.delete(account, name)
    assert sorted(deleted) == sorted(
        [
            f"endpoint {name}",
            *(f"endpoint config {each.version}" for each in (first, second)),
            *(f"model {each.version}" for each in (first, second)),
        ]
    )
    assert _versions(account) == {beside.version}
    endpoints.delete(account, f"{name}-2")
    assert _versions(account) == set()
    with pytest.raises(OperationFailed, match=f"There is no endpoint '{name}'"):
        endpoints.delete(account, name)


def _versions(account: Account) -> set[str]:
    """Names of configs and models, which are the same."""
    configs = {
        each["EndpointConfigName"] for each in account.sagemaker.list_endpoint_configs()["EndpointConfigs"]
    }
    assert {each["ModelName"] for each in account.sagemaker.list_models()["Models"]} == configs
    return configs


def test_an_endpoint_whose_creation_failed_is_made_anew(
    account: Account, bucket: S3Uri, tmp_path: Path
) -> None:
    plan = endpoints.EndpointPlan("risen", _model(account, bucket, tmp_path, "broken"), IMAGE, ROLE)
    first = endpoints.deploy(account, plan)
    with pytest.raises(OperationFailed, match=r"(?s)did not come up \(Failed\).*this model cannot be served"):
        endpoints.wait(account, first, lambda status: None)
    second = endpoints.deploy(account, replace(plan, model_data=_model(account, bucket, tmp_path, "phoenix")))
    assert second.change == "created"
    endpoints.wait(account, second, lambda status: None)
    assert invocation.invoke(account, "risen", b"").top.label == "phoenix "
    endpoints.delete(account, "risen")
    assert _versions(account) == set()


def test_a_model_that_is_refused_leaves_nothing(account: Account) -> None:
    plan = endpoints.EndpointPlan("refused", "s3://bucket/x", IMAGE, ROLE, instance_type="ml.none.large")
    with pytest.raises(ClientError) as caught:  # by then the model is made, its config is not
        endpoints.deploy(account, plan)
    assert "CreateEndpointConfig was refused" in str(explain(caught.value))
    assert _versions(account) == set()


# --- invocations --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(account: Account, bucket: S3Uri, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    model = _model(account, bucket, tmp_path_factory.mktemp("model"), "cow")
    deployment = endpoints.deploy(account, endpoints.EndpointPlan("farm", model, IMAGE, ROLE))
    endpoints.wait(account, deployment, lambda status: None)
    yield "farm"
    endpoints.delete(account, "farm")


def test_many_answers_come_in_the_order_of_their_images(account: Account, served: str) -> None:
    images = [str(number).encode() for number in range(300)]
    answers = invocation.invoke_many(account, served, images, clients=8)
    assert [answer.top.label for answer in answers] == [f"cow {number}" for number in range(300)]


@pytest.mark.parametrize("body", [b"refuse me", b"refuse me as AWS's server"])
def test_a_refusal_has_the_containers_own_words(account: Account, served: str, body: bytes) -> None:
    with pytest.raises(
        invocation.InvocationFailed, match=r"answered 400: the picture is upside down$"
    ) as caught:
        invocation.invoke(account, served, body)
    assert (caught.value.code, caught.value.status) == ("InvalidImage", 400)


def test_an_answer_that_is_no_classification_is_said(account: Account, served: str) -> None:
    with pytest.raises(invocation.InvocationFailed, match="not with a classification"):
        invocation.invoke(account, served, b"chat")


def test_an_endpoint_that_is_not_there_is_named(account: Account) -> None:
    with pytest.raises(invocation.InvocationFailed, match="There is no endpoint 'nowhere'"):
        invocation.invoke(account, "nowhere", b"x")


@pytest.mark.parametrize("clients", [0, 33])
def test_the_number_of_clients_has_a_range(account: Account, served: str, clients: int) -> None:
    with pytest.raises(ValueError, match=f"clients is {clients}"):
        list(invocation.invoke_many(account, served, [b"x"], clients))


# --- log lines ----------------------------------------------------------------------------------------------


def test_a_follower_gives_every_line_once(account: Account) -> None:
    logs = account.logs
    logs.create_log_group(logGroupName="g")
    follower = log_lines.LogFollower(account, "g", "s/")
    assert list(follower.new_lines()) == []
    for stream in ("s/1", "s/2", "other/1"):
        logs.create_log_stream(logGroupName="g", logStreamName=stream)
    written, now = 0, int(1000 * time.time()) - 60_000  # CloudWatch drops what is weeks old
    for round_ in range(3):
        count = 4_000 if round_ == 1 else 2  # once more than fits one answer of CloudWatch's
        events = [{"timestamp": now + written + n, "message": str(written + n)} for n in range(count)]
        for stream in ("s/1", "s/2", "other/1"):
            logs.put_log_events(logGroupName="g", logStreamName=stream, logEvents=events)
        lines = list(follower.new_lines())
        for stream in ("s/1", "s/2"):
            assert [line for name, line in lines if name == stream] == [
                str(written + n) for n in range(count)
            ]
        assert len(lines) == 2 * count
        written += count
    assert list(follower.new_lines()) == []


def test_the_last_lines_are_read_from_the_end(account: Account) -> None:
    logs = account.logs
    logs.create_log_group(logGroupName="long")
    now, written = int(1000 * time.time()) - 60_000, 25_000  # more than two answers hold
    for stream in ("a", "b", "empty"):
        logs.create_log_stream(logGroupName="long", logStreamName=stream)
    for first in range(0, written, 10_000):
        numbers = range(first, min(first + 10_000, written))
        for stream, later in (("a", 0), ("b", 1)):
            events = [{"timestamp": now + 2 * n + later, "message": str(n)} for n in numbers]
            logs.put_log_events(logGroupName="long", logStreamName=stream, logEvents=events)
    pages: list[str] = []
    logs.meta.events.register("after-call.cloudwatch-logs.GetLogEvents", lambda **_: pages.append("page"))
    follower = log_lines.LogFollower(account, "long")
    assert follower.last_lines(3) == [("b", "24998"), ("a", "24999"), ("b", "24999")]
    assert len(pages) <= 4  # one a stream, and one that finds the empty one empty
    assert list(follower.new_lines()) == []
    for stream in ("a", "empty"):
        event = {"timestamp": now + 2 * written, "message": "new"}
        logs.put_log_events(logGroupName="long", logStreamName=stream, logEvents=[event])
    assert list(follower.new_lines()) == [("a", "new"), ("empty", "new")]

    many = log_lines.LogFollower(account, "long").last_lines(45_000)
    assert len(many) == 45_000
    assert [line for stream, line in many if stream == "b"] == [str(n) for n in range(2_501, written)]
    assert len(log_lines.LogFollower(account, "long").last_lines(100_000)) == 2 * written + 2
    rest = log_lines.LogFollower(account, "long")
    assert rest.last_lines(0) == list(rest.new_lines()) == []


def test_an_empty_page_is_not_the_end() -> None:
    """As CloudWatch's documentation says; the local cloud has no such pages."""
    account = Account(boto3.Session("key", "secret", region_name="us-east-1"))
    with Stubber(account.logs) as cloudwatch:
        cloudwatch.add_response("describe_log_streams", {"logStreams": [{"logStreamName": "s"}]})
        for token, lines in (("1", ["a"]), ("2", []), ("3", ["b"]), ("3", [])):
            events = [{"timestamp": 7, "message": line} for line in lines]
            cloudwatch.add_response("get_log_events", {"events": events, "nextForwardToken": token})
        follower = log_lines.LogFollower(account, "g")
        assert [line for _, line in follower.new_lines()] == ["a", "b"]
        cloudwatch.assert_no_pending_responses()


def test_a_group_that_is_not_there_has_no_lines(account: Account) -> None:
    assert list(log_lines.LogFollower(account, "nothing").new_lines()) == []


def test_clients_may_be_used_by_threads(account: Account, served: str) -> None:
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda: answers.append(invocation.invoke(account, served, b"t").top.label))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["cow t"] * 8
