"""A domain of SageMaker that is InService has a Studio and a file system. moto's has neither, and says
InService at once: the status stays, since tools wait for it, and its FailureReason says what is missing.
"""

from __future__ import annotations

import functools
from typing import Any

from moto.sagemaker.models import Domain

NO_STUDIO = (
    "The local cloud only records domains: no Studio and no file system stand behind this one. Start Jupyter "
    "on this machine, with the local cloud's environment."
)


def apply() -> None:
    Domain.describe = _saying_so(Domain.describe)


def _saying_so(describe: Any) -> Any:
    @functools.wraps(describe)
    def describe_all(self: Any) -> dict[str, Any]:
        return {**describe(self), "FailureReason": NO_STUDIO}

    return describe_all
