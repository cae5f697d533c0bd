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
    """The capabilities that a template needs."""
    expanding = [_EXPAND] if template.transforms else []
    of_iam = [resource for resource in template.resources.values() if resource.type in _IAM_NAMES]
    if any(_IAM_NAMES[resource.type] in resource.properties for resource in of_iam):
        return [_NAMED, *expanding]
    return [_IAM, *expanding] if of_iam else expanding


def reason(template: Template) -> str | None:
    types = sorted({resource.type for resource in template.resources.values() if resource.type in _IAM_NAMES})
    sentences = []
    if types:
        sentences.append(f"The following resource(s) require capabilities: [{', '.join(types)}]")
    if template.transforms:
        sentences.append(f"The following transforms require capabilities: [{', '.join(template.transforms)}]")
    return "; ".join(sentences) or None


def check(template: Template, acknowledged: Collection[str], *, expanding: bool) -> None:
    """Raises InsufficientCapabilitiesException. `expanding`: a stack is made of the template without a change
    set, which would show what its transforms come to."""
    granted = {*acknowledged, *([_IAM] if _NAMED in acknowledged else []), *([] if expanding else [_EXPAND])}
    missing = [capability for capability in needed(template) if capability not in granted]
    if missing:
        message = f"Requires capabilities : [{', '.join(missing)}]"
        raise AwsError("InsufficientCapabilitiesException", message)
    unknown = sorted(set(acknowledged) - {_IAM, _NAMED, _EXPAND})
    if unknown:
        raise AwsError("ValidationError", f"Unknown capabilities: {', '.join(unknown)}")
