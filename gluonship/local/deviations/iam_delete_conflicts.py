"""IAM refuses to delete what others still hold on to: a managed policy that is attached, a group with users
or policies, a user in a group. moto refuses it of roles, and of users with policies.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html (DeleteConflict)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.iam.exceptions import DeleteConflictException
from moto.iam.models import IAMBackend

_USERS = "Cannot delete entity, must remove users from group first."


def apply() -> None:
    IAMBackend.delete_policy = _unless(_policy_is_held, IAMBackend.delete_policy)
    IAMBackend.delete_group = _unless(_group_is_held, IAMBackend.delete_group)
    IAMBackend.delete_user = _unless(_user_is_held, IAMBackend.delete_user)


def _unless(held: Callable[[IAMBackend, str], str | None], delete: Any) -> Any:
    def delete_unless_held(self: IAMBackend, name: str) -> Any:
        why = held(self, name)
        if why is not None:
            raise DeleteConflictException(why)
        return delete(self, name)

    return delete_unless_held


def _policy_is_held(iam: IAMBackend, arn: str) -> str | None:
    attached = iam.get_policy(arn).attachment_count > 0
    return "Cannot delete a policy attached to entities." if attached else None


def _group_is_held(iam: IAMBackend, name: str) -> str | None:
    group = iam.groups.get(name)
    if group is None:
        return None  # moto says so
    if group.users:
        return _USERS
    if group.managed_policies:
        return "Cannot delete entity, must detach all policies first."
    return "Cannot delete entity, must delete policies first." if group.policies else None


def _user_is_held(iam: IAMBackend, name: str) -> str | None:
    return _USERS if iam.get_groups_for_user(name) else None
