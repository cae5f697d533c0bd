"""The engine: records, the order of events, the clock; and that a job kind is a declaration."""

from __future__ import annotations

import contextlib
import gc
import threading
import weakref
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from job_fakes import SCOPE, START, FakeRun, FakeRunner, House, KeptEvents, ManualClock

from gluonship.local.contracts import (
    AwsError,
    Failure,
    JobListener,
    JobOutcome,
    JobPhase,
    JobPlan,
    JobResult,
    Scope,
    StateChange,
)
from gluonship.local.sagemaker.job_kinds import Job, JobKind, Limits, Operations
from gluonship.local.sagemaker.job_states import Status, status
from gluonship.local.sagemaker.jobs import Jobs
from gluonship.local.sagemaker.tags import Tags

# --- a second kind of job, all of it ---------------------------------------------------------------------


def accept_polish(request: Mapping[str, Any]) -> dict[str, Any]:
    if "Stone" not in request:
        raise AwsError("ValidationException", "What is to be polished?")
    return {"Stone": request["Stone"], "Seconds": request.get("Seconds", 60)}


def plan_polish(job: Job, now: datetime) -> JobPlan:
    return JobPlan(
        scope=job.scope,
        name=job.name,
        image="polisher",
        command="train",
        log_group="/polish",
        log_stream=f"{job.name}-{now:%H%M%S}",
        files={},
        arguments=(job.request["Stone"],),
    )


POLISHING = JobKind(
    name="PolishingJob",
    title="polishing job",
    name_member="PolishingJobName",
    arn_member="PolishingJobArn",
    arn_prefix="polishing-job",
    summaries_member="PolishingJobSummaries",
    operations=Operations(
        create="CreatePolishingJob",
        describe="DescribePolishingJob",
        list="ListPolishingJobs",
        stop="StopPolishingJob",
    ),
    accept=accept_polish,
    plan=plan_polish,
    describe=lambda job: {"Stone": job.request["Stone"], "Status": status(job.state).value},
    summarise=lambda job: {"Status": status(job.state).value},
    limits=lambda request: Limits(runtime_seconds=request["Seconds"]),
    status_words={
        Status.IN_PROGRESS: "INPROGRESS",
        Status.STOPPING: "STOPPING",
        Status.COMPLETED: "COMPLETED",
        Status.FAILED: "FAILED",
        Status.STOPPED: "STOPPED",
    },
    has_secondary_status=False,
    default_sort_order="Descending",
    missing_code="ResourceNotFound",
    missing="No such polishing job.",
)


class Workshop:
    def __init__(self, runner: Any = None) -> None:
        self.clock, self.events, self.tags = ManualClock(), KeptEvents(), Tags()
        self.runner = runner or FakeRunner()
        self.jobs = Jobs(POLISHING, self.runner, self.clock, self.events, self.tags, stop_grace_seconds=7)
        self.operations = self.jobs.operations()

    def call(self, operation: str, scope: Scope = SCOPE, **request: Any) -> dict[str, Any]:
        return self.operations[operation](scope, request)


def test_a_kind_of_job_is_a_declaration() -> None:
    shop = Workshop()
    arn = "arn:aws:sagemaker:eu-west-1:123456789012:polishing-job/opal"
    assert shop.call("CreatePolishingJob", PolishingJobName="opal", Stone="opal") == {"PolishingJobArn": arn}
    assert shop.runner.last.plan.arguments == ("opal",)
    assert shop.call("DescribePolishingJob", PolishingJobName="opal") == {
        "PolishingJobName": "opal",
        "PolishingJobArn": arn,
        "CreationTime": START,
        "Stone": "opal",
        "Status": "in progress",
    }
    shop.runner.last.enter(JobPhase.RUNNING)
    shop.call("StopPolishingJob", PolishingJobName="opal")
    assert shop.runner.last.graces == [7]
    shop.runner.last.finish(JobOutcome.STOPPED)
    # Without secondary statuses, coming to a phase is no change that anybody is told of.
    assert shop.events.shown == ["INPROGRESS/None", "STOPPING/None", "STOPPED/None"]
    with pytest.raises(AwsError, match="because the polishing job is in status STOPPED"):
        shop.call("StopPolishingJob", PolishingJobName="opal")


