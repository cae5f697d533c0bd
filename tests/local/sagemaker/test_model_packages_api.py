"""Model packages and their groups: versions, approval, listings, and models made from them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from endpoint_fakes import ROLE, SCOPE, Account, variant
from job_fakes import START, conforms

from gluonship.local.contracts import AwsError, Scope

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:"
STATISTICS = {"ContentType": "application/json", "S3Uri": "s3://b/evaluation.json"}


@pytest.fixture
def account() -> Account:
    account = Account()
    account.call("CreateModelPackageGroup", ModelPackageGroupName="pets", ModelPackageGroupDescription="dogs")
    return account


def specification(image: str = "img:1", **container: Any) -> dict[str, Any]:
    return {
        "Containers": [{"Image": image, "ModelDataUrl": "s3://b/model.tar.gz", **container}],
        "SupportedContentTypes": ["image/jpeg"],
        "SupportedResponseMIMETypes": ["application/json"],
    }


def register(account: Account, **members: Any) -> str:
    """A version of the group pets, or what `members` say."""
    if "ModelPackageName" not in members:
        members.setdefault("ModelPackageGroupName", "pets")
    request = {"InferenceSpecification": specification(), **members}
    return str(account.call("CreateModelPackage", **request)["ModelPackageArn"])


def describe(account: Account, name: str) -> dict[str, Any]:
    answer = account.operations["DescribeModelPackage"](SCOPE, {"ModelPackageName": name})
    # botocore's model requires a name of versions too, which AWS does not answer.
    conforms("DescribeModelPackage", "output", {"ModelPackageName": "pets", **answer})
    return answer


def listed(account: Account, **filters: Any) -> list[str]:
    """The ends of the ARNs."""
    answer = account.call("ListModelPackages", **filters)
    return [
        each["ModelPackageArn"].rpartition("model-package/")[2] for each in answer["ModelPackageSummaryList"]
    ]


def test_versions_of_a_group_are_numbered_once(account: Account) -> None:
    assert register(account) == f"{ARN}model-package/pets/1"
    second = register(account, ModelPackageGroupName=f"{ARN}model-package-group/pets")
    assert second == f"{ARN}model-package/pets/2"
    account.call("DeleteModelPackage", ModelPackageName=second)
    assert register(account) == f"{ARN}model-package/pets/3"
    assert listed(account, ModelPackageGroupName="pets") == ["pets/1", "pets/3"]


def test_a_version_is_described_as_it_was_registered(account: Account) -> None:
    arn = register(
        account,
        ModelPackageDescription="the first",
        ModelMetrics={"ModelQuality": {"Statistics": STATISTICS}},
        CustomerMetadataProperties={"network": "resnet18"},
    )
    answer = describe(account, arn)
    assert answer == {
        "ModelPackageGroupName": "pets",
        "ModelPackageVersion": 1,
        "ModelPackageArn": arn,
        "ModelPackageDescription": "the first",
        "CreationTime": START,
        "CreatedBy": {},
        "CertifyForMarketplace": False,
        "InferenceSpecification": specification(),
        "ModelMetrics": {"ModelQuality": {"Statistics": STATISTICS}},
        "CustomerMetadataProperties": {"network": "resnet18"},
        "ModelApprovalStatus": "PendingManualApproval",
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
    }
    assert describe(account, "pets/1") == answer
    answer["InferenceSpecification"]["Containers"].clear()
    assert describe(account, arn)["InferenceSpecification"] == specification()  # the record stays the cloud's


def test_approval_is_told_to_whoever_listens(account: Account) -> None:
    arn = register(account)
    account.clock.advance(5)
    account.call("UpdateModelPackage", ModelPackageArn=arn, CustomerMetadataProperties={"a": "1", "b": "2"})
    account.call(
        "UpdateModelPackage",
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="better than the one in service",
        CustomerMetadataPropertiesToRemove=["a"],
    )
    changes = [change for change in account.events.changes if change.kind == "ModelPackage"]
    assert [(change.status, change.secondary_status, change.arn) for change in changes] == [
        ("Completed", "PendingManualApproval", arn),
        ("Completed", "Approved", arn),
    ]
    answer = describe(account, arn)
    assert changes[-1].detail == answer
    assert (answer["ApprovalDescription"], answer["CustomerMetadataProperties"]) == (
        "better than the one in service",
        {"b": "2"},
    )
    assert (answer["LastModifiedTime"] - answer["CreationTime"]).total_seconds() == 5


def test_many_at_once_get_numbers_of_their_own(account: Account) -> None:
    with ThreadPoolExecutor(8) as pool:
        arns = list(pool.map(lambda _: register(account), range(24)))
    assert sorted(int(arn.rpartition("/")[2]) for arn in arns) == list(range(1, 25))


def test_a_token_registers_once(account: Account) -> None:
    assert register(account, ClientToken="abc") == register(account, ClientToken="abc")
    assert register(account, ClientToken="def") == f"{ARN}model-package/pets/2"


def test_listings_filter_order_and_page(account: Account) -> None:
    for status in ("Approved", "Rejected", "Approved"):
        register(account, ModelApprovalStatus=status)
        account.clock.advance(1)
    register(account, ModelPackageName="alone", Tags=[{"Key": "a", "Value": "b"}])
    assert listed(account) == ["alone"]
    assert listed(account, ModelPackageType="Versioned") == ["pets/1", "pets/2", "pets/3"]
    assert listed(account, ModelPackageType="Both", NameContains="LON") == ["alone"]
    newest = {"ModelPackageGroupName": "pets", "SortOrder": "Descending", "ModelApprovalStatus": "Approved"}
    assert listed(account, **newest) == ["pets/3", "pets/1"]
    assert listed(account, **newest, SortBy="Name", MaxResults=1) == ["pets/3"]
    first = account.call("ListModelPackages", **newest, MaxResults=1)
    rest = account.call("ListModelPackages", **newest, MaxResults=1, NextToken=first["NextToken"])
    assert [each["ModelPackageVersion"] for each in rest["ModelPackageSummaryList"]] == [1]
    with pytest.raises(AwsError, match="model-package-group/cats does not exist"):
        listed(account, ModelPackageGroupName="cats")


def test_a_batch_names_what_is_missing(account: Account) -> None:
    arn, missing = register(account), f"{ARN}model-package/pets/9"
    answer = account.call("BatchDescribeModelPackage", ModelPackageArnList=[arn, missing])
    assert answer["ModelPackageSummaries"][arn]["InferenceSpecification"] == specification()
    assert answer["BatchDescribeModelPackageErrorMap"] == {
        missing: {
            "ErrorCode": "ValidationException",
            "ErrorResponse": f"ModelPackage {missing} does not exist.",
        }
    }


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"ModelPackageGroupName": "cats"}, "ModelPackageGroup .*/cats does not exist"),
        ({"ModelPackageGroupName": "pets", "ModelPackageName": "p"}, "Cannot determine which one to use"),
        ({"ModelPackageGroupName": None}, "Either ModelPackageGroupName or ModelPackageName"),
        ({"Tags": [{"Key": "a", "Value": "b"}]}, "the tags of its group"),
        ({"ModelPackageName": "p", "ModelApprovalStatus": "Approved"}, "only versions are approved"),
        (
            {"SourceAlgorithmSpecification": {"SourceAlgorithms": [{"AlgorithmName": "a"}]}},
            "SourceAlgorithmSpecification",
        ),
        (
            {"ValidationSpecification": {"ValidationRole": ROLE, "ValidationProfiles": []}},
            "ValidationSpecification",
        ),
        ({"InferenceSpecification": {"Containers": [{}]}}, "needs Image"),
        (
            {"AdditionalInferenceSpecifications": [{"Name": "n", "Containers": [{"Image": "i"}]}] * 2},
            "names of AdditionalInferenceSpecifications must be unique",
        ),
    ],
)
def test_what_cannot_be_registered(account: Account, members: dict[str, Any], words: str) -> None:
    with pytest.raises(AwsError, match=words) as refusal:
        register(account, **members)
    here = "local cloud" in refusal.value.message  # else AWS refuses it too
    assert refusal.value.code == ("UnsupportedOperation" if here else "ValidationException")
    assert listed(account, ModelPackageType="Both") == []


def test_a_group_lives_as_long_as_its_versions(account: Account) -> None:
    arn = register(account)
    with pytest.raises(AwsError, match=r"still has 1 model package\(s\)") as refusal:
        account.call("DeleteModelPackageGroup", ModelPackageGroupName="pets")
    assert refusal.value.code == "ConflictException"
    with pytest.raises(AwsError, match="Model Package Group already exists"):
        account.call("CreateModelPackageGroup", ModelPackageGroupName="pets")
    account.call("DeleteModelPackage", ModelPackageName=arn)
    account.call("DeleteModelPackageGroup", ModelPackageGroupName="pets")
    for operation in ("DescribeModelPackageGroup", "DeleteModelPackageGroup"):
        with pytest.raises(AwsError, match="model-package-group/pets does not exist"):
            account.call(operation, ModelPackageGroupName="pets")
    with pytest.raises(AwsError, match="does not exist"):
        describe(account, arn)


def test_groups_are_described_and_listed(account: Account) -> None:
    account.clock.advance(1)
    account.call(
        "CreateModelPackageGroup", ModelPackageGroupName="cats", Tags=[{"Key": "team", "Value": "vision"}]
    )
    described = account.call("DescribeModelPackageGroup", ModelPackageGroupName="pets")
    assert described == {
        "ModelPackageGroupName": "pets",
        "ModelPackageGroupArn": f"{ARN}model-package-group/pets",
        "ModelPackageGroupDescription": "dogs",
        "ModelPackageGroupStatus": "Completed",
        "CreationTime": START,
        "CreatedBy": {},
    }
    groups = account.call("ListModelPackageGroups", SortBy="Name")["ModelPackageGroupSummaryList"]
    assert [group["ModelPackageGroupName"] for group in groups] == ["cats", "pets"]
    assert account.call("ListModelPackageGroups", CrossAccountFilterOption="CrossAccount") == {
        "ModelPackageGroupSummaryList": []
    }
    tags = account.call("ListTags", ResourceArn=f"{ARN}model-package-group/cats")["Tags"]
    assert tags == [{"Key": "team", "Value": "vision"}]


def test_the_policy_of_a_group_is_kept(account: Account) -> None:
    name = {"ModelPackageGroupName": "pets"}
    with pytest.raises(AwsError, match="Cannot find resource policy"):
        account.call("GetModelPackageGroupPolicy", **name)
    for wrong in ("{", "[]", '{"Version": "2012-10-17"}'):
        with pytest.raises(AwsError, match="Invalid ResourcePolicy"):
            account.call("PutModelPackageGroupPolicy", **name, ResourcePolicy=wrong)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]})
    account.call("PutModelPackageGroupPolicy", **name, ResourcePolicy=policy)
    assert account.call("GetModelPackageGroupPolicy", **name) == {"ResourcePolicy": policy}
    account.call("DeleteModelPackageGroupPolicy", **name)
    with pytest.raises(AwsError, match="Cannot find resource policy"):
        account.call("GetModelPackageGroupPolicy", **name)


def test_accounts_and_regions_never_meet(account: Account) -> None:
    arn = register(account)
    elsewhere = Scope(SCOPE.account_id, "us-east-1")
    with pytest.raises(AwsError, match="does not exist"):
        account.packages.describe(elsewhere, {"ModelPackageName": arn})
    assert account.packages.groups.list(elsewhere, {}) == {"ModelPackageGroupSummaryList": []}


# --- models made from packages ---------------------------------------------------------------------------


def deploy(account: Account, package: str, **container: Any) -> dict[str, Any]:
    account.call(
        "CreateModel",
        ModelName="m",
        ExecutionRoleArn=ROLE,
        Containers=[{"ModelPackageName": package, **container}],
    )
    return account.models.find(SCOPE, "m").container


def test_an_approved_version_becomes_a_model(account: Account) -> None:
    main = specification("img:7", Environment={"A": "package", "B": "package"})
    arn = register(account, InferenceSpecification=main, ModelApprovalStatus="Approved")
    container = deploy(account, arn, Environment={"B": "model"})
    assert (container["Image"], container["ModelDataUrl"]) == ("img:7", "s3://b/model.tar.gz")
    assert container["Environment"] == {"A": "package", "B": "model"}
    # what was asked for is what is described
    assert account.call("DescribeModel", ModelName="m")["Containers"] == [
        {"ModelPackageName": arn, "Environment": {"B": "model"}}
    ]
    account.call("DeleteModelPackage", ModelPackageName=arn)
    assert account.models.find(SCOPE, "m").image == "img:7"


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_a_version_that_is_not_approved_cannot_be_deployed(account: Account, status: str) -> None:
    arn = register(account, ModelApprovalStatus=status)
    with pytest.raises(AwsError, match=f"{arn} cannot be deployed: its ModelApprovalStatus is {status}"):
        deploy(account, arn)
    account.call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")
    deploy(account, arn)


def test_packages_of_other_shapes(account: Account) -> None:
    additional = {"Name": "compiled", **specification("neo:1")}
    register(account, ModelPackageName="alone", AdditionalInferenceSpecifications=[additional])
    assert deploy(account, "alone", InferenceSpecificationName="compiled")["Image"] == "neo:1"
    account.call("DeleteModel", ModelName="m")
    with pytest.raises(AwsError, match="has no InferenceSpecification missing"):
        deploy(account, "alone", InferenceSpecificationName="missing")
    two = {"Containers": [{"Image": "a"}, {"Image": "b"}]}
    register(account, ModelPackageName="pipeline", InferenceSpecification=two)
    with pytest.raises(AwsError, match="a pipeline of 2 containers"):
        deploy(account, "pipeline")
    with pytest.raises(AwsError, match="no version of a group"):
        account.call(
            "UpdateModelPackage", ModelPackageArn=f"{ARN}model-package/alone", ModelApprovalStatus="Approved"
        )


def test_an_endpoint_serves_what_the_package_names(account: Account) -> None:
    main = specification("img:7", Environment={"A": "package"})
    deploy(account, register(account, InferenceSpecification=main, ModelApprovalStatus="Approved"))
    account.config("c", variant())
    account.call("CreateEndpoint", EndpointName="pets", EndpointConfigName="c")
    assert account.settled()["EndpointStatus"] == "InService"
    (fleet,) = account.fleets.up
    assert (fleet.plan.image, fleet.plan.model_data_uri) == ("img:7", "s3://b/model.tar.gz")
    assert fleet.plan.environment["A"] == "package"
