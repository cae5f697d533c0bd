"""SageMaker keeps Git repositories for notebooks (CreateCodeRepository and its kin). moto does not have them.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateCodeRepository.html
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse


@dataclass
class _CodeRepository:
    name: str
    arn: str
    git: dict[str, str]
    tags: list[dict[str, str]]
    created: datetime = field(default_factory=utcnow)
    modified: datetime = field(default_factory=utcnow)

    def description(self) -> dict[str, Any]:
        return {
            "CodeRepositoryName": self.name,
            "CodeRepositoryArn": self.arn,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "GitConfig": self.git,
        }


def apply() -> None:
    SageMakerResponse.create_code_repository = _create
    SageMakerResponse.describe_code_repository = _describe
    SageMakerResponse.update_code_repository = _update
    SageMakerResponse.delete_code_repository = _delete
    SageMakerResponse.list_code_repositories = _list
    SageMakerModelBackend._get_resource_from_arn = _repositories_too(
        SageMakerModelBackend._get_resource_from_arn
    )


def _of(backend: Any) -> dict[str, _CodeRepository]:
    """An account's repositories, in moto's own back end: a reset forgets them with all else."""
    kept: dict[str, _CodeRepository] = vars(backend).setdefault("code_repositories", {})
    return kept


def _find(self: Any) -> _CodeRepository:
    name = self._get_param("CodeRepositoryName")
    found = _of(self.sagemaker_backend).get(name)
    if found is None:
        raise ValidationError(f"Cannot find CodeRepository: {_arn(self.sagemaker_backend, name)}")
    return found


def _arn(backend: Any, name: str) -> str:
    return f"arn:aws:sagemaker:{backend.region_name}:{backend.account_id}:code-repository/{name}"


def _create(self: Any) -> Any:
    backend, name = self.sagemaker_backend, self._get_param("CodeRepositoryName")
    if name in _of(backend):
        raise ValidationError(f"Cannot create already existing CodeRepository: {_arn(backend, name)}")
    git = {"Branch": "main", **self._get_param("GitConfig")}
    made = _CodeRepository(name, _arn(backend, name), git, self._get_param("Tags") or [])
    _of(backend)[name] = made
    return ActionResult({"CodeRepositoryArn": made.arn})


def _describe(self: Any) -> Any:
    return ActionResult(_find(self).description())


def _update(self: Any) -> Any:
    found = _find(self)
    # The secret alone can change: the URL and the branch are the repository's for good.
    found.git = {**found.git, **(self._get_param("GitConfig") or {})}
    found.modified = utcnow()
    return ActionResult({"CodeRepositoryArn": found.arn})


def _delete(self: Any) -> Any:
    _of(self.sagemaker_backend).pop(_find(self).name)
    return EmptyResult()


def _list(self: Any) -> Any:
    wanted = self._get_param("NameContains") or ""
    found = [each.description() for each in _of(self.sagemaker_backend).values() if wanted in each.name]
    return ActionResult({"CodeRepositorySummaryList": found})


def _repositories_too(find: Any) -> Any:
    @functools.wraps(find)
    def find_any(self: Any, arn: str) -> Any:
        found = _of(self).get(arn.split("/")[-1]) if ":code-repository/" in arn else None
        return found if found is not None else find(self, arn)

    return find_any
