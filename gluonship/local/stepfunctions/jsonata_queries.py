"""JSONata in states: `{% ... %}`, evaluated where it can hold up nobody.

AWS: "Transforming data with JSONata in Step Functions".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gluonship.local import evaluation
from gluonship.local.stepfunctions import jsonata_expressions
from gluonship.local.stepfunctions.failures import QUERY, StatesError
from gluonship.local.stepfunctions.halting import Halt
from gluonship.local.stepfunctions.jsonata_expressions import has_expressions

_SECONDS = 5.0  # of the processor, for all the expressions of a field


def syntax_errors(expressions: Sequence[str]) -> Sequence[str]:
    """What is wrong with each expression, or nothing; where reading one takes too much, only that is said."""
    if not expressions:
        return []
    try:
        return evaluation.evaluate(
            jsonata_expressions.syntax_errors, expressions, seconds=_SECONDS, owner="definitions"
        )
    except evaluation.EvaluationFailed as error:
        wrong = int(error.mark or 0)
        return [str(error) if place == wrong else "" for place in range(len(expressions))]


def evaluate(
    template: Any, bindings: Mapping[str, Any], field: str, now: datetime, halt: Halt, execution: str
) -> Any:
    """A value with all its expressions replaced. `field` is its place in the state, for errors.

    Raises StatesError States.QueryEvaluationError, States.DataLimitExceeded; HaltedError.
    """
    if not has_expressions(template):
        return template
    try:
        answer = evaluation.evaluate(
            jsonata_expressions.evaluate,
            template,
            bindings,
            field,
            int(now.timestamp() * 1000),
            seconds=_SECONDS,
            owner=execution,
            cancel=halt.on_halt,
        )
    except evaluation.Cancelled:
        halt.check()
        raise
    except evaluation.EvaluationFailed as error:
        halt.check()
        name = error.mark or f"The JSONata of the field '{field}'"
        raise StatesError(QUERY, f"{name} threw an error during evaluation. {error}") from error
    if "value" in answer:
        return answer["value"]
    raise StatesError(answer["error"], answer["cause"])
