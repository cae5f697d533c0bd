"""A look at something that may not be there: SageMaker says so only in the words of a general error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluonship_infra.pipeline.asl import (
    FAILED,
    NOT_FOUND,
    THROTTLED,
    States,
    choice,
    task,
    wait,
)


def look(
    name: str,
    operation: str,
    arguments: Mapping[str, Any],
    *,
    assign: Mapping[str, Any],
    found: str,
    missing: str,
) -> States:
    """The states NAME, NAMEFailed and NAMEAgain: describe, then `found` or `missing`."""
    return {
        name: task(
            f"aws-sdk:sagemaker:{operation}",
            arguments,
            assign=assign,
            then=found,
            retries=False,  # what is not there would be looked for again and again
            on_error=f"{name}Failed",
        ),
        f"{name}Failed": choice(
            (f"$contains($failure.Cause, '{NOT_FOUND}')", missing),
            (f"$contains($failure.Cause, {THROTTLED})", f"{name}Again"),
            default=FAILED,
        ),
        f"{name}Again": wait(10, then=name),
    }
