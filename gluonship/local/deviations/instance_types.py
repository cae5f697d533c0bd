"""SageMaker takes every instance type of its API's model. moto checks some requests against lists of its own
that are years old: ml.g5 and ml.g6 are refused.

Here the control plane has checked the request against botocore's model before moto sees it, so moto's own
lists are not asked.
"""

from __future__ import annotations

from typing import Any

from moto.sagemaker import models

_LISTS = (
    (models.FakeEndpointConfig, "validate_instance_type"),
    (models.FakeSagemakerNotebookInstance, "validate_instance_type"),
    (models.ModelPackage, "validate_supported_realtime_inference_instance_types"),
    (models.ModelPackage, "validate_supported_transform_instance_types"),
)


def apply() -> None:
    for owner, name in _LISTS:
        is_static = isinstance(vars(owner)[name], staticmethod)
        setattr(owner, name, staticmethod(_accept) if is_static else _accept)


def _accept(*_: Any) -> None:
    """Nothing is left to check."""
