"""AWS Secrets Manager."""

from __future__ import annotations

import json
from collections.abc import Mapping

from gluonship.local.cloudformation.contract import UNKNOWN
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

_SECRET = {"SecretId": "{ARN}"}


def _generated(change: Change) -> Flow:
    """SecretString, made by GetRandomPassword where the template asks for it; once, not at every update."""
    properties = dict(change.new)
    wanted = properties.pop("GenerateSecretString", None)
    before = (change.old or {}).get("GenerateSecretString")
    if wanted is None or wanted == before:
        return properties
    if wanted is UNKNOWN:
        return {**properties, "SecretString": UNKNOWN}
    rules = {k: v for k, v in wanted.items() if k not in ("GenerateStringKey", "SecretStringTemplate")}
    answer = yield Request("GetRandomPassword", rules)
    password = answer["RandomPassword"]
    if "GenerateStringKey" in wanted and password is not UNKNOWN:
        template = json.loads(wanted.get("SecretStringTemplate", "{}"))
        password = json.dumps({**template, wanted["GenerateStringKey"]: password})
    return {**properties, "SecretString": password}


SECRET = ResourceType(
    "secretsmanager",
    create=Call("CreateSecret"),
    update=(Call("UpdateSecret", _SECRET),),
    delete=Call("DeleteSecret", {**_SECRET, "ForceDeleteWithoutRecovery": True}),
    read=Read("DescribeSecret", _SECRET),
    takes=("GenerateSecretString",),
    gather=_generated,
    name=Name("Name", max_length=512),
    ref="{ARN}",
    attributes={"Id": "{ARN}"},
    resets={"Description": ""},
    recorded={"KmsKeyId": "kept and shown; nothing is encrypted on this machine's disk"},
    refused={
        "ReplicaRegions": "secrets are not replicated here",
        "Type": "secrets of other companies are not managed here",
    },
    tagging=Tagging("TagResource", "UntagResource", _SECRET),
    volatile=("VersionIdsToStages",),
)

TYPES: Mapping[str, ResourceType] = {"AWS::SecretsManager::Secret": SECRET}
