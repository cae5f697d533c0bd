"""Which capabilities a template needs, and whether they were acknowledged.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html, Capabilities
"""

from __future__ import annotations

from collections.abc import Collection

from gluonship.local.cloudformation.template.document import Template
from gluonship.local.contracts import AwsError

_IAM_NAMES = {
    "AWS::IAM::AccessKey": None,
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": None,
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::UserToGroupAddition": None,
}
_IAM, _NAMED, _EXPAND = "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"


def needed(template: Template) -> list[str]:
    """The capability that a template needs, if any."""
    of_iam = [resource for resource in template.resources.values() if resource.type in _IAM_NAMES]
    if any(_IAM_NAMES[resource.type] in resource.properties for resource in of_iam):
        return [_NAMED]
    return [_IAM] if of_iam else []


def reason(template: Template) -> str | None:
    types = sorted({resource.type for resource in template.resources.values() if resource.type in _IAM_NAMES})
    if not types:
        return None
    return f"The following resource(s) require capabilities: [{', '.join(types)}]"


def check(template: Template, acknowledged: Collection[str]) -> None:
    """Raises InsufficientCapabilitiesException."""
    for capability in needed(template):
        if _NAMED not in acknowledged and (capability == _NAMED or capability not in acknowledged):
            raise AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{capability}]")
    unknown = sorted(set(acknowledged) - {_IAM, _NAMED, _EXPAND})
    if unknown:
        raise AwsError("ValidationError", f"Unknown capabilities: {', '.join(unknown)}")
