"""Amazon EventBridge: rules deliver to state machines, topics, queues, log groups and buses of this cloud."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN, ProvisioningError
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
from gluonship.local.cloudformation.types.mapping import as_text
from gluonship.local.cloudformation.types.steps import listed

_HERE = ("states", "sns", "sqs", "logs", "events")
_DELIVERS = "it delivers to state machines, topics, queues, log groups and event buses"


def _bus(properties: Any) -> dict[str, Any]:
    bus = (properties or {}).get("EventBusName")
    return {"EventBusName": bus} if bus is not None else {}


def _ids(targets: Any) -> list[Any]:
    return [each["Id"] if isinstance(each, Mapping) else UNKNOWN for each in listed(targets)]


def _targets(change: Change) -> Flow:
    rule = {"Rule": change.known["Name"], **_bus(change.known)}
    gone = [each for each in _ids(change.old) if each not in _ids(change.new)]
    if gone:
        yield Request("RemoveTargets", {**rule, "Ids": gone}, gone_is_fine=True)
    if change.new:
        answer = yield Request("PutTargets", {**rule, "Targets": change.new})
        for failed in answer.get("FailedEntries", ()):
            reason = failed.get("ErrorMessage", UNKNOWN)
            if reason is not UNKNOWN:
                raise ProvisioningError(f"Target {failed.get('TargetId')} of rule {rule['Rule']}: {reason}")


def _no_targets(change: Change) -> Flow:
    """A rule goes only when it has no targets. Those put on it by hand keep it from going."""
    yield from _targets(Change(change.known, None, (change.old or {}).get("Targets")))


def _delete_rule(change: Change) -> Flow:
    rule = {"Name": change.known["Name"], **_bus(change.known)}
    yield Request("DeleteRule", rule, gone_is_fine=True)


def _reachable(properties: Mapping[str, Any]) -> str | None:
    """Targets whose services do not run here."""
    for index, target in enumerate(listed(properties.get("Targets"))):
        arn = target.get("Arn") if isinstance(target, Mapping) else None
        if isinstance(arn, str) and arn.startswith("arn:") and arn.split(":")[2] not in _HERE:
            where = f"Properties/Targets/{index}/Arn"
            return f"{where}: the local cloud cannot deliver to {arn.split(':')[2]}; {_DELIVERS}"
    return None


_NO_TARGET = {
    f"Targets.{name}": "the local cloud cannot deliver to it"
    for name in (
        "BatchParameters",
        "EcsParameters",
        "RunCommandParameters",
        "KinesisParameters",
        "RedshiftDataParameters",
        "SageMakerPipelineParameters",
        "AppSyncParameters",
        "HttpParameters",
    )
}

RULE = ResourceType(
    "events",
    create=Call("PutRule"),
    update=(Call("PutRule"),),
    delete=_delete_rule,
    read=Read("DescribeRule", {"Name": "{Name}", "EventBusName": "{EventBusName}"}),
    defaults={"EventBusName": "default"},
    name=Name("Name", max_length=64),
    ref="{Name}",
    attributes={"Arn": "{RuleArn}", "RuleName": "{Name}"},
    must_be_new=True,
    objection=_reachable,
    parts={"Targets": _targets},
    recorded={"RoleArn": "kept and shown; IAM is not enforced here"},
    refused=_NO_TARGET,
    before_delete=_no_targets,
    tagging=Tagging("TagResource", "UntagResource", {"ResourceARN": "{RuleArn}"}),
    snapshot={
        "Targets": Read("ListTargetsByRule", {"Rule": "{Name}", "EventBusName": "{EventBusName}"}, "Targets"),
        "Tags": Read("ListTagsForResource", {"ResourceARN": "{RuleArn}"}, "Tags"),
    },
    note="delivers events and runs on its schedule",
)


def _bus_policy(change: Change) -> Flow:
    bus = {"Name": change.known["Name"]}
    if change.new is not None:
        members = {"EventBusName": bus["Name"], "Policy": as_text(change.new)}
        yield Request("PutPermission", members)
    else:
        members = {"EventBusName": bus["Name"], "RemoveAllPermissions": True}
        yield Request("RemovePermission", members, gone_is_fine=True)


EVENT_BUS = ResourceType(
    "events",
    create=Call("CreateEventBus"),
    delete=Call("DeleteEventBus", {"Name": "{Name}"}),
    read=Read("DescribeEventBus", {"Name": "{Name}"}),
    ref="{Name}",
    attributes={"Arn": "{EventBusArn}"},
    parts={"Policy": _bus_policy},
    recorded={
        "KmsKeyIdentifier": "kept with the bus; events are not encrypted on this machine",
        "Policy": "kept and shown; IAM is not enforced here",
    },
    refused={
        "EventSourceName": "there are no partners' events here",
        "DeadLetterConfig": "give it to the targets of rules",
        "LogConfig": "deliveries of a bus are not logged here",
    },
    tagging=Tagging("TagResource", "UntagResource", {"ResourceARN": "{EventBusArn}"}),
    snapshot={"Tags": Read("ListTagsForResource", {"ResourceARN": "{EventBusArn}"}, "Tags")},
)


def _put_statement(change: Change) -> Flow:
    new = change.new
    bus = {"EventBusName": new.get("EventBusName", "default")}
    names = ("Action", "Principal", "StatementId", "Condition")
    if new.get("Statement") is None:
        yield Request("PutPermission", {**bus, **{name: new[name] for name in names if name in new}})
        return
    answer = yield Request("DescribeEventBus", {"Name": bus["EventBusName"]})
    policy = answer.get("Policy")
    yield Request(
        "PutPermission", {**bus, "Policy": _with_statement(policy, new["StatementId"], new["Statement"])}
    )


def _with_statement(policy: Any, statement_id: Any, statement: Any) -> Any:
    """A bus's policy (JSON text) with one statement put, or put anew."""
    if policy is UNKNOWN or not isinstance(statement, Mapping):
        return UNKNOWN
    whole: Any = json.loads(policy) if policy else {"Version": "2012-10-17", "Statement": []}
    others = [each for each in whole["Statement"] if each.get("Sid") != statement_id]
    return as_text({**whole, "Statement": [*others, {**statement, "Sid": statement_id}]})


def _same_statement(change: Change) -> Flow:
    answer = yield Request("DescribeEventBus", {"Name": change.new.get("EventBusName", "default")})
    policy: Any = json.loads(answer.get("Policy") or "{}")
    return [each for each in policy.get("Statement", ()) if each.get("Sid") == change.new["StatementId"]]


def _remove_statement(change: Change) -> Flow:
    old = change.old
    members = {"EventBusName": old.get("EventBusName", "default"), "StatementId": old["StatementId"]}
    yield Request("RemovePermission", members, gone_is_fine=True)


EVENT_BUS_POLICY = ResourceType(
    "events",
    create=_put_statement,
    must_be_new=_same_statement,
    update=_put_statement,
    delete=_remove_statement,
    takes=("EventBusName", "StatementId", "Statement", "Action", "Principal", "Condition"),
    ref="{generated_id}",
    note="kept and shown; IAM is not enforced here",
    effect="recorded",
)

TYPES: Mapping[str, ResourceType] = {
    "AWS::Events::Rule": RULE,
    "AWS::Events::EventBus": EVENT_BUS,
    "AWS::Events::EventBusPolicy": EVENT_BUS_POLICY,
}
