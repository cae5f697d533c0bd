"""Regular expressions that a template brings along."""

from __future__ import annotations

import functools

from gluonship.local import evaluation
from gluonship.local.cloudformation.template.errors import TemplateError
from gluonship.local.evaluation import regular_expressions

_LONGEST = 4096
_SECONDS = 1.0  # of the processor


@functools.lru_cache(maxsize=256)  # an update asks again what the create asked
def all_match(pattern: str, values: tuple[str, ...]) -> bool:
    """Whether each value, as a whole, fits the pattern.

    Raises TemplateError for a pattern that is none, or that cannot be decided with little time and memory.
    """
    shown = repr(pattern if len(pattern) < 100 else f"{pattern[:100]}...")
    if len(pattern) > _LONGEST:
        raise TemplateError(f"Template format error: AllowedPattern {shown} has over {_LONGEST} characters")
    try:
        answer = evaluation.evaluate(
            regular_expressions.all_match, pattern, values, seconds=_SECONDS, owner="templates"
        )
    except evaluation.EvaluationFailed as error:
        raise TemplateError(
            f"Template format error: AllowedPattern {shown} was not decided. {error}"
        ) from error
    if isinstance(answer, str):
        raise TemplateError(f"Template format error: AllowedPattern {shown}: {answer}")
    return answer
