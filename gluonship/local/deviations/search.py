"""SageMaker's Search finds all of an account's resources. moto's finds what moto itself holds: it would say
that there are no endpoints, since those are executed here and moto never sees them; it calls resources that
it does not hold invalid; and it takes no notice of most of what a SearchExpression can say.

Here training jobs are found by who runs them (gluonship.local.sagemaker.search), before moto is asked. Of the
rest a search is refused in words where moto's answer would be wrong; List operations answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import SageMakerModelBackend

RECORDED = frozenset(
    {
        "Experiment",
        "ExperimentTrial",
        "ExperimentTrialComponent",
        "FeatureGroup",
        "Pipeline",
        "PipelineExecution",
    }
)
_OPERATORS = ("Equals", "NotEquals", "Contains")


def apply() -> None:
    search = SageMakerModelBackend.search

    def search_what_is_recorded(
        self: SageMakerModelBackend, resource: Any = None, search_expression: Any = None
    ) -> Any:
        if resource not in RECORDED:
            raise NotImplementedError(f"Resource {resource}: its List operation answers")
        expression = _whole(search_expression or {})
        if problem := _beyond_moto(expression):
            raise NotImplementedError(f"Resource {resource} with {problem}")
        return search(self, resource, expression)

    SageMakerModelBackend.search = search_what_is_recorded


def _whole(expression: Mapping[str, Any]) -> dict[str, Any]:
    """With AWS's default for a filter's Operator, which moto wants."""
    filters = [{"Operator": "Equals", **each} for each in expression.get("Filters", ())]
    for each in filters:
        if "Value" not in each and each["Operator"] in _OPERATORS:
            raise ValidationError(message=f"The filter of {each['Name']} needs a Value.")
    return {**expression, "Filters": filters}


def _beyond_moto(expression: Mapping[str, Any]) -> str:
    """What of a SearchExpression moto would leave out."""
    for member in ("NestedFilters", "SubExpressions"):
        if expression.get(member):
            return member
    if expression.get("Operator", "And") != "And":
        return f"Operator {expression['Operator']}"
    filters = expression["Filters"]
    tags = [each for each in filters if each["Name"].startswith("Tags.")]
    if len(filters) > 1 and tags:  # after the first filter of a tag it looks at no other
        return "more than one filter, one of them of Tags"
    for each in filters:
        if each["Operator"] not in (("Equals",) if each in tags else _OPERATORS):
            return f"Operator {each['Operator']} (filter {each['Name']})"
    return ""
