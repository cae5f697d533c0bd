"""Requests against botocore's models, in AWS's words; first in the process, then over the wire."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_clouds import LocalCloud

from gluonship.local.contracts import AwsError
from gluonship.local.control import json_protocol
from gluonship.local.control.patterns import compiled
from gluonship.local.control.registry import service_model
from gluonship.local.control.validation import validate


def complaint(operation: str, request: dict[str, Any]) -> str:
    """The sentence of the ValidationException for a request."""
    model = service_model("sagemaker").operation_model(operation)
    with pytest.raises(AwsError) as caught:
        validate(model, json_protocol.parse(model, json.dumps(request).encode()))
    assert caught.value.code == "ValidationException"
    assert caught.value.status == 400
    return caught.value.message


def test_a_pattern() -> None:
    pattern = service_model("sagemaker").operation_model("DescribeTrainingJob").input_shape
    assert pattern is not None
    assert complaint("DescribeTrainingJob", {"TrainingJobName": "my_job"}) == (
        "1 validation error detected: Value 'my_job' at 'trainingJobName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: "
        + pattern.members["TrainingJobName"].metadata["pattern"]
    )


def test_a_length() -> None:
    name = "a" * 64
    assert complaint("DescribeTrainingJob", {"TrainingJobName": name}).startswith(
        f"2 validation errors detected: Value '{name}' at 'trainingJobName' failed to satisfy constraint: "
        "Member must have length less than or equal to 63; "
    )


def test_a_range() -> None:
    assert complaint("ListTrainingJobs", {"MaxResults": 101}) == (
        "1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: "
        "Member must have value less than or equal to 100"
    )
    assert complaint("ListTrainingJobs", {"MaxResults": 0}) == (
        "1 validation error detected: Value '0' at 'maxResults' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1"
    )


def test_an_enum() -> None:
    assert complaint("ListTrainingJobs", {"SortOrder": "Up"}) == (
        "1 validation error detected: Value 'Up' at 'sortOrder' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Ascending, Descending]"
    )


def test_what_is_required_and_several_at_once() -> None:
    message = complaint("CreateEndpoint", {"EndpointName": "-"})
    assert message.startswith("2 validation errors detected: ")
    assert (
        "Value null at 'endpointConfigName' failed to satisfy constraint: Member must not be null" in message
    )
    assert "Value '-' at 'endpointName' failed to satisfy constraint: " in message


def test_members_of_lists_and_maps() -> None:
    tags = complaint(
        "AddTags", {"ResourceArn": "arn:aws:x", "Tags": [{"Key": "a", "Value": "b"}, {"Key": ""}]}
    )
    assert "Value null at 'tags.2.member.value' failed to satisfy constraint: Member must not be null" in tags
    assert (
        "Value '' at 'tags.2.member.key' failed to satisfy constraint: Member must have length greater"
        in tags
    )
    keys = complaint("DeleteTags", {"ResourceArn": "arn:aws:x", "TagKeys": ["fine", "?" * 129]})
    assert (
        f"Value '[fine, {'?' * 129}]' at 'tagKeys' failed to satisfy constraint: Member must satisfy " in keys
    )
    assert "[Member must have length less than or equal to 128, " in keys
    environment = complaint(
        "CreateModel",
        {
            "ModelName": "m",
            "ExecutionRoleArn": "arn:aws:iam::123456789012:role/r",
            "PrimaryContainer": {"Image": "i", "Environment": {"1X": "y"}},
        },
    )
    assert environment.startswith(
        "1 validation error detected: Value '{1X=y}' at 'primaryContainer.environment' failed to satisfy "
        "constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024, "
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "Unexpected character"),
        (b"[]", "Start of structure or map expected"),
        (b'{"TrainingJobName": 5}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"TrainingJobName": ["x"]}', "START_ARRAY can not be converted to a String"),
        (b'{"EnableManagedSpotTraining": "yes"}', "STRING_VALUE can not be converted to a Boolean"),
        (b'{"StoppingCondition": {"MaxRuntimeInSeconds": 1.5}}', "can not be converted to an Integer"),
        (b'{"StoppingCondition": "soon"}', "Start of structure or map expected, STRING_VALUE found"),
        (b'{"Tags": {"Key": "a"}}', "Start of list expected, START_OBJECT found"),
        (b'{"HyperParameters": {"a": true}}', "TRUE_VALUE can not be converted to a String"),
    ],
)
def test_a_type_is_refused_as_aws_does(body: bytes, words: str) -> None:
    model = service_model("sagemaker").operation_model("CreateTrainingJob")
    with pytest.raises(AwsError, match=words) as caught:
        json_protocol.parse(model, body)
    assert caught.value.code == "SerializationException"


def test_what_the_model_does_not_know_is_dropped_and_null_is_absent() -> None:
    model = service_model("sagemaker").operation_model("ListTrainingJobs")
    body = b'{"Later": 1, "NameContains": null, "CreationTimeAfter": 1700000000.25}'
    members = json_protocol.parse(model, body)
    assert list(members) == ["CreationTimeAfter"]
    assert members["CreationTimeAfter"].isoformat() == "2023-11-14T22:13:20.250000+00:00"


def test_a_handlers_answer_has_the_models_members_only() -> None:
    model = service_model("sagemaker").operation_model("DescribeTrainingJob")
    stamp = json_protocol.parse(
        service_model("sagemaker").operation_model("ListTrainingJobs"), b'{"CreationTimeAfter": 1.5}'
    )["CreationTimeAfter"]
    answer = json_protocol.serialise(
        model, {"CreationTime": stamp, "FailureReason": None, "HyperParameters": {}}
    )
    assert json.loads(answer) == {"CreationTime": 1.5, "HyperParameters": {}}
    with pytest.raises(ValueError, match=r"has no member \['Creation'\]"):
        json_protocol.serialise(model, {"Creation": 1})


@pytest.mark.parametrize(
    ("service", "least"), [("sagemaker", 200), ("stepfunctions", 2), ("cloudformation", 10), ("events", 10)]
)
def test_every_pattern_of_a_model_can_be_checked(service: str, least: int) -> None:
    model = service_model(service)
    shapes = [model.shape_for(name) for name in model.shape_names]
    patterns = {shape.metadata["pattern"] for shape in shapes if "pattern" in shape.metadata}
    assert len(patterns) > least
    for pattern in patterns:
        compiled(pattern)


@pytest.mark.timeout(20)
def test_a_name_made_to_exhaust_the_pattern_is_answered_at_once() -> None:
    message = complaint("DescribeTrainingJob", {"TrainingJobName": "a" + "-" * 1_000_000 + "!"})
    assert message.endswith("Member must have length less than or equal to 63")


@pytest.mark.parametrize(("end", "refused"), [("/b", False), ("!", True)])
def test_a_value_made_to_exhaust_an_ambiguous_pattern_is_answered(end: str, refused: bool) -> None:
    """The pattern, of AWS's model, would be tried in more ways than there is time for."""
    repositories = [{"RepositoryUrl": "https://" + "a" * 60 + end}]
    request = {
        "DomainName": "d",
        "AuthMode": "IAM",
        "DefaultUserSettings": {"JupyterLabAppSettings": {"CodeRepositories": repositories}},
        "SubnetIds": ["subnet-1"],
        "VpcId": "" if not refused else "vpc-1",  # too short: so that there is something to say
    }
    message = complaint("CreateDomain", request)
    assert ("Member must satisfy regular expression pattern: https://" in message) is refused