def test_a_kind_without_a_delete_operation_has_none() -> None:
    assert sorted(Workshop().operations) == [
        "CreatePolishingJob",
        "DescribePolishingJob",
        "ListPolishingJobs",
        "StopPolishingJob",
    ]


def test_a_kind_brings_its_own_order_and_its_own_words_for_what_is_missing() -> None:
    shop = Workshop()
    for name in ("a", "b", "c"):
        shop.call("CreatePolishingJob", PolishingJobName=name, Stone="jade")
        shop.clock.advance(1)
    listed = shop.call("ListPolishingJobs")["PolishingJobSummaries"]
    assert [one["PolishingJobName"] for one in listed] == ["c", "b", "a"]
    with pytest.raises(AwsError) as caught:
        shop.call("DescribePolishingJob", PolishingJobName="d")
    assert (caught.value.code, caught.value.message) == ("ResourceNotFound", "No such polishing job.")


def test_what_the_kind_refuses_leaves_nothing_behind() -> None:
    shop = Workshop()
    with pytest.raises(AwsError, match="What is to be polished"):
        shop.call("CreatePolishingJob", PolishingJobName="nothing")
    tags = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    with pytest.raises(AwsError, match="Duplicate tag key"):
        shop.call("CreatePolishingJob", PolishingJobName="nothing", Stone="jade", Tags=tags)
    assert shop.call("ListPolishingJobs") == {"PolishingJobSummaries": []}
    assert shop.runner.runs == []
    assert shop.events.changes == []


# --- records and scopes ----------------------------------------------------------------------------------


def test_two_scopes_never_meet() -> None:
    house, elsewhere = House(), Scope(SCOPE.account_id, "us-west-2")
    house.create(TrainingJobName="same")
    house.create(elsewhere, TrainingJobName="same")
    house.call("StopTrainingJob", elsewhere, TrainingJobName="same")
    assert house.describe("same")["TrainingJobStatus"] == "InProgress"
    assert len(house.call("ListTrainingJobs")["TrainingJobSummaries"]) == 1


def test_of_many_creations_under_one_name_one_wins() -> None:
    house, outcomes = House(), []

    def create() -> None:
        try:
            house.create(TrainingJobName="wanted")
            outcomes.append("created")
        except AwsError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=create) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["ResourceInUse"] * 15 + ["created"]
    assert len(house.runner.runs) == 1


# --- the runner ------------------------------------------------------------------------------------------


class HastyRunner(FakeRunner):
    """Ends the job before `start` has returned."""

    def start(self, plan: JobPlan, listener: JobListener) -> FakeRun:
        run = super().start(plan, listener)
        run.enter(*JobPhase)
        run.finish(JobOutcome.COMPLETED)
        return run


def test_a_job_may_end_before_the_runner_has_answered() -> None:
    shop = Workshop(HastyRunner())
    shop.call("CreatePolishingJob", PolishingJobName="opal", Stone="opal")
    assert shop.call("DescribePolishingJob", PolishingJobName="opal")["Status"] == "completed"
    assert shop.clock.waiting == []


