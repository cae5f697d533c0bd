"""What CreateModelPackage and UpdateModelPackage refuse, and what they make of a package's members."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from gluonship.local.sagemaker.endpoint_resources import invalid, refused

MAX_PROPERTIES = 50  # "CustomerMetadataMap", botocore's model of SageMaker
MAX_SPECIFICATIONS = 15  # "AdditionalInferenceSpecifications"
PENDING, APPROVED = "PendingManualApproval", "Approved"

_NOT_KEPT = ("Tags", "ClientToken", "ModelPackageName", "ModelPackageGroupName")
_REPLACED = (
    "ModelApprovalStatus",
    "ModelPackageRegistrationType",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)


def accept(request: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a CreateModelPackage request. Raises AwsError."""
    grouped = bool(request.get("ModelPackageGroupName"))
    if grouped and request.get("ModelPackageName"):
        raise invalid(
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
            "Cannot determine which one to use."
        )
    if not grouped and not request.get("ModelPackageName"):
        raise invalid("Either ModelPackageGroupName or ModelPackageName is required.")
    if grouped and request.get("Tags"):
        raise invalid("Tags do not go with ModelPackageGroupName: a version has the tags of its group.")
    if not grouped and request.get("ModelApprovalStatus"):
        raise invalid("ModelApprovalStatus goes with ModelPackageGroupName: only versions are approved.")
    if request.get("ValidationSpecification"):
        raise refused("ValidationSpecification", "Leave it out: no validation job runs here.")
    if request.get("SourceAlgorithmSpecification"):
        raise refused("SourceAlgorithmSpecification", "Give InferenceSpecification.")
    kept = {member: value for member, value in deepcopy(dict(request)).items() if member not in _NOT_KEPT}
    kept.setdefault("CertifyForMarketplace", False)
    if grouped:
        kept.setdefault("ModelApprovalStatus", PENDING)
    _check_specifications(kept)
    return kept


def updated(members: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a package after an UpdateModelPackage request. Raises AwsError."""
    after = {**members, **{member: deepcopy(request[member]) for member in _REPLACED if member in request}}
    removed = request.get("CustomerMetadataPropertiesToRemove", ())
    properties = {
        **members.get("CustomerMetadataProperties", {}),
        **request.get("CustomerMetadataProperties", {}),
    }
    properties = {key: value for key, value in properties.items() if key not in removed}
    if len(properties) > MAX_PROPERTIES:
        raise invalid(
            f"{len(properties)} CustomerMetadataProperties; a package has at most {MAX_PROPERTIES}."
        )
    after.pop("CustomerMetadataProperties", None)
    if properties:
        after["CustomerMetadataProperties"] = properties
    more = deepcopy(request.get("AdditionalInferenceSpecificationsToAdd", []))
    if more:
        after["AdditionalInferenceSpecifications"] = [
            *members.get("AdditionalInferenceSpecifications", []),
            *more,
        ]
    _check_specifications(after)
    return after


def _check_specifications(members: Mapping[str, Any]) -> None:
    additional = members.get("AdditionalInferenceSpecifications", [])
    if len(additional) > MAX_SPECIFICATIONS:
        raise invalid(
            f"{len(additional)} AdditionalInferenceSpecifications; at most {MAX_SPECIFICATIONS} in a package."
        )
    if len({each["Name"] for each in additional}) != len(additional):
        raise invalid("The names of AdditionalInferenceSpecifications must be unique in a package.")
    main = members.get("InferenceSpecification")
    containers = [container for each in [main, *additional] if each for container in each["Containers"]]
    for container in containers:
        if not container.get("Image"):
            raise invalid("A container of an InferenceSpecification needs Image.")
        if container.get("ModelDataUrl") and container.get("ModelDataSource"):
            raise invalid("Specify either ModelDataUrl or ModelDataSource of a container, and not both.")
