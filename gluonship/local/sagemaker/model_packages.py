"""Model packages: registered models, as versions of a group or by a name of their own.

CreateModelPackage, Describe, BatchDescribe, List, Update, Delete; what CreateModel takes from one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gluonship.local.contracts import AwsError, Clock, Events, Handler, Scope, StateChange
from gluonship.local.sagemaker.endpoint_resources import answered_page, invalid
from gluonship.local.sagemaker.listing import Listed, page, to_millisecond
from gluonship.local.sagemaker.model_package_groups import ModelPackageGroups
from gluonship.local.sagemaker.model_packages_request import APPROVED, accept, updated
from gluonship.local.sagemaker.tags import Tags

_STATUS = "Completed"  # nothing is validated or scanned here, so a package is never on its way
_OF_CONTAINER = ("Image", "ModelDataUrl", "ModelDataSource", "AdditionalModelDataSources")
_SUMMARISED = (
    "ModelPackageDescription",
    "ModelApprovalStatus",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)
_BATCH_SUMMARISED = (
    "ModelPackageDescription",
    "ModelApprovalStatus",
    "InferenceSpecification",
    "ModelPackageRegistrationType",
)


@dataclass(frozen=True)
class ModelPackage:
    """A package at one moment; replaced, never changed."""

    scope: Scope
    name: str  # its own, or its group's
    version: int | None  # in its group; None for one with a name of its own
    created: datetime
    members: dict[str, Any]  # of CreateModelPackage, accepted, with the updates since
    modified: datetime | None = None

    @property
    def key(self) -> str:
        return self.name if self.version is None else f"{self.name}/{self.version}"

    @property
    def arn(self) -> str:
        return _arn(self.scope, self.key)

    @property
    def approval(self) -> str | None:
        status: str | None = self.members.get("ModelApprovalStatus")
        return status


class ModelPackages:
    """Thread-safe. Publishes a StateChange (kind ModelPackage; the approval as its secondary status) when a
    package is made and when its approval changes."""

    def __init__(self, clock: Clock, events: Events, tags: Tags) -> None:
        self._clock = clock
        self._events = events
        self._tags = tags
        self.groups = ModelPackageGroups(clock, tags)
        self._lock = threading.RLock()  # held while events are published, whose order it guards
        self._packages: dict[tuple[Scope, str], ModelPackage] = {}
        self._by_token: dict[tuple[Scope, str], str] = {}

    def operations(self) -> dict[str, Handler]:
        return {
            **self.groups.operations(),
            "CreateModelPackage": self.create,
            "DescribeModelPackage": self.describe,
            "BatchDescribeModelPackage": self.describe_batch,
            "ListModelPackages": self.list,
            "UpdateModelPackage": self.update,
            "DeleteModelPackage": self.delete,
        }

    # --- the API -----------------------------------------------------------------------------------------

    def create(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        members = accept(request)
        token = request.get("ClientToken")
        with self._lock:
            if token and (scope, token) in self._by_token:
                return {"ModelPackageArn": self._by_token[scope, token]}
            made: list[ModelPackage] = []

            def add(name: str, version: int | None) -> None:
                package = ModelPackage(scope, name, version, to_millisecond(self._clock.now()), members)
                if (scope, package.key) in self._packages:
                    raise invalid(f"Model Package already exists: {package.arn}")
                self._tags.register(package.arn, request.get("Tags"))
                self._packages[scope, package.key] = package
                made.append(package)

            if request.get("ModelPackageGroupName"):
                self.groups.add_version(scope, request["ModelPackageGroupName"], add)
            else:
                add(request["ModelPackageName"], None)
            package = made[0]
            if token:
                self._by_token[scope, token] = package.arn
            self._publish(package)
        return {"ModelPackageArn": package.arn}

    def describe(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        return description(self._find(scope, request["ModelPackageName"]))

    def describe_batch(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        found, missing = {}, {}
        for arn in request["ModelPackageArnList"]:
            try:
                found[arn] = _summary(self._find(scope, arn), _BATCH_SUMMARISED)
            except AwsError as error:
                missing[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
        errors = {"BatchDescribeModelPackageErrorMap": missing} if missing else {}
        return {"ModelPackageSummaries": deepcopy(found), **errors}

    def list(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        group = request.get("ModelPackageGroupName")
        kind = "Versioned" if group else request.get("ModelPackageType", "Unversioned")
        name = self.groups.name_of(scope, group) if group else None
        approval = request.get("ModelApprovalStatus")
        with self._lock:
            packages = [package for (owner, _), package in self._packages.items() if owner == scope]
        chosen = [
            package
            for package in packages
            if (name is None or package.name == name)
            and (kind == "Both" or (package.version is not None) is (kind == "Versioned"))
            and (approval is None or package.approval == approval)
        ]
        if request.get("SortOrder") == "Descending":
            chosen.reverse()  # the versions of a group have one name: their order is kept by the sort
        rows = [Listed(p.name, p.created, p.created, _STATUS, _summary(p, _SUMMARISED)) for p in chosen]
        return answered_page("ModelPackageSummaryList", *page(rows, request))

    def update(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            before = self._find(scope, request["ModelPackageArn"])
            if before.version is None and request.get("ModelApprovalStatus"):
                raise invalid(
                    f"Model package {before.arn} is no version of a group: only those are approved."
                )
            members = updated(before.members, request)
            package = replace(before, members=members, modified=to_millisecond(self._clock.now()))
            self._packages[scope, package.key] = package
            if package.approval != before.approval:
                self._publish(package)
        return {"ModelPackageArn": package.arn}

    def delete(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Also of a package that models were made from: they have taken what they need."""
        with self._lock:
            package = self._find(scope, request["ModelPackageName"])
            del self._packages[scope, package.key]
            if package.version is not None:
                self.groups.remove_version(scope, package.name, package.version)
            self._tags.forget(package.arn)
        return {}

    # --- for models --------------------------------------------------------------------------------------

    def all(self) -> Sequence[ModelPackage]:
        """Of all accounts and regions, as they are now."""
        with self._lock:
            return list(self._packages.values())

    def container(self, scope: Scope, name_or_arn: str, specification: str | None = None) -> dict[str, Any]:
        """The one container that a package is deployed as, by the members of CreateModel; of its additional
        inference specification of that name, if one is given. Raises AwsError."""
        package = self._find(scope, name_or_arn)
        if package.version is not None and package.approval != APPROVED:
            raise invalid(
                f"Model package {package.arn} cannot be deployed: its ModelApprovalStatus is "
                f"{package.approval}. Approve it first (UpdateModelPackage)."
            )
        chosen = package.members.get("InferenceSpecification")
        if specification is not None:
            additional = package.members.get("AdditionalInferenceSpecifications", [])
            chosen = next((each for each in additional if each["Name"] == specification), None)
        if chosen is None:
            which = f"InferenceSpecification {specification or ''}".rstrip()
            raise invalid(f"Model package {package.arn} has no {which}, so no model can be made from it.")
        containers = chosen["Containers"]
        if len(containers) > 1:
            raise invalid(
                f"Model package {package.arn} is a pipeline of {len(containers)} containers, which the local "
                "cloud does not serve. Register a package of one container."
            )
        container = {member: containers[0][member] for member in _OF_CONTAINER if containers[0].get(member)}
        return deepcopy({**container, "Environment": containers[0].get("Environment", {})})

    # --- inside ------------------------------------------------------------------------------------------

    def _find(self, scope: Scope, name_or_arn: str) -> ModelPackage:
        arn = name_or_arn if name_or_arn.startswith("arn:") else _arn(scope, name_or_arn)
        with self._lock:
            package = self._packages.get((scope, arn.partition("/")[2]))
        if package is None or package.arn != arn:
            raise invalid(f"ModelPackage {arn} does not exist.")
        return package

    def _publish(self, package: ModelPackage) -> None:
        self._events.publish(
            StateChange(
                scope=package.scope,
                kind="ModelPackage",
                name=package.key,
                arn=package.arn,
                status=_STATUS,
                secondary_status=package.approval,
                time=package.modified or package.created,
                detail=description(package),
            )
        )


def description(package: ModelPackage) -> dict[str, Any]:
    """What DescribeModelPackage answers. As on AWS, a version is known by its group and its number, and has
    no ModelPackageName."""
    answer = {
        **deepcopy(package.members),
        **_identity(package),
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CreatedBy": {},
    }
    if package.modified is not None:
        answer.update(LastModifiedTime=package.modified, LastModifiedBy={})
    return answer


def _identity(package: ModelPackage) -> dict[str, Any]:
    known_by: dict[str, Any] = (
        {"ModelPackageName": package.name}
        if package.version is None
        else {"ModelPackageGroupName": package.name, "ModelPackageVersion": package.version}
    )
    return {
        **known_by,
        "ModelPackageArn": package.arn,
        "CreationTime": package.created,
        "ModelPackageStatus": _STATUS,
    }


def _summary(package: ModelPackage, members: Sequence[str]) -> dict[str, Any]:
    shown = {member: package.members[member] for member in members if member in package.members}
    return {**_identity(package), **shown}


def _arn(scope: Scope, key: str) -> str:
    return scope.arn("sagemaker", f"model-package/{key}")