def test_boto3_sees_awss_codes(cloud: LocalCloud) -> None:
    sagemaker = cloud.client("sagemaker")
    with pytest.raises(ClientError) as caught:
        sagemaker.create_endpoint(EndpointName="under_score", EndpointConfigName="c")
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert (
        "Value 'under_score' at 'endpointName' failed to satisfy" in caught.value.response["Error"]["Message"]
    )
    with pytest.raises(ClientError) as caught:
        sagemaker.describe_training_job(TrainingJobName="nowhere")
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_recorded_operations_are_validated_too(cloud: LocalCloud) -> None:
    with pytest.raises(ClientError) as caught:
        cloud.client("sagemaker").create_experiment(ExperimentName="under_score")
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "at 'experimentName' failed to satisfy constraint" in caught.value.response["Error"]["Message"]


def test_an_unsigned_request_is_told_so(cloud: LocalCloud) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.info.control_port, timeout=10)
    headers = {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": "application/x-amz-json-1.1"}
    connection.request("POST", "/", body=b"{}", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 400
    assert json.loads(answer.read())["__type"] == "MissingAuthenticationTokenException"
    connection.request("POST", "/", b"{}", cloud.signed("sagemaker", body=b"{}", headers=headers))
    answer = connection.getresponse()
    assert (answer.status, list(json.loads(answer.read()))) == (200, ["Models"])
    connection.close()


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "Größe 漢字 ٣/=", "a;b"),
        (r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,256}", "a b", "a?"),
        (r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+", "€5!", "a b"),
        (r"arn:[\p{Alnum}\-]+", "arn:aws-cn", "arn:é"),
        (r"\p{ASCII}*", "Root=1;", "é"),
        (r"\p{Print}+", "a b~", "a\tb"),
        (r"[\p{L}\p{Zs}_]+", "für alle_", "a\N{LINE SEPARATOR}b"),
        (r"\p{Lu}\p{Ll}", "Ab", "AB"),
        (r"[\w-_]*", "a-_9", "a.b"),
        (r"\[\p{L}+[\]\p{L}]", "[éa]", "[]"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "a\t😀", "a\n"),
        (r"\d{2}", "12", "٣٣"),
        ("a", "a", "aa"),
    ],
)
def test_javas_patterns(pattern: str, good: str, bad: str) -> None:
    assert compiled(pattern).fullmatch(good)
    assert not compiled(pattern).fullmatch(bad)
