"""AddTags, ListTags, DeleteTags: ours, and what goes on to another handler."""

from __future__ import annotations

from typing import Any

import pytest
from job_fakes import SCOPE, conforms

from gluonship.local.contracts import AwsError, Handler, Scope
from gluonship.local.sagemaker.tags import MAX_TAGS, Tags

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model/a-model"


def call(tags: Tags, operation: str, **request: Any) -> dict[str, Any]:
    conforms(operation, "input", request)
    answer = tags.operations()[operation](SCOPE, request)
    conforms(operation, "output", answer)
    return answer


def tag(key: str, value: str = "v") -> dict[str, str]:
    return {"Key": key, "Value": value}


@pytest.fixture
def tags() -> Tags:
    known = Tags()
    known.register(ARN, [tag("a", "1")])
    return known


def test_tags_are_added_overwritten_listed_and_deleted(tags: Tags) -> None:
    expected = [tag("a", "2"), tag("b", "")]
    assert call(tags, "AddTags", ResourceArn=ARN, Tags=[tag("a", "2"), tag("b", "")]) == {"Tags": expected}
    assert call(tags, "ListTags", ResourceArn=ARN) == {"Tags": expected}
    assert call(tags, "DeleteTags", ResourceArn=ARN, TagKeys=["a", "never-was"]) == {}
    assert tags.of(ARN) == [tag("b", "")]


def test_a_resource_without_tags_has_an_empty_list(tags: Tags) -> None:
    tags.register(ARN + "2")
    assert call(tags, "ListTags", ResourceArn=ARN + "2") == {"Tags": []}


def test_a_forgotten_resource_is_unknown(tags: Tags) -> None:
    tags.forget(ARN)
    with pytest.raises(AwsError, match="Requested resource not found"):
        call(tags, "ListTags", ResourceArn=ARN)


def test_fifty_tags_and_no_more(tags: Tags) -> None:
    call(tags, "AddTags", ResourceArn=ARN, Tags=[tag(f"k{n}") for n in range(MAX_TAGS - 1)])
    with pytest.raises(AwsError, match=r"at most 50 tags; .* would have 51") as caught:
        call(tags, "AddTags", ResourceArn=ARN, Tags=[tag("one-more")])
    assert caught.value.code == "ResourceLimitExceeded"
    call(tags, "AddTags", ResourceArn=ARN, Tags=[tag("a", "overwritten")])
    assert len(call(tags, "ListTags", ResourceArn=ARN, MaxResults=200)["Tags"]) == MAX_TAGS
    with pytest.raises(AwsError, match="51 tags"):
        tags.register(ARN + "2", [tag(str(n)) for n in range(51)])


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ([tag("a"), tag("a")], "Duplicate tag key: a"),
        ([tag("aws:mine")], "cannot start with aws:"),
        ([tag("AWS:mine")], "cannot start with aws:"),
    ],
)
def test_bad_tags_are_refused_everywhere(tags: Tags, bad: list[dict[str, str]], words: str) -> None:
    with pytest.raises(AwsError, match=words) as caught:
        call(tags, "AddTags", ResourceArn=ARN, Tags=bad)
    assert caught.value.code == "ValidationException"
    with pytest.raises(AwsError, match=words):
        tags.register(ARN + "2", bad)
    assert tags.of(ARN) == [tag("a", "1")]


def test_other_arns_go_to_the_fallback(tags: Tags) -> None:
    asked: list[tuple[str, Scope, dict[str, Any]]] = []

    def fallback(operation: str) -> Handler:
        def handle(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
            asked.append((operation, scope, request))
            return {"Tags": [tag("from", "elsewhere")]}

        return handle

    operations = tags.operations(fallback)
    other = {"ResourceArn": "arn:aws:sagemaker:eu-west-1:123456789012:notebook-instance/n"}
    assert operations["ListTags"](SCOPE, other) == {"Tags": [tag("from", "elsewhere")]}
    assert asked == [("ListTags", SCOPE, other)]
    assert operations["ListTags"](SCOPE, {"ResourceArn": ARN}) == {"Tags": [tag("a", "1")]}
    assert len(asked) == 1
