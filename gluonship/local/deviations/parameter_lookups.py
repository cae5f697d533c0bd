"""Asking for a parameter of SSM that is not there changes nothing. moto's store makes an empty entry of the
name that LabelParameterVersion or a refused PutParameter has asked for; from then on GetParameter and the
tagging API, which walks all parameters, fail on it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.ssm.models import SimpleSystemManagerBackend


def apply() -> None:
    for name in ("label_parameter_version", "put_parameter", "unlabel_parameter_version"):
        method = getattr(SimpleSystemManagerBackend, name)
        setattr(SimpleSystemManagerBackend, name, _leaving_nothing(method))


def _leaving_nothing(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def act(self: SimpleSystemManagerBackend, name: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, name, *args, **kwargs)
        finally:
            kept = self._parameters.normalize_name(name)
            if self._parameters.get(kept) == []:
                del self._parameters[kept]

    return act
