"""The API's operations on state machines.

AWS: Step Functions API reference, CreateStateMachine and those around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gluonship.local.contracts import AwsError, Clients, Clock, Handler, Scope
from gluonship.local.stepfunctions.definitions import check, load
from gluonship.local.stepfunctions.diagnostics import REFUSED, Diagnostic
from gluonship.local.stepfunctions.log_delivery import checked_logging
from gluonship.local.stepfunctions.machines import Machines, Revision, StateMachine
from gluonship.local.stepfunctions.paging import page
from gluonship.local.stepfunctions.resource_names import checked_name

_OFF = {"level": "OFF", "includeExecutionData": False}
_UPDATABLE = (
    "definition",
    "roleArn",
    "loggingConfiguration",
    "tracingConfiguration",
    "encryptionConfiguration",
)


class MachineOperations:
    """Handlers over a store of machines. `on_delete` ends the executions of one that goes."""

    def __init__(
        self, machines: Machines, clients: Clients, clock: Clock, on_delete: Callable[[str], None]
    ) -> None:
        self._machines = machines
        self._clients = clients
        self._clock = clock
        self._on_delete = on_delete

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateStateMachine": self._create,
            "DeleteStateMachine": self._delete,
            "DescribeStateMachine": self._describe,
            "ListStateMachines": self._list,
            "ListTagsForResource": self._list_tags,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "UpdateStateMachine": self._update,
            "ValidateStateMachineDefinition": self._validate,
        }

    def _create(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        name = checked_name(request["name"])
        kind = request.get("type", "STANDARD")
        revision = self._revision(scope, request, kind)
        arn = scope.arn("states", f"stateMachine:{name}")
        with self._machines.lock:
            machine = self._machines.get(scope, arn)
            if machine is None:
                tags = _by_key(request.get("tags", []))
                machine = StateMachine(scope, name, arn, kind, revision.updated, revision, tags=tags)
                self._machines.add(machine)
            elif not _same(machine, kind, revision):
                raise AwsError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
            answer: dict[str, Any] = {"stateMachineArn": arn, "creationDate": machine.created}
            return {**answer, **self._published(machine, request)}

    def _update(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        machine = self._machines.find(scope, request["stateMachineArn"])
        if not any(name in request for name in _UPDATABLE) and not request.get("publish"):
            raise AwsError(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, the "
                "EncryptionConfiguration or the TracingConfiguration must be specified",
            )
        with self._machines.lock:  # from the old revision to the new one, so that no other update is lost
            old = machine.revision
            merged = {
                "definition": old.definition,
                "roleArn": old.role_arn,
                "loggingConfiguration": old.logging,
                "tracingConfiguration": old.tracing,
                "encryptionConfiguration": old.encryption,
                **request,
            }
            machine.revision = revision = self._revision(scope, merged, machine.kind)
            published = self._published(machine, request)
        return {"updateDate": revision.updated, "revisionId": revision.id, **published}

    def _delete(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """AWS ends the executions of a machine that is deleted."""
        machine = self._machines.get(scope, request["stateMachineArn"])
        if machine is not None:
            self._machines.remove(machine.arn)
            self._on_delete(machine.arn)
        return {}

    def _describe(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        chosen = self._machines.choose(scope, request["stateMachineArn"])
        machine, revision = chosen.machine, chosen.revision
        shown = {
            "stateMachineArn": chosen.version_arn or machine.arn,
            "name": machine.name,
            "status": "ACTIVE",
            "type": machine.kind,
            "creationDate": machine.created,
            **described(revision),
        }
        if chosen.version_arn:
            version = self._machines.version(scope, chosen.version_arn)
            return {**shown, "creationDate": version.created, "description": version.description}
        return shown

    def _list(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        shown = [
            {
                "stateMachineArn": each.arn,
                "name": each.name,
                "type": each.kind,
                "creationDate": each.created,
            }
            for each in self._machines.of(scope)
        ]
        return page("stateMachines", shown, request)

    def _validate(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        machine, wrong = load(request["definition"])
        wrong = wrong or check(machine, request.get("type", "STANDARD"), self._clients, scope)
        most = request.get("maxResults") or 100
        return {
            "result": "FAIL" if wrong else "OK",
            "diagnostics": [each.shown for each in wrong[:most]],
            "truncated": len(wrong) > most,
        }

    def _list_tags(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        machine = self._tagged(scope, request["resourceArn"])
        return {"tags": [{"key": key, "value": value} for key, value in sorted(machine.tags.items())]}

    def _tag(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        added = _by_key(request["tags"])
        self._tagged(scope, request["resourceArn"]).tags.update(added)
        return {}

    def _untag(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        tags = self._tagged(scope, request["resourceArn"]).tags
        for key in request["tagKeys"]:
            tags.pop(key, None)
        return {}

    def _tagged(self, scope: Scope, arn: str) -> StateMachine:
        machine = self._machines.get(scope, arn)
        if machine is None:
            raise AwsError("ResourceNotFound", f"Resource not found: '{arn}'")
        return machine

    def _revision(self, scope: Scope, request: Mapping[str, Any], kind: str) -> Revision:
        """Raises AwsError for a definition, a role or a log group that cannot be."""
        role = request["roleArn"]
        if ":role/" not in role:
            raise AwsError("InvalidArn", f"Invalid Role Arn: '{role}'")
        machine, wrong = load(request["definition"])
        refuse(wrong or check(machine, kind, self._clients, scope))
        return Revision(
            request["definition"],
            machine,
            role,
            checked_logging(request.get("loggingConfiguration") or _OFF),
            request.get("tracingConfiguration") or {"enabled": False},
            request.get("encryptionConfiguration") or {"type": "AWS_OWNED_KEY"},
            self._clock.now(),
        )

    def _published(self, machine: StateMachine, request: Mapping[str, Any]) -> dict[str, Any]:
        if not request.get("publish"):
            return {}
        version = machine.publish(request.get("versionDescription", ""), self._clock.now())
        return {"stateMachineVersionArn": version.arn}


def refuse(wrong: list[Diagnostic]) -> None:
    """Raises AwsError for a definition with mistakes: InvalidDefinition for AWS's, ValidationException for
    what is right on AWS and does not run here."""
    mistakes = [str(each) for each in wrong if each.code != REFUSED]
    if mistakes:
        raise AwsError("InvalidDefinition", f"Invalid State Machine Definition: '{', '.join(mistakes)}'")
    refused = [f"{each.message} (at {each.location})" for each in wrong]
    if refused:
        raise AwsError("ValidationException", ". ".join(refused))


def described(revision: Revision) -> dict[str, Any]:
    """A revision, as DescribeStateMachine shows it."""
    return {
        "definition": revision.definition,
        "roleArn": revision.role_arn,
        "loggingConfiguration": dict(revision.logging),
        "tracingConfiguration": dict(revision.tracing),
        "encryptionConfiguration": dict(revision.encryption),
        "revisionId": revision.id,
    }


def _same(machine: StateMachine, kind: str, revision: Revision) -> bool:
    """AWS: a second request is the first again when these are the same, whatever its role and tags."""
    old = machine.revision
    return (machine.kind, old.definition, old.logging, old.tracing) == (
        kind,
        revision.definition,
        revision.logging,
        revision.tracing,
    )


def _by_key(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Keys to values. The model requires neither; AWS refuses a tag without a key."""
    for index, tag in enumerate(tags, 1):
        if "key" not in tag:
            raise AwsError(
                "ValidationException",
                f"1 validation error detected: Value null at 'tags.{index}.member.key' failed to satisfy "
                "constraint: Member must not be null",
            )
    return {tag["key"]: tag.get("value", "") for tag in tags}
