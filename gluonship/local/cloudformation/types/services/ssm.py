"""AWS Systems Manager: parameters."""

from __future__ import annotations

from collections.abc import Mapping

from gluonship.local.cloudformation.types.declaration import Call, Name, Read, ResourceType, Tagging

PARAMETER = ResourceType(
    "ssm",
    create=Call("PutParameter"),
    update=(Call("PutParameter", {"Overwrite": True}),),
    delete=Call("DeleteParameter", {"Name": "{Name}"}),
    read=Read("GetParameter", {"Name": "{Name}", "WithDecryption": True}, "Parameter"),
    name=Name("Name", max_length=128),
    ref="{Name}",
    attributes={"Arn": "arn:{partition}:ssm:{region}:{account}:parameter/{Name}"},
    recorded={
        "Tier": "kept and shown; there is one tier",
        "Policies": "kept and shown; parameters do not expire",
    },
    tagging=Tagging(
        "AddTagsToResource", "RemoveTagsFromResource", {"ResourceType": "Parameter", "ResourceId": "{Name}"}
    ),
    snapshot={
        "Tags": Read("ListTagsForResource", {"ResourceType": "Parameter", "ResourceId": "{Name}"}, "TagList")
    },
    volatile=("Version",),
)

TYPES: Mapping[str, ResourceType] = {"AWS::SSM::Parameter": PARAMETER}
