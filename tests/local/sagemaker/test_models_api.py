"""Models: what is taken, echoed, listed and refused."""

from __future__ import annotations

from typing import Any

import pytest
from endpoint_fakes import ROLE, SCOPE, Account
from job_fakes import START

from gluonship.local.contracts import AwsError, Scope
from gluonship.local.sagemaker.models import Models
from gluonship.local.sagemaker.tags import Tags

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model/pets"


@pytest.fixture
def account() -> Account:
    return Account()


def test_a_model_is_described_as_it_was_created(account: Account) -> None:
    container = {"Image": "img:1", "ModelDataUrl": "s3://b/model.tar.gz", "Environment": {"A": "1"}}
    tags = [{"Key": "team", "Value": "vision"}]
    answer = account.call(
        "CreateModel", ModelName="pets", PrimaryContainer=container, ExecutionRoleArn=ROLE, Tags=tags
    )
    assert answer == {"ModelArn": ARN}
    assert account.call("DescribeModel", ModelName="pets") == {
        "ModelName": "pets",
        "ModelArn": ARN,
        "CreationTime": START,
        "PrimaryContainer": container,
        "ExecutionRoleArn": ROLE,
        "EnableNetworkIsolation": False,
    }
    assert account.call("ListTags", ResourceArn=ARN)["Tags"] == tags


def test_a_model_that_is_not_there_or_there_already(account: Account) -> None:
    for operation in ("DescribeModel", "DeleteModel"):
        with pytest.raises(AwsError) as missing:
            account.call(operation, ModelName="pets")
        assert (missing.value.code, missing.value.message) == (
            "ValidationException",
            f'Could not find model "{ARN}".',
        )
    account.model("pets")
    with pytest.raises(AwsError) as twice:
        account.model("pets")
    assert twice.value.message == f'Cannot create already existing model "{ARN}".'
    account.call("DeleteModel", ModelName="pets")
    account.model("pets")


def test_accounts_and_regions_never_meet() -> None:
    account = Account()
    models = Models(account.clock, Tags(), account.packages)
    request = {"ModelName": "m", "PrimaryContainer": {"Image": "i"}, "ExecutionRoleArn": ROLE}
    models.create(SCOPE, request)
    other = Scope(SCOPE.account_id, "us-east-1")
    models.create(other, request)
    assert len(models.list(other, {})["Models"]) == 1
    with pytest.raises(AwsError):
        models.find(Scope("210987654321", SCOPE.region), "m")


def test_models_are_listed_newest_first_in_pages(account: Account) -> None:
    for each in range(12):
        account.model(f"m{each:02}")
        account.clock.advance(1)
    first = account.call("ListModels")
    assert [model["ModelName"] for model in first["Models"]] == [f"m{each:02}" for each in range(11, 1, -1)]
    second = account.call("ListModels", NextToken=first["NextToken"])
    assert [model["ModelName"] for model in second["Models"]] == ["m01", "m00"]
    assert "NextToken" not in second


CONTAINER = {"Image": "img:1"}
S3 = {"S3Uri": "s3://b/models/7/", "S3DataType": "S3Prefix", "CompressionType": "None"}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "either PrimaryContainer or Containers"),
        ({"PrimaryContainer": CONTAINER, "Containers": [CONTAINER]}, "not both"),
        ({"Containers": [CONTAINER, CONTAINER]}, "pipeline"),
        ({"PrimaryContainer": {}}, "needs Image"),
        ({"PrimaryContainer": {**CONTAINER, "Mode": "MultiModel"}}, "MultiModel"),
        ({"PrimaryContainer": {"ModelPackageName": "pkg"}}, "model-package/pkg does not exist"),
        ({"PrimaryContainer": {**CONTAINER, "ModelPackageName": "pkg"}}, "either ModelPackageName or Image"),
        ({"PrimaryContainer": CONTAINER, "InferenceExecutionConfig": {"Mode": "Direct"}}, "Direct"),
        ({"PrimaryContainer": {**CONTAINER, "AdditionalModelDataSources": [{}]}}, "Additional"),
    ],
)
def test_what_cannot_run_here_is_refused_at_the_call(
    account: Account, members: dict[str, Any], words: str
) -> None:
    with pytest.raises(AwsError, match=words) as refusal:
        account.call("CreateModel", ModelName="m", ExecutionRoleArn=ROLE, **members)
    here = "local cloud" in refusal.value.message  # else AWS refuses it too
    assert refusal.value.code == ("UnsupportedOperation" if here else "ValidationException")
    assert account.call("ListModels") == {"Models": []}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({**S3, "S3Uri": "s3://b/models/7"}, "end with a forward slash"),
        ({**S3, "CompressionType": "Gzip"}, "goes with CompressionType None"),
        ({**S3, "S3DataType": "S3Object"}, "S3Object with CompressionType None"),
        ({**S3, "ManifestS3Uri": "s3://b/m"}, "ManifestS3Uri"),
    ],
)
def test_a_model_data_source_that_cannot_be_had(account: Account, source: dict[str, Any], words: str) -> None:
    with pytest.raises(AwsError, match=words):
        account.model("m", ModelDataSource={"S3DataSource": source})


def test_a_role_is_needed(account: Account) -> None:
    with pytest.raises(AwsError, match="ExecutionRoleArn is required"):
        account.call("CreateModel", ModelName="m", PrimaryContainer=CONTAINER)


@pytest.mark.parametrize(
    ("container", "uri"),
    [
        ({}, None),
        ({"ModelDataUrl": ""}, None),
        ({"ModelDataUrl": "s3://b/m.tar.gz"}, "s3://b/m.tar.gz"),
        ({"ModelDataSource": {"S3DataSource": S3}}, "s3://b/models/7/"),
    ],
)
def test_where_the_files_are(account: Account, container: dict[str, Any], uri: str | None) -> None:
    models = Models(account.clock, account.tags, account.packages)
    request = {"ModelName": "m", "ExecutionRoleArn": ROLE, "Containers": [{**CONTAINER, **container}]}
    models.create(SCOPE, request)
    model = models.find(SCOPE, "m")
    assert (model.image, model.model_data_uri, model.environment) == ("img:1", uri, {})
