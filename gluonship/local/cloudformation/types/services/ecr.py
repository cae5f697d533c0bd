"""Amazon ECR. Repositories are real; containers run by the cloud's table of images, nothing is pulled."""

from __future__ import annotations

from collections.abc import Mapping

from gluonship.local.cloudformation.types.declaration import (
    Call,
    Change,
    Flow,
    Name,
    Read,
    Request,
    ResourceType,
    Tagging,
)
from gluonship.local.cloudformation.types.steps import put, put_text

_REPOSITORY = {"repositoryName": "{RepositoryName}"}


def _delete(change: Change) -> Flow:
    force = bool((change.old or {}).get("EmptyOnDelete"))
    yield Request(
        "DeleteRepository",
        {"repositoryName": change.known["RepositoryName"], "force": force},
        gone_is_fine=True,
    )


REPOSITORY = ResourceType(
    "ecr",
    create=Call("CreateRepository"),
    update=(
        Call("PutImageTagMutability", _REPOSITORY),
        Call("PutImageScanningConfiguration", _REPOSITORY),
    ),
    delete=_delete,
    read=Read("DescribeRepositories", {"repositoryNames": ["{RepositoryName}"]}, "repositories.0"),
    name=Name("RepositoryName", lower=True, max_length=256),
    ref="{RepositoryName}",
    attributes={"Arn": "{repositoryArn}", "RepositoryUri": "{repositoryUri}"},
    shaped={
        "EncryptionConfiguration": lambda value: {
            {"EncryptionType": "encryptionType", "KmsKey": "kmsKey"}.get(name, name): each
            for name, each in value.items()
        },
    },
    members={
        "ImageTagMutabilityExclusionFilters.ImageTagMutabilityExclusionFilterType": "filterType",
        "ImageTagMutabilityExclusionFilters.ImageTagMutabilityExclusionFilterValue": "filter",
    },
    resets={
        "ImageTagMutability": "MUTABLE",
        "ImageScanningConfiguration": {"ScanOnPush": False},
        "ImageTagMutabilityExclusionFilters": [],
    },
    parts={
        "LifecyclePolicy": put(
            "PutLifecyclePolicy",
            "lifecyclePolicyText",
            _REPOSITORY,
            shape=lambda value: value["LifecyclePolicyText"],
            remove="DeleteLifecyclePolicy",
        ),
        "RepositoryPolicyText": put_text(
            "SetRepositoryPolicy", "policyText", _REPOSITORY, remove="DeleteRepositoryPolicy"
        ),
    },
    recorded={
        "EncryptionConfiguration": "kept and shown; nothing is encrypted on this machine's disk",
        "ImageScanningConfiguration": "kept and shown; images are not scanned",
        "LifecyclePolicy": "kept and shown; images do not expire",
        "RepositoryPolicyText": "kept and shown; IAM is not enforced here",
        "EmptyOnDelete": "used when the repository is deleted",
    },
    refused={
        "LifecyclePolicy.RegistryId": "a repository of another registry cannot be reached",
    },
    tagging=Tagging("TagResource", "UntagResource", {"resourceArn": "{repositoryArn}"}),
    snapshot={
        "LifecyclePolicy": Read("GetLifecyclePolicy", _REPOSITORY, "lifecyclePolicyText"),
        "Policy": Read("GetRepositoryPolicy", _REPOSITORY, "policyText"),
        "Tags": Read("ListTagsForResource", {"resourceArn": "{repositoryArn}"}, "tags"),
    },
    note="holds tags and manifests; containers run by the cloud's table of images, nothing is pulled",
)

TYPES: Mapping[str, ResourceType] = {"AWS::ECR::Repository": REPOSITORY}
