"""SageMaker's Search finds all of an account's resources. moto's finds what moto itself holds: it would say
that there are no training jobs and no endpoints, since those are executed here and moto never sees them.

Here a search for them is refused in words; List and Describe operations answer for them.
"""

from __future__ import annotations

from typing import Any

from moto.sagemaker.models import SageMakerModelBackend

EXECUTED_HERE = frozenset({"Endpoint", "ModelPackage", "ModelPackageGroup", "ProcessingJob", "TrainingJob"})


def apply() -> None:
    search = SageMakerModelBackend.search

    def search_what_is_recorded(
        self: SageMakerModelBackend, resource: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        if resource in EXECUTED_HERE:
            raise NotImplementedError(f"Resource {resource}: List{resource}s answers")
        return search(self, resource, *args, **kwargs)

    SageMakerModelBackend.search = search_what_is_recorded
