"""Amazon EventBridge Scheduler: schedules run on the cloud's clock."""

from __future__ import annotations

from collections.abc import Mapping

from gluonship.local.cloudformation.types.declaration import Call, Name, Read, ResourceType, Tagging

_SCHEDULE = {"Name": "{Name}", "GroupName": "{GroupName}"}
_TARGET = "the local cloud cannot call it"

SCHEDULE = ResourceType(
    "scheduler",
    create=Call("CreateSchedule"),
    update=(Call("UpdateSchedule"),),
    delete=Call("DeleteSchedule", _SCHEDULE),
    read=Read("GetSchedule", _SCHEDULE),
    defaults={"GroupName": "default"},
    name=Name("Name", max_length=64),
    ref="{Name}",
    attributes={"Arn": "{ScheduleArn}"},
    resets={"State": "ENABLED", "ScheduleExpressionTimezone": "UTC", "Description": ""},
    recorded={"KmsKeyArn": "kept and shown; nothing is encrypted on this machine's disk"},
    refused={
        f"Target.{name}": _TARGET
        for name in ("EcsParameters", "KinesisParameters", "SageMakerPipelineParameters")
    },
    note="starts its target at its times",
)

SCHEDULE_GROUP = ResourceType(
    "scheduler",
    create=Call("CreateScheduleGroup"),
    must_be_new=True,
    delete=Call("DeleteScheduleGroup", {"Name": "{Name}"}),
    read=Read("GetScheduleGroup", {"Name": "{Name}"}),
    name=Name("Name", max_length=64),
    ref="{Name}",
    attributes={"Arn": "{ScheduleGroupArn}"},
    tagging=Tagging("TagResource", "UntagResource", {"ResourceArn": "{ScheduleGroupArn}"}),
    snapshot={"Tags": Read("ListTagsForResource", {"ResourceArn": "{ScheduleGroupArn}"}, "Tags")},
)

TYPES: Mapping[str, ResourceType] = {
    "AWS::Scheduler::Schedule": SCHEDULE,
    "AWS::Scheduler::ScheduleGroup": SCHEDULE_GROUP,
}
