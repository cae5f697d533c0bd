"""Versions and aliases of state machines.

AWS: "Manage continuous deployments with versions and aliases in Step Functions".
"""

from __future__ import annotations

from typing import Any

from gluonship.local.contracts import AwsError, Clock, Handler, Scope
from gluonship.local.stepfunctions.machines import Alias, Machines
from gluonship.local.stepfunctions.paging import page
from gluonship.local.stepfunctions.resource_names import checked_name


class VersionOperations:
    def __init__(self, machines: Machines, clock: Clock) -> None:
        self._machines = machines
        self._clock = clock

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateStateMachineAlias": self._create_alias,
            "DeleteStateMachineAlias": self._delete_alias,
            "DeleteStateMachineVersion": self._delete_version,
            "DescribeStateMachineAlias": self._describe_alias,
            "ListStateMachineAliases": self._list_aliases,
            "ListStateMachineVersions": self._list_versions,
            "PublishStateMachineVersion": self._publish,
            "UpdateStateMachineAlias": self._update_alias,
        }

    def _publish(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        machine = self._machines.find(scope, request["stateMachineArn"])
        with self._machines.lock:
            if request.get("revisionId", machine.revision.id) != machine.revision.id:
                raise AwsError("ConflictException", "Failed to publish: the revision is not the current one.")
            version = machine.publish(request.get("description", ""), self._clock.now())
        return {"stateMachineVersionArn": version.arn, "creationDate": version.created}

    def _delete_version(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["stateMachineVersionArn"]
        version = self._machines.version(scope, arn)
        machine = self._machines.find(scope, arn.rpartition(":")[0])
        with self._machines.lock:
            used = [
                alias.name
                for alias in machine.aliases.values()
                for route in alias.routing
                if route["stateMachineVersionArn"] == arn
            ]
            if used:
                raise AwsError(
                    "ConflictException", f"Version to be deleted must not be referenced by an alias: {used}"
                )
            machine.versions.pop(version.number, None)
        return {}

    def _list_versions(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        machine = self._machines.find(scope, request["stateMachineArn"])
        with self._machines.lock:
            newest_first = sorted(machine.versions.values(), key=lambda each: -each.number)
        shown = [{"stateMachineVersionArn": each.arn, "creationDate": each.created} for each in newest_first]
        return page("stateMachineVersions", shown, request)

    def _create_alias(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        name = checked_name(request["name"])
        routing = self._routing(scope, request["routingConfiguration"])
        machine = self._machines.find(scope, routing[0]["stateMachineVersionArn"].rpartition(":")[0])
        now = self._clock.now()
        with self._machines.lock:
            alias = machine.aliases.get(name)
            if alias is None:
                alias = Alias(
                    f"{machine.arn}:{name}", name, request.get("description", ""), routing, now, now
                )
                machine.aliases[name] = alias
            elif alias.routing != routing:
                raise AwsError(
                    "ConflictException",
                    "Failed to create alias because an alias with the same name and a different routing "
                    "configuration already exists.",
                )
        return {"stateMachineAliasArn": alias.arn, "creationDate": alias.created}

    def _update_alias(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        _, alias = self._machines.alias(scope, request["stateMachineAliasArn"])
        routing = self._routing(scope, request.get("routingConfiguration", alias.routing))
        with self._machines.lock:
            alias.routing = routing
            alias.description = request.get("description", alias.description)
            alias.updated = self._clock.now()
        return {"updateDate": alias.updated}

    def _describe_alias(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        _, alias = self._machines.alias(scope, request["stateMachineAliasArn"])
        return {
            "stateMachineAliasArn": alias.arn,
            "name": alias.name,
            "description": alias.description,
            "routingConfiguration": alias.routing,
            "creationDate": alias.created,
            "updateDate": alias.updated,
        }

    def _delete_alias(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        machine, alias = self._machines.alias(scope, request["stateMachineAliasArn"])
        with self._machines.lock:
            machine.aliases.pop(alias.name, None)
        return {}

    def _list_aliases(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        machine = self._machines.find(scope, request["stateMachineArn"])
        with self._machines.lock:
            found = sorted(machine.aliases.values(), key=lambda each: each.created)
        shown = [{"stateMachineAliasArn": each.arn, "creationDate": each.created} for each in found]
        return page("stateMachineAliases", shown, request)

    def _routing(self, scope: Scope, routing: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Raises AwsError unless it names one or two versions of one machine, with weights of 100 in all."""
        if len(routing) not in (1, 2) or sum(route["weight"] for route in routing) != 100:
            raise AwsError(
                "ValidationException",
                "The routing configuration needs one or two versions whose weights sum up to 100.",
            )
        arns = [route["stateMachineVersionArn"] for route in routing]
        for arn in arns:
            self._machines.version(scope, arn)
        if len({arn.rpartition(":")[0] for arn in arns}) != 1:
            raise AwsError("ValidationException", "The versions must belong to the same state machine.")
        return routing