class SlowRunner(FakeRunner):
    """Lets somebody stop the job while it is being started."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Any = None

    def start(self, plan: JobPlan, listener: JobListener) -> FakeRun:
        self.meanwhile()
        return super().start(plan, listener)


def test_nothing_that_ran_is_kept_when_the_job_has_ended() -> None:
    """A cloud that lives for weeks keeps the records of its jobs, not their plans, output and threads."""
    house = House()
    house.create()
    run = house.runner.runs.pop()
    run.finish(JobOutcome.COMPLETED)
    kept = weakref.ref(run)
    del run
    gc.collect()
    assert kept() is None


def test_a_stop_that_comes_while_the_job_is_being_started_is_not_lost() -> None:
    runner = SlowRunner()
    shop = Workshop(runner)
    runner.meanwhile = lambda: shop.call("StopPolishingJob", PolishingJobName="opal")
    shop.call("CreatePolishingJob", PolishingJobName="opal", Stone="opal")
    assert runner.last.graces == [7]


def test_a_stop_that_comes_while_the_job_is_started_again_goes_to_the_new_attempt() -> None:
    house = House()
    runner = house.runner
    start = runner.start

    def start_and_be_stopped(plan: JobPlan, listener: JobListener) -> FakeRun:
        if runner.runs:
            house.call("StopTrainingJob", TrainingJobName=plan.name)
        return start(plan, listener)

    runner.start = start_and_be_stopped  # type: ignore[method-assign]
    house.create(
        TrainingJobName="spot",
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 1000},
    )
    runner.last.enter(JobPhase.RUNNING)
    house.jobs.interrupt(SCOPE, "spot")
    runner.last.finish(JobOutcome.INTERRUPTED)
    # While it waits for an instance, only that and the limit of the waiting are watched.
    assert len(house.clock.waiting) == 2
    house.clock.advance(1)
    assert [run.graces for run in runner.runs] == [[], [120.0]]


def test_late_news_of_an_older_attempt_are_dropped() -> None:
    house = spot_house()
    first = house.runner.last
    first.finish(JobOutcome.INTERRUPTED)
    house.clock.advance(1)
    first.enter(JobPhase.UPLOADING)
    first.finish(JobOutcome.FAILED, Failure("AlgorithmError", "late", 1))
    assert house.describe("spot")["SecondaryStatus"] == "Starting"


class ThreadedRun(FakeRun):
    """Goes through its phases on a thread of its own, and ends as it was told."""

    def go(self) -> None:
        self.enter(*JobPhase)
        if self.interrupts:
            self.finish(JobOutcome.INTERRUPTED)
        elif self.graces:
            self.finish(JobOutcome.STOPPED)
        else:
            self.finish(JobOutcome.COMPLETED)


class ThreadedRunner(FakeRunner):
    def __init__(self) -> None:
        super().__init__()
        self.threads: list[threading.Thread] = []

    def start(self, plan: JobPlan, listener: JobListener) -> FakeRun:
        run = ThreadedRun(plan, listener)
        thread = threading.Thread(target=run.go)
        self.runs.append(run)
        self.threads.append(thread)
        thread.start()
        return run


def test_many_jobs_on_many_threads_each_come_to_one_end() -> None:
    runner = ThreadedRunner()
    shop = Workshop(runner)
    shop.events.subscribe(
        lambda change: shop.call("DescribePolishingJob", PolishingJobName=change.name) and None
    )

    def create_and_stop(number: int) -> None:
        shop.call("CreatePolishingJob", PolishingJobName=f"stone-{number}", Stone="jade")
        with contextlib.suppress(AwsError):  # it may be faster
            shop.call("StopPolishingJob", PolishingJobName=f"stone-{number}")

    users = [threading.Thread(target=create_and_stop, args=(number,)) for number in range(60)]
    for thread in users:
        thread.start()
    for threads in (users, runner.threads):
        for thread in threads:
            thread.join(timeout=30)
            assert not thread.is_alive()
    told: dict[str, list[str]] = {}
    for change in shop.events.changes:
        told.setdefault(change.name, []).append(change.status)
    assert len(told) == 60
    for statuses in told.values():
        assert statuses in (
            ["INPROGRESS", "COMPLETED"],
            ["INPROGRESS", "STOPPING", "STOPPED"],
        )
    assert shop.clock.waiting == []


# --- events ----------------------------------------------------------------------------------------------


def test_every_change_is_published_with_what_describe_answers_then() -> None:
    house = House()
    name = house.create()
    house.runner.last.enter(*JobPhase)
    house.clock.advance(5)
    house.runner.last.finish(JobOutcome.COMPLETED)
    assert house.events.shown == [
        "InProgress/Starting",
        "InProgress/Downloading",
        "InProgress/Training",
        "InProgress/Uploading",
        "Completed/Completed",
    ]
    last = house.events.changes[-1]
    assert (last.kind, last.name, last.scope) == ("TrainingJob", name, SCOPE)
    assert last.arn == f"arn:aws:sagemaker:eu-west-1:123456789012:training-job/{name}"
    assert last.time == START + timedelta(seconds=5)
    assert last.detail == house.describe(name)
    assert house.events.changes[0].detail["SecondaryStatus"] == "Starting"


def test_what_a_listener_is_given_is_its_own() -> None:
    house = House()

    def scribble(change: StateChange) -> None:
        change.detail["ResourceConfig"]["InstanceType"] = "scribble"

    house.events.subscribe(scribble)
    name = house.create()
    assert house.describe(name)["ResourceConfig"]["InstanceType"] == "ml.m5.xlarge"


def test_changes_are_told_one_after_the_other() -> None:
    house, busy, release = House(), threading.Event(), threading.Event()
    told: list[str] = []

    def slow(change: StateChange) -> None:
        if change.secondary_status == "Starting":
            busy.set()
            assert release.wait(30)
        told.append(str(change.secondary_status))

    house.events.subscribe(slow)
    creator = threading.Thread(target=house.create)
    creator.start()
    assert busy.wait(30)
    # The job goes on meanwhile, by its clock; who is told waits for the slow one.
    (record,) = house.call("ListTrainingJobs")["TrainingJobSummaries"]
    house.call("StopTrainingJob", TrainingJobName=record["TrainingJobName"])
    assert told == []
    release.set()
    creator.join(30)
    assert told == ["Starting", "Stopping"]


def test_a_listener_may_act_and_the_order_stays() -> None:
    house = House()

    def stop_at_training(change: StateChange) -> None:
        if change.secondary_status == "Training":
            house.call("StopTrainingJob", TrainingJobName=change.name)

    house.events.subscribe(stop_at_training)
    house.create()
    house.runner.last.enter(JobPhase.DOWNLOADING, JobPhase.RUNNING)
    house.runner.last.finish(JobOutcome.STOPPED)
    assert house.events.shown[-3:] == ["InProgress/Training", "Stopping/Stopping", "Stopped/Stopped"]


# --- time ------------------------------------------------------------------------------------------------


def spot_house(**condition: int) -> House:
    house = House()
    house.create(
        TrainingJobName="spot",
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 1000, **condition},
        CheckpointConfig={"S3Uri": "s3://bucket/checkpoints"},
    )
    house.runner.last.enter(JobPhase.DOWNLOADING, JobPhase.RUNNING)
    return house


def test_the_time_to_run_is_counted_from_the_first_instance_on() -> None:
    house = House(stop_grace_seconds=3.5)
    name = house.create(StoppingCondition={"MaxRuntimeInSeconds": 60})
    house.clock.advance(500)  # the instance takes its time
    house.runner.last.enter(JobPhase.DOWNLOADING)
    house.clock.advance(59)
    assert house.runner.last.graces == []
    house.clock.advance(1)
    assert house.runner.last.graces == [3.5]
    assert house.describe(name)["TrainingJobStatus"] == "Stopping"
    house.runner.last.enter(JobPhase.UPLOADING)
    house.runner.last.finish(JobOutcome.STOPPED)
    described = house.describe(name)
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert house.clock.waiting == []


def test_times_are_those_that_a_client_can_ask_with() -> None:
    house = House()
    house.clock.advance(0.1239)
    name = house.create()
    created = house.describe(name)["CreationTime"]
    assert created == START + timedelta(milliseconds=123)
    assert house.call("ListTrainingJobs", CreationTimeBefore=created) == {"TrainingJobSummaries": []}


def test_an_interrupted_job_comes_back_and_pays_only_for_its_instances() -> None:
    house = spot_house()
    house.clock.advance(30)
    house.jobs.interrupt(SCOPE, "spot", capacity_wait_seconds=200)
    assert house.runner.last.interrupts == 1
    assert house.describe("spot")["SecondaryStatus"] == "Interrupted"
    house.runner.last.finish(JobOutcome.INTERRUPTED)
    house.clock.advance(199)
    assert len(house.runner.runs) == 1
    house.clock.advance(1)
    assert house.describe("spot")["SecondaryStatus"] == "Starting"
    assert house.runner.last.plan.checkpoints == house.runner.runs[0].plan.checkpoints
    assert house.runner.last.plan.log_stream != house.runner.runs[0].plan.log_stream
    house.runner.last.enter(*JobPhase)
    house.clock.advance(20)
    house.runner.last.finish(JobOutcome.COMPLETED)
    described = house.describe("spot")
    assert (described["TrainingTimeInSeconds"], described["BillableTimeInSeconds"]) == (250, 50)
    shown = [one["Status"] for one in described["SecondaryStatusTransitions"]]
    assert shown.count("Interrupted") == 1
    assert shown.count("Training") == 2


def test_the_time_to_run_holds_for_all_attempts_together() -> None:
    house = spot_house()
    house.clock.advance(70)
    house.jobs.interrupt(SCOPE, "spot", capacity_wait_seconds=500)
    house.runner.last.finish(JobOutcome.INTERRUPTED)
    house.clock.advance(500)
    house.runner.last.enter(JobPhase.RUNNING)
    house.clock.advance(29)
    assert house.runner.last.graces == []
    house.clock.advance(1)
    assert house.runner.last.graces == [120.0]


def test_a_job_that_waits_too_long_ends_without_another_attempt() -> None:
    house = spot_house()
    house.jobs.interrupt(SCOPE, "spot", capacity_wait_seconds=5000)
    house.runner.last.finish(JobOutcome.INTERRUPTED)
    house.clock.advance(1000)
    described = house.describe("spot")
    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == (
        "Stopped",
        "MaxWaitTimeExceeded",
    )
    house.clock.advance(10_000)
    assert len(house.runner.runs) == 1
    assert described["BillableTimeInSeconds"] < described["TrainingTimeInSeconds"]


def test_the_time_to_wait_holds_for_a_job_that_runs_as_well() -> None:
    house = spot_house(MaxRuntimeInSeconds=1000)
    house.clock.advance(100)
    house.jobs.interrupt(SCOPE, "spot", capacity_wait_seconds=100)
    house.runner.last.finish(JobOutcome.INTERRUPTED)
    house.clock.advance(100)
    house.runner.last.enter(JobPhase.RUNNING)
    house.clock.advance(800)
    assert house.runner.last.graces == [120.0]
    house.runner.last.finish(JobOutcome.STOPPED)
    assert house.describe("spot")["SecondaryStatus"] == "MaxWaitTimeExceeded"


def test_a_job_can_be_stopped_while_it_waits_for_an_instance() -> None:
    house = spot_house()
    house.jobs.interrupt(SCOPE, "spot")
    house.runner.last.finish(JobOutcome.INTERRUPTED)
    house.call("StopTrainingJob", TrainingJobName="spot")
    assert house.describe("spot")["SecondaryStatus"] == "Stopped"
    assert house.clock.waiting == []


def test_an_interruption_needs_a_spot_job_that_has_an_instance() -> None:
    house = spot_house()
    plain = house.create()
    with pytest.raises(AwsError, match=r"does not use managed spot training.*EnableManagedSpotTraining"):
        house.jobs.interrupt(SCOPE, plain)
    house.jobs.interrupt(SCOPE, "spot")
    with pytest.raises(AwsError, match=r"InProgress \(Interrupted\): there is no spot instance"):
        house.jobs.interrupt(SCOPE, "spot")
    with pytest.raises(AwsError, match="Requested resource not found"):
        house.jobs.interrupt(SCOPE, "unknown")


# --- the end ---------------------------------------------------------------------------------------------


def test_close_kills_what_runs_and_starts_nothing_again() -> None:
    house = spot_house()
    finished = house.create()
    house.runner.last.finish(JobOutcome.COMPLETED)
    house.jobs.close()
    assert [run.interrupts for run in house.runner.runs] == [1, 0]
    assert house.clock.waiting == []
    house.runner.runs[0].finish(JobOutcome.INTERRUPTED)
    assert house.clock.waiting == []
    house.clock.advance(10_000)
    assert len(house.runner.runs) == 2
    with pytest.raises(AwsError) as caught:
        house.create()
    assert caught.value.status == 503
    assert house.describe(finished)["TrainingJobStatus"] == "Completed"


def test_a_result_carries_its_metrics_into_the_description() -> None:
    house = House()
    name = house.create()
    house.runner.last.enter(*JobPhase)
    house.runner.last.listener.finished(
        JobResult(JobOutcome.COMPLETED, metrics={"validation:accuracy": (0.5, START)})
    )
    assert house.describe(name)["FinalMetricDataList"] == [
        {"MetricName": "validation:accuracy", "Value": 0.5, "Timestamp": START}
    ]
