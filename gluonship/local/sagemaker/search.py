"""Search: of the training jobs that run here. What is only recorded is searched by who records it."""

from __future__ import annotations

from typing import Any

from botocore.model import StructureShape

from gluonship.local.contracts import Declined, Handler, Scope
from gluonship.local.sagemaker.listing import slice_page
from gluonship.local.sagemaker.search_expressions import condition, ordered, visible
from gluonship.local.sagemaker.tags import Tags
from gluonship.local.sagemaker.training_jobs import TrainingJobs


class Search:
    """`shape`: botocore's of the TrainingJob that Search answers, which says what can be asked for."""

    def __init__(self, training_jobs: TrainingJobs, tags: Tags, shape: StructureShape) -> None:
        self._training_jobs = training_jobs
        self._tags = tags
        self._shape = shape

    def operations(self) -> dict[str, Handler]:
        return {"Search": self.search}

    def search(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Raises Declined for other resources, and AwsError."""
        if request["Resource"] != "TrainingJob":
            raise Declined
        expression = request.get("SearchExpression")
        conditions = [visible(request.get("VisibilityConditions", ()), self._shape)]
        conditions += [] if expression is None else [condition(expression, self._shape)]
        if request.get("CrossAccountFilterOption") == "CrossAccount":
            conditions.append(lambda document: False)  # nobody shares jobs with another account
        found = ordered(
            [each for each in self._documents(scope) if all(check(each) for check in conditions)],
            request.get("SortBy", "LastModifiedTime"),
            self._shape,
            descending=request.get("SortOrder", "Descending") == "Descending",
        )
        shown, token = slice_page(found, request)
        return {
            "Results": [{"TrainingJob": each} for each in shown],
            "TotalHits": {"Value": len(found), "Relation": "EqualTo"},
            **({"NextToken": token} if token else {}),
        }

    def _documents(self, scope: Scope) -> list[dict[str, Any]]:
        """As Describe shows them, in so far as Search shows it too, with their tags."""
        documents = []
        for described in self._training_jobs.descriptions(scope):
            known = {name: value for name, value in described.items() if name in self._shape.members}
            tags = self._tags.of(described["TrainingJobArn"])
            documents.append({**known, **({"Tags": tags} if tags else {})})
        return documents
