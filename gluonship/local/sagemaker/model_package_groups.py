"""Model package groups: the names under which the versions of a model are registered.

CreateModelPackageGroup, Describe, List, Delete, and the policy of a group (recorded: nobody is refused here).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gluonship.local.contracts import AwsError, Clock, Handler, Scope
from gluonship.local.sagemaker.endpoint_resources import answered_page, invalid
from gluonship.local.sagemaker.listing import Listed, page, to_millisecond
from gluonship.local.sagemaker.tags import Tags

_STATUS = "Completed"


@dataclass(eq=False)
class _Group:
    """A record, guarded by the lock of its owner."""

    scope: Scope
    name: str
    arn: str
    created: datetime
    request: dict[str, Any]  # of CreateModelPackageGroup
    last_version: int = 0  # a number is never given twice, whatever was deleted
    versions: set[int] = field(default_factory=set)  # that exist
    policy: str | None = None


class ModelPackageGroups:
    """Thread-safe."""

    def __init__(self, clock: Clock, tags: Tags) -> None:
        self._clock = clock
        self._tags = tags
        self._lock = threading.RLock()
        self._groups: dict[tuple[Scope, str], _Group] = {}

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateModelPackageGroup": self.create,
            "DescribeModelPackageGroup": self.describe,
            "ListModelPackageGroups": self.list,
            "DeleteModelPackageGroup": self.delete,
            "PutModelPackageGroupPolicy": self.put_policy,
            "GetModelPackageGroupPolicy": self.get_policy,
            "DeleteModelPackageGroupPolicy": self.delete_policy,
        }

    # --- the API -----------------------------------------------------------------------------------------

    def create(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ModelPackageGroupName"]
        arn = group_arn(scope, name)
        with self._lock:
            if (scope, name) in self._groups:
                raise invalid(f"Model Package Group already exists: {arn}")
            self._tags.register(arn, request.get("Tags"))
            created = to_millisecond(self._clock.now())
            self._groups[scope, name] = _Group(scope, name, arn, created, request)
        return {"ModelPackageGroupArn": arn}

    def describe(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        return {**_summary(self._find(scope, request["ModelPackageGroupName"])), "CreatedBy": {}}

    def list(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """No group here is shared by another account."""
        with self._lock:
            groups = [group for (owner, _), group in self._groups.items() if owner == scope]
        if request.get("CrossAccountFilterOption") == "CrossAccount":
            groups = []
        rows = [Listed(g.name, g.created, g.created, _STATUS, _summary(g)) for g in groups]
        return answered_page("ModelPackageGroupSummaryList", *page(rows, request))

    def delete(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            group = self._find(scope, request["ModelPackageGroupName"])
            if group.versions:
                raise AwsError(
                    "ConflictException",
                    f"ModelPackageGroup {group.arn} cannot be deleted because it still has "
                    f"{len(group.versions)} model package(s). Delete them first (DeleteModelPackage).",
                )
            del self._groups[group.scope, group.name]
        self._tags.forget(group.arn)
        return {}

    def put_policy(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        group, policy = self._find(scope, request["ModelPackageGroupName"]), request["ResourcePolicy"]
        try:
            statements = json.loads(policy)["Statement"]
        except (ValueError, TypeError, KeyError):
            statements = None
        if not statements:
            raise invalid(
                "Invalid ResourcePolicy: it must be the JSON of a policy, with Version and Statement."
            )
        group.policy = policy
        return {"ModelPackageGroupArn": group.arn}

    def get_policy(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        group = self._find(scope, request["ModelPackageGroupName"])
        if group.policy is None:
            raise invalid(f"Cannot find resource policy for: {group.arn}")
        return {"ResourcePolicy": group.policy}

    def delete_policy(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        self._find(scope, request["ModelPackageGroupName"]).policy = None
        return {}

    # --- for the packages --------------------------------------------------------------------------------

    def name_of(self, scope: Scope, name_or_arn: str) -> str:
        """The name of a group that exists. Raises AwsError."""
        return self._find(scope, name_or_arn).name

    def add_version(self, scope: Scope, name_or_arn: str, add: Callable[[str, int], None]) -> None:
        """Calls `add` with the group's name and the next version; the group stays while it does."""
        with self._lock:
            group = self._find(scope, name_or_arn)
            version = group.last_version + 1
            add(group.name, version)
            group.last_version = version
            group.versions.add(version)

    def remove_version(self, scope: Scope, name: str, version: int) -> None:
        with self._lock:
            self._find(scope, name).versions.discard(version)

    def _find(self, scope: Scope, name_or_arn: str) -> _Group:
        arn = name_or_arn if name_or_arn.startswith("arn:") else group_arn(scope, name_or_arn)
        name = arn.rpartition("/")[2]
        with self._lock:
            group = self._groups.get((scope, name))
        if group is None or group.arn != arn:
            raise invalid(f"ModelPackageGroup {arn} does not exist.")
        return group


def group_arn(scope: Scope, name: str) -> str:
    return scope.arn("sagemaker", f"model-package-group/{name}")


def _summary(group: _Group) -> dict[str, Any]:
    optional = ("ModelPackageGroupDescription", "ManagedConfiguration")
    return {
        "ModelPackageGroupName": group.name,
        "ModelPackageGroupArn": group.arn,
        "CreationTime": group.created,
        "ModelPackageGroupStatus": _STATUS,
        **{member: group.request[member] for member in optional if member in group.request},
    }
