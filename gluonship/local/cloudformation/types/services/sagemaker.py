"""Amazon SageMaker: notebooks, code repositories and the model registry."""

from __future__ import annotations

from collections.abc import Mapping

from gluonship.local.cloudformation.types.declaration import (
    Call,
    Change,
    Flow,
    Name,
    Read,
    Refused,
    Request,
    ResourceType,
    Settling,
)
from gluonship.local.cloudformation.types.services import sagemaker_hosting
from gluonship.local.cloudformation.types.services.sagemaker_hosting import tagging, tags
from gluonship.local.cloudformation.types.steps import listed, put_text

_NOTEBOOK = {"NotebookInstanceName": "{NotebookInstanceName}"}


def _stop(change: Change) -> Flow:
    """A notebook is changed and deleted only while it is stopped."""
    name = {"NotebookInstanceName": change.known["NotebookInstanceName"]}
    answer = yield Request("DescribeNotebookInstance", name)
    if answer["NotebookInstanceStatus"] != "Stopped":
        yield Request("StopNotebookInstance", name)


def _start(change: Change) -> Flow:
    yield Request("StartNotebookInstance", {"NotebookInstanceName": change.known["NotebookInstanceName"]})


_DEFAULTS = {"RootAccess": "Enabled", "VolumeSizeInGB": 5}


def _update_notebook(change: Change) -> Flow:
    """UpdateNotebookInstance takes a property away by a member of its own: DisassociateLifecycleConfig."""
    sent = ("InstanceType", "RoleArn", "RootAccess", "VolumeSizeInGB", "InstanceMetadataServiceConfiguration")
    given = {**{name: each for name, each in _DEFAULTS.items() if name in change.old}, **change.new}
    members = {name: given[name] for name in sent if name in given}
    for name, taken_away in (
        ("LifecycleConfigName", "DisassociateLifecycleConfig"),
        ("DefaultCodeRepository", "DisassociateDefaultCodeRepository"),
        ("AdditionalCodeRepositories", "DisassociateAdditionalCodeRepositories"),
        ("AcceleratorTypes", "DisassociateAcceleratorTypes"),
    ):
        if name in change.new:
            members[name] = change.new[name]
        elif name in change.old:
            members[taken_away] = True
    notebook = {"NotebookInstanceName": change.known["NotebookInstanceName"]}
    yield from _stop(change)
    yield Request("UpdateNotebookInstance", {**notebook, **members})
    yield from _start(change)


_NO_JUPYTER = "AWS::SageMaker::NotebookInstance is kept and shown; there is no Jupyter behind it"

NOTEBOOK_INSTANCE = ResourceType(
    "sagemaker",
    create=Call("CreateNotebookInstance"),
    update=_update_notebook,
    delete=Call("DeleteNotebookInstance", _NOTEBOOK),
    read=Read("DescribeNotebookInstance", _NOTEBOOK),
    takes=(
        "InstanceType",
        "RoleArn",
        "RootAccess",
        "VolumeSizeInGB",
        "LifecycleConfigName",
        "DefaultCodeRepository",
        "AdditionalCodeRepositories",
        "AcceleratorTypes",
    ),
    name=Name("NotebookInstanceName", max_length=63),
    ref="{NotebookInstanceArn}",
    settling=Settling("NotebookInstanceStatus", up=("InService", "Stopped"), failed=("Failed",)),
    before_delete=_stop,
    vanishes=True,
    tagging=tagging("NotebookInstanceArn"),
    snapshot=tags("NotebookInstanceArn"),
    effect="recorded",
    note=_NO_JUPYTER,
)

_LIFECYCLE = {"NotebookInstanceLifecycleConfigName": "{NotebookInstanceLifecycleConfigName}"}
LIFECYCLE_CONFIG = ResourceType(
    "sagemaker",
    create=Call("CreateNotebookInstanceLifecycleConfig"),
    update=(Call("UpdateNotebookInstanceLifecycleConfig"),),
    delete=Call("DeleteNotebookInstanceLifecycleConfig", _LIFECYCLE),
    read=Read("DescribeNotebookInstanceLifecycleConfig", _LIFECYCLE),
    name=Name("NotebookInstanceLifecycleConfigName", max_length=63),
    ref="{NotebookInstanceLifecycleConfigArn}",
    resets={"OnCreate": [], "OnStart": []},
    tagging=tagging("NotebookInstanceLifecycleConfigArn"),
    snapshot=tags("NotebookInstanceLifecycleConfigArn"),
    effect="recorded",
    note="AWS::SageMaker::NotebookInstanceLifecycleConfig is kept and shown; no notebook runs it",
)

