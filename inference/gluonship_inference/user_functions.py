"""A user's script in either of the two forms that AWS's toolkits have known.

Up to sagemaker-inference 1.5 a script has `model_fn(model_dir)`, `transform_fn(model, data, content_type,
accept)` and so on; since 1.6 each may take one more argument, `context`. The handlers of AWS's MXNet
container call the first form only, so functions of the second form are wrapped.
"""

from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any, Callable

# How many arguments the first form has.
_ARGUMENTS = {"model_fn": 1, "input_fn": 2, "predict_fn": 2, "output_fn": 2, "transform_fn": 4}


def adapt(script: ModuleType, context: Callable[[], Any]) -> None:
    """Wraps those functions of `script` that want the context; `context` gives the one of the moment."""
    for name, count in _ARGUMENTS.items():
        function = getattr(script, name, None)
        if callable(function) and wants_context(function, count):
            setattr(script, name, _with_context(function, context))


def wants_context(function: Callable[..., Any], count: int) -> bool:
    """Whether `function` has one argument more than `count` and that one is the context.

    A last argument with a default is the context only by its name; the old `input_fn(data, content_type,
    model)` of Module-style models is AWS's own case.
    """
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [item for item in inspect.signature(function).parameters.values() if item.kind in kinds]
    if len(parameters) != count + 1 or parameters[-1].name == "model":
        return False
    return parameters[-1].name == "context" or parameters[-1].default is inspect.Parameter.empty


def _with_context(function: Callable[..., Any], context: Callable[[], Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called_as_before(*arguments: Any) -> Any:
        return function(*arguments, context())

    return called_as_before
