"""Search for training jobs: filters by every operator and type, order, pages, and what AWS refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.model import StructureShape
from job_fakes import SCOPE, START, House, channel, conforms

from gluonship.local.contracts import AwsError, Declined, JobOutcome, JobPhase, Scope
from gluonship.local.control.registry import service_model
from gluonship.local.sagemaker.search import Search

Found = list[str]


class SearchedHouse(House):
    """Four jobs, a minute between their creations, each unlike the others."""

    def __init__(self) -> None:
        super().__init__()
        shape = service_model("sagemaker").shape_for("TrainingJob")
        assert isinstance(shape, StructureShape)
        self._search = Search(self.jobs, self.tags, shape)
        made: list[dict[str, Any]] = [
            {
                "HyperParameters": {"lr": "0.5", "net.depth": "18", "mode": '"fast"'},
                "Tags": [{"Key": "team", "Value": "vision"}, {"Key": "a.b", "Value": "dotted"}],
                "InputDataConfig": [channel("train", s3={"S3Uri": "s3://cats/train"}), channel("test")],
            },
            {
                "HyperParameters": {"lr": "0.25", "net.depth": "50"},
                "Tags": [{"Key": "team", "Value": "speech"}],
                "InputDataConfig": [channel("train"), channel("test", s3={"S3Uri": "s3://cats/test"})],
            },
            {"HyperParameters": {"lr": "3.75"}, "EnableNetworkIsolation": True},
            {"StoppingCondition": {"MaxRuntimeInSeconds": 7200}},
        ]
        for changes in made:
            self.create(**changes)
            self.clock.advance(60)
        self.finish(1, JobOutcome.COMPLETED, 0.8)
        self.finish(0, JobOutcome.COMPLETED, 0.9)

    def finish(self, index: int, outcome: JobOutcome, accuracy: float) -> None:
        run = self.runner.runs[index]
        run.enter(JobPhase.DOWNLOADING, JobPhase.RUNNING)
        self.clock.advance(30)
        run.finish(outcome, metrics={"val:acc.1": (accuracy, self.clock.now())})

    def search(self, scope: Scope = SCOPE, **request: Any) -> dict[str, Any]:
        request = {"Resource": "TrainingJob", **request}
        conforms("Search", "input", request)
        answer = self._search.operations()["Search"](scope, request)
        conforms("Search", "output", answer)
        return answer

    def found(self, **expression: Any) -> Found:
        answer = self.search(SearchExpression=expression, SortBy="CreationTime", SortOrder="Ascending")
        return names(answer)


def names(answer: dict[str, Any]) -> Found:
    return [each["TrainingJob"]["TrainingJobName"] for each in answer["Results"]]


def where(name: str, operator: str | None, value: str | None = None) -> dict[str, str]:
    given = {"Name": name, "Operator": operator, "Value": value}
    return {member: text for member, text in given.items() if text is not None}


@pytest.fixture(scope="module")
def house() -> SearchedHouse:
    return SearchedHouse()


def time(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        # texts
        ([where("TrainingJobName", None, "job-2")], "2"),
        ([where("TrainingJobName", "NotEquals", "job-2")], "134"),
        ([where("TrainingJobName", "In", "job-1, job-4,job-9")], "14"),
        (
            [
                where(
                    "ModelArtifacts.S3ModelArtifacts",
                    "Equals",
                    "s3://bucket/results/job-3/output/model.tar.gz",
                )
            ],
            "3",
        ),
        ([where("ModelArtifacts.S3ModelArtifacts", "Contains", "job-4/")], "4"),
        ([where("TrainingJobStatus", "Equals", "Completed")], "12"),
        ([where("InputDataConfig.DataSource.S3DataSource.S3Uri", "Contains", "cats")], "12"),
        # numbers, times, truths
        ([where("StoppingCondition.MaxRuntimeInSeconds", "GreaterThan", "3600")], "4"),
        ([where("StoppingCondition.MaxRuntimeInSeconds", "LessThanOrEqualTo", "3600.0")], "123"),
        ([where("StoppingCondition.MaxRuntimeInSeconds", "Equals", "7200")], "4"),
        ([where("CreationTime", "GreaterThanOrEqualTo", time(1))], "234"),
        ([where("CreationTime", "LessThan", f"{time(1)}Z")], "1"),
        ([where("CreationTime", "Equals", time(2))], "3"),
        ([where("EnableNetworkIsolation", "Equals", "true")], "3"),
        ([where("EnableNetworkIsolation", "NotEquals", "True")], "124"),
        # what has names of its own
        ([where("HyperParameters.lr", "LessThan", "0.5")], "2"),
        ([where("HyperParameters.lr", "Equals", ".50")], "1"),
        ([where("HyperParameters.lr", "Equals", "3")], "3"),  # a whole number: 3.75 counts as 3
        ([where("HyperParameters.lr", "GreaterThan", "3.0")], "3"),
        ([where("HyperParameters.mode", "Equals", '"fast"')], "1"),
        ([where("HyperParameters.net.depth", "GreaterThanOrEqualTo", "50")], "2"),
        ([where("Metrics.val:acc.1", "GreaterThan", "0.85")], "1"),
        ([where("Tags.team", "Equals", "speech")], "2"),
        ([where("Tags.a.b", "Equals", "dotted")], "1"),
        ([where("Tags.team", "NotExists")], "34"),
        ([where("TrainingEndTime", "Exists")], "12"),
        ([where("ModelArtifacts", "Exists"), where("InputDataConfig", "NotExists")], "34"),
        ([where("Tags.team", "Exists"), where("Metrics.val:acc.1", "LessThan", "0.85")], "2"),
    ],
)
def test_filters(house: SearchedHouse, filters: list[dict[str, str]], found: str) -> None:
    assert house.found(Filters=filters) == [f"job-{number}" for number in found]


def test_conditions_are_joined_by_or_and_nested(house: SearchedHouse) -> None:
    speech, isolated = (
        where("Tags.team", "Equals", "speech"),
        where("EnableNetworkIsolation", "Equals", "true"),
    )
    assert house.found(Filters=[speech, isolated]) == []
    assert house.found(Filters=[speech, isolated], Operator="Or") == ["job-2", "job-3"]
    either = {"Filters": [speech, isolated], "Operator": "Or"}
    small = {"Filters": [where("HyperParameters.lr", "LessThan", "1.0")]}
    assert house.found(SubExpressions=[either, small]) == ["job-2"]
    assert house.found(SubExpressions=[small], Filters=[isolated], Operator="Or") == [
        "job-1",
        "job-2",
        "job-3",
    ]


def test_a_nested_filter_wants_all_of_one_object(house: SearchedHouse) -> None:
    uri = where("InputDataConfig.DataSource.S3DataSource.S3Uri", "Contains", "cats")
    for name, found in (("train", ["job-1"]), ("test", ["job-2"])):
        nested = {
            "NestedPropertyName": "InputDataConfig",
            "Filters": [where("InputDataConfig.ChannelName", "Equals", name), uri],
        }
        assert house.found(NestedFilters=[nested]) == found
    high = [where("FinalMetricDataList.Value", "GreaterThan", "0.85")]
    assert house.found(NestedFilters=[{"NestedPropertyName": "FinalMetricDataList", "Filters": high}]) == [
        "job-1"
    ]


def test_the_latest_change_comes_first_unless_another_order_is_asked_for(house: SearchedHouse) -> None:
    assert names(house.search()) == ["job-1", "job-2", "job-4", "job-3"]
    by_rate = house.search(SortBy="HyperParameters.lr", SortOrder="Ascending")
    assert names(by_rate) == ["job-2", "job-1", "job-3", "job-4"]  # by number; job-4 has none
    assert names(house.search(SortBy="Metrics.val:acc.1"))[:2] == ["job-1", "job-2"]
    assert names(house.search(SortBy="Tags.team", SortOrder="Ascending"))[:2] == ["job-2", "job-1"]


def test_pages_hold_everything_once(house: SearchedHouse) -> None:
    pages, token = [], {}
    while True:
        answer = house.search(MaxResults=3, **token)
        assert answer["TotalHits"] == {"Value": 4, "Relation": "EqualTo"}
        pages.append(names(answer))
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert pages == [["job-1", "job-2", "job-4"], ["job-3"]]


def test_an_answer_is_the_job_as_described_with_its_tags(house: SearchedHouse) -> None:
    (answer,) = house.search(SearchExpression={"Filters": [where("TrainingJobName", None, "job-1")]})[
        "Results"
    ]
    found, described = answer["TrainingJob"], house.describe("job-1")
    assert found.pop("Tags") == [{"Key": "team", "Value": "vision"}, {"Key": "a.b", "Value": "dotted"}]
    assert found == {name: value for name, value in described.items() if name != "ProfilingStatus"}


def test_only_what_may_be_seen_is_found(house: SearchedHouse) -> None:
    conditions = [{"Key": "Tags.team", "Value": "vision"}]
    assert sorted(names(house.search(VisibilityConditions=conditions))) == ["job-1", "job-3", "job-4"]
    assert names(house.search(Scope("123456789012", "us-west-2"))) == []
    assert names(house.search(CrossAccountFilterOption="CrossAccount")) == []
    assert len(names(house.search(CrossAccountFilterOption="SameAccount"))) == 4


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (
            {"SearchExpression": {"Filters": [where("Colour", "Equals", "red")]}},
            "Unknown property name: Colour",
        ),
        (
            {"SearchExpression": {"Filters": [where("RoleArn.x", "Exists")]}},
            "Unknown property name: RoleArn.x",
        ),
        ({"SearchExpression": {"Filters": [where("Tags", "Equals", "x")]}}, "has properties of its own"),
        ({"SearchExpression": {}}, "needs at least one subexpression, filter, or nested filter"),
        ({"SearchExpression": {"Filters": [where("RoleArn", "Equals")]}}, "RoleArn needs a Value"),
        (
            {"SearchExpression": {"Filters": [where("RoleArn", "LessThan", "b")]}},
            "LessThan is not supported for text properties such as RoleArn",
        ),
        (
            {"SearchExpression": {"Filters": [where("HyperParameters.lr", "LessThan", "b")]}},
            "LessThan needs a number as the Value of HyperParameters.lr; it is 'b'",
        ),
        (
            {"SearchExpression": {"Filters": [where("BillableTimeInSeconds", "In", "1,2")]}},
            "In is only supported for text properties; BillableTimeInSeconds is none",
        ),
        (
            {"SearchExpression": {"Filters": [where("BillableTimeInSeconds", "LessThan", "nan")]}},
            "must be an integer or a decimal; it is 'nan'",
        ),
        (
            {"SearchExpression": {"Filters": [where("CreationTime", "LessThan", "yesterday")]}},
            "CreationTime must be a time such as .*; it is 'yesterday'",
        ),
        (
            {"SearchExpression": {"Filters": [where("EnableNetworkIsolation", "Equals", "1")]}},
            "EnableNetworkIsolation is true or false",
        ),
        (
            {"SearchExpression": {"Filters": [where("RoleArn", "Contains", "x")] * 2}},
            "'CONTAINS' operator usage limit of 1 exceeded.",
        ),
        (
            {"SearchExpression": {"SubExpressions": [{"Filters": [where("RoleArn", "Exists")] * 17}] * 3}},
            "up to 50 filters",
        ),
        (
            {
                "SearchExpression": {
                    "NestedFilters": [
                        {"NestedPropertyName": "InputDataConfig", "Filters": [where("RoleArn", "Exists")]}
                    ]
                }
            },
            "RoleArn is not a property of InputDataConfig",
        ),
        (
            {
                "SearchExpression": {
                    "NestedFilters": [
                        {"NestedPropertyName": "Tags", "Filters": [where("Tags.Value", "Exists")]}
                    ]
                }
            },
            "give a filter of Tags.KEY in Filters",
        ),
        ({"SortBy": "Colour"}, "Unknown property name: Colour"),
        ({"SortBy": "ModelArtifacts"}, "SortBy ModelArtifacts has properties of its own"),
        ({"NextToken": "mine"}, "NextToken"),
    ],
)
def test_what_aws_refuses(house: SearchedHouse, request_: dict[str, Any], words: str) -> None:
    with pytest.raises(AwsError, match=words) as refusal:
        house.search(**request_)
    assert refusal.value.code == "ValidationException"


def test_other_resources_are_others(house: SearchedHouse) -> None:
    with pytest.raises(Declined):
        house.search(Resource="Experiment")
