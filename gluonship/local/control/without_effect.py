"""What is recorded here and looks alive: each such request leaves a line in cloud.log.

Its answer has no room for it; where a Describe operation has (FailureReason), it says so too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

_SCALES = "nothing scales by itself"
_EVALUATES = "a definition only; nothing evaluates it"
_JUPYTER = "no Jupyter runs behind it"
_NAMES = ("ResourceId", "NotebookInstanceName", "DomainName", "FeatureGroupName", "JobDefinitionName")

# By X-Amz-Target: all of these speak JSON.
_WHY: Mapping[str, str] = {
    "AnyScaleFrontendService.PutScalingPolicy": _SCALES,
    "AnyScaleFrontendService.PutScheduledAction": _SCALES,
    "AnyScaleFrontendService.RegisterScalableTarget": _SCALES,
    "SageMaker.CreateDataQualityJobDefinition": _EVALUATES,
    "SageMaker.CreateDomain": "no Studio runs behind it",
    "SageMaker.CreateFeatureGroup": "a definition only; no store takes its records",
    "SageMaker.CreateModelBiasJobDefinition": _EVALUATES,
    "SageMaker.CreateModelExplainabilityJobDefinition": _EVALUATES,
    "SageMaker.CreateModelQualityJobDefinition": _EVALUATES,
    "SageMaker.CreateNotebookInstance": _JUPYTER,
    "SageMaker.StartNotebookInstance": _JUPYTER,
}


def sentence(environ: Mapping[str, Any], body: Callable[[], bytes]) -> str:
    """What is to be said of a request once it is answered; empty for nearly all."""
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    why = _WHY.get(target)
    if why is None:
        return ""
    return f"{target.rpartition('.')[2]} {_named(body())} is recorded here, without effect: {why}"


def _named(body: bytes) -> str:
    try:
        members = json.loads(body)
    except ValueError:
        return ""
    known = members if isinstance(members, dict) else {}
    return str(next((known[name] for name in _NAMES if name in known), ""))
