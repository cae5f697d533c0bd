"""SageMaker changes a stopped notebook instance (UpdateNotebookInstance) and a lifecycle configuration
(UpdateNotebookInstanceLifecycleConfig), and shows all that a notebook was made with. moto has neither
operation and forgets PlatformIdentifier and InstanceMetadataServiceConfiguration; it keeps no tags of
lifecycle configurations. And it says InService, behind which AWS has a Jupyter and nobody here: the status
stays, since tools wait for it, and its FailureReason says so.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateNotebookInstance.html
"""

from __future__ import annotations

import functools
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeSagemakerNotebookInstance, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

_CHANGED = {
    "InstanceType": "instance_type",
    "RoleArn": "role_arn",
    "RootAccess": "root_access",
    "VolumeSizeInGB": "volume_size_in_gb",
    "LifecycleConfigName": "lifecycle_config_name",
    "DefaultCodeRepository": "default_code_repository",
    "AdditionalCodeRepositories": "additional_code_repositories",
    "AcceleratorTypes": "accelerator_types",
}
_TAKEN_AWAY = {
    "DisassociateLifecycleConfig": "lifecycle_config_name",
    "DisassociateDefaultCodeRepository": "default_code_repository",
    "DisassociateAdditionalCodeRepositories": "additional_code_repositories",
    "DisassociateAcceleratorTypes": "accelerator_types",
}
NO_JUPYTER = (
    "The local cloud only records notebook instances: no Jupyter runs behind this one, and its lifecycle "
    "configuration is not run. Start Jupyter on this machine, with the local cloud's environment."
)
_SHOWN_TOO = ("PlatformIdentifier", "InstanceMetadataServiceConfiguration")


def apply() -> None:
    SageMakerResponse.update_notebook_instance = _update
    SageMakerResponse.update_notebook_instance_lifecycle_config = _update_lifecycle
    SageMakerResponse.create_notebook_instance = _keeping_more(SageMakerResponse.create_notebook_instance)
    SageMakerResponse.create_notebook_instance_lifecycle_config = _keeping_tags(
        SageMakerResponse.create_notebook_instance_lifecycle_config
    )
    FakeSagemakerNotebookInstance.to_dict = _showing_more(FakeSagemakerNotebookInstance.to_dict)
    SageMakerModelBackend._get_resource_from_arn = with_lifecycle_configs(
        SageMakerModelBackend._get_resource_from_arn
    )


def _update(self: Any) -> Any:
    notebook = self.sagemaker_backend.get_notebook_instance(self._get_param("NotebookInstanceName"))
    if notebook.status not in ("Stopped", "Failed"):
        raise ValidationError(
            f"Status ({notebook.status}) not in ([Stopped, Failed]). Unable to transition to (Updating) for "
            f"Notebook Instance ({notebook.arn})"
        )
    for member, attribute in _CHANGED.items():
        given = self._get_param(member)
        if given is not None:
            setattr(notebook, attribute, given)
    for member, attribute in _TAKEN_AWAY.items():
        if self._get_param(member):
            setattr(notebook, attribute, None)
    _keep(self, notebook)
    notebook.last_modified_time = utcnow()
    return EmptyResult()


def _update_lifecycle(self: Any) -> Any:
    name = self._get_param("NotebookInstanceLifecycleConfigName")
    self.sagemaker_backend.describe_notebook_instance_lifecycle_config(name)  # AWS's error for an unknown one
    found = self.sagemaker_backend.notebook_instance_lifecycle_configurations[name]
    for member, attribute in (("OnCreate", "on_create"), ("OnStart", "on_start")):
        given = self._get_param(member)
        if given is not None:
            setattr(found, attribute, given)
    found.last_modified_time = utcnow()
    return EmptyResult()


def _keep(self: Any, notebook: Any) -> None:
    shown = vars(notebook).setdefault("shown_too", {})
    shown.update({name: given for name in _SHOWN_TOO if (given := self._get_param(name)) is not None})


def _keeping_more(create: Any) -> Any:
    @functools.wraps(create)
    def create_and_keep(self: Any) -> Any:
        answer = create(self)
        _keep(self, self.sagemaker_backend.get_notebook_instance(self._get_param("NotebookInstanceName")))
        return answer

    return create_and_keep


def _showing_more(describe: Any) -> Any:
    @functools.wraps(describe)
    def describe_all(self: Any) -> dict[str, Any]:
        said = {"FailureReason": NO_JUPYTER} if self.status == "InService" else {}
        return {**describe(self), **vars(self).get("shown_too", {}), **said}

    return describe_all


def _keeping_tags(create: Any) -> Any:
    @functools.wraps(create)
    def create_and_keep(self: Any) -> Any:
        answer: ActionResult = create(self)
        name = self._get_param("NotebookInstanceLifecycleConfigName")
        made = self.sagemaker_backend.notebook_instance_lifecycle_configurations[name]
        _tags_in(self.sagemaker_backend)[made.arn] = _Tagged(self._get_param("Tags") or [])
        return answer

    return create_and_keep


class _Tagged:
    """What moto's tag operations act on."""

    def __init__(self, tags: list[dict[str, str]]) -> None:
        self.tags = tags


def _tags_in(backend: SageMakerModelBackend) -> dict[str, _Tagged]:
    """By ARN. In the back end, so that they end with it; beside moto's record, whose description shows every
    attribute it has."""
    kept: dict[str, _Tagged] = vars(backend).setdefault("lifecycle_config_tags", {})
    return kept


def with_lifecycle_configs(find: Any) -> Any:
    """moto's look-up of what can be tagged, with lifecycle configurations."""

    @functools.wraps(find)
    def find_any(self: Any, arn: str) -> Any:
        name = arn.split("/")[-1]
        if (
            ":notebook-instance-lifecycle-config/" in arn
            and name in self.notebook_instance_lifecycle_configurations
        ):
            return _tags_in(self).setdefault(arn, _Tagged([]))
        return find(self, arn)

    return find_any