_REPOSITORY = {"CodeRepositoryName": "{CodeRepositoryName}"}


def _update_repository(change: Change) -> Flow:
    """The secret alone changes in place: another URL or branch is another repository."""
    git = change.new["GitConfig"]
    secret = git.get("SecretArn", "") if isinstance(git, Mapping) else git
    name = {"CodeRepositoryName": change.known["CodeRepositoryName"]}
    yield Request("UpdateCodeRepository", {**name, "GitConfig": {"SecretArn": secret}})


CODE_REPOSITORY = ResourceType(
    "sagemaker",
    create=Call("CreateCodeRepository"),
    update=_update_repository,
    delete=Call("DeleteCodeRepository", _REPOSITORY),
    read=Read("DescribeCodeRepository", _REPOSITORY),
    takes=("GitConfig",),
    name=Name("CodeRepositoryName", max_length=63),
    ref="{CodeRepositoryArn}",
    tagging=tagging("CodeRepositoryArn"),
    snapshot=tags("CodeRepositoryArn"),
    effect="recorded",
    note="AWS::SageMaker::CodeRepository is kept and shown; no notebook clones it",
)

_GROUP = {"ModelPackageGroupName": "{ModelPackageGroupName}"}
MODEL_PACKAGE_GROUP = ResourceType(
    "sagemaker",
    create=Call("CreateModelPackageGroup"),
    delete=Call("DeleteModelPackageGroup", _GROUP),
    read=Read("DescribeModelPackageGroup", _GROUP),
    ref="{ModelPackageGroupArn}",
    parts={
        "ModelPackageGroupPolicy": put_text(
            "PutModelPackageGroupPolicy",
            "ResourcePolicy",
            _GROUP,
            remove="DeleteModelPackageGroupPolicy",
        )
    },
    recorded={"ModelPackageGroupPolicy": "kept and shown; IAM is not enforced here"},
    tagging=tagging("ModelPackageGroupArn"),
    snapshot={
        **tags("ModelPackageGroupArn"),
        "Policy": Read("GetModelPackageGroupPolicy", _GROUP, "ResourcePolicy"),
    },
    note="a registry of model versions with their approval",
)


def _further_specifications(change: Change) -> Flow:
    names = {"ModelPackageArn": change.known["ModelPackageArn"]}
    new = listed(change.new)
    if new:
        yield Request("UpdateModelPackage", {**names, "AdditionalInferenceSpecificationsToAdd": new})


MODEL_PACKAGE = ResourceType(
    "sagemaker",
    create=Call("CreateModelPackage"),
    update=(Call("UpdateModelPackage"),),
    delete=Call("DeleteModelPackage", {"ModelPackageName": "{ModelPackageArn}"}),
    read=Read("DescribeModelPackage", {"ModelPackageName": "{ModelPackageArn}"}),
    ref="{ModelPackageArn}",
    parts={"AdditionalInferenceSpecificationsToAdd": _further_specifications},
    settling=Settling(
        "ModelPackageStatus", up=("Completed",), failed=("Failed",), reason="ModelPackageStatusDetails"
    ),
    resets={"ApprovalDescription": "", "CustomerMetadataProperties": {}},
    recorded={"ClientToken": "kept with the stack only"},
    refused={
        "ValidationSpecification": "model packages are not validated by jobs here",
        "SourceAlgorithmSpecification": "there is no marketplace here",
        "CertifyForMarketplace": Refused("there is no marketplace here"),
        "ModelPackageStatusDetails": "the registry writes it",
        "ModelPackageVersion": "the registry counts versions",
    },
    tagging=tagging("ModelPackageArn"),
    snapshot=tags("ModelPackageArn"),
    note="a version of a model that can be approved, and that a model can be made of",
)

TYPES: Mapping[str, ResourceType] = {
    **sagemaker_hosting.TYPES,
    "AWS::SageMaker::NotebookInstance": NOTEBOOK_INSTANCE,
    "AWS::SageMaker::NotebookInstanceLifecycleConfig": LIFECYCLE_CONFIG,
    "AWS::SageMaker::CodeRepository": CODE_REPOSITORY,
    "AWS::SageMaker::ModelPackageGroup": MODEL_PACKAGE_GROUP,
    "AWS::SageMaker::ModelPackage": MODEL_PACKAGE,
}
