"""The tags of every resource of this room, by ARN: AddTags, ListTags, DeleteTags."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gluonship.local.contracts import AwsError, Handler, Scope
from gluonship.local.sagemaker.listing import slice_page

MAX_TAGS = 50  # "TagList", botocore's model of SageMaker
LIST_PAGE = 50  # the least MaxResults that ListTags takes, and its default

Fallback = Callable[[str], Handler]
"""An AWS operation's name to the handler for ARNs that are not ours."""


class Tags:
    """A resource is known here from `register` to `forget`; its owner calls both. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_arn: dict[str, dict[str, str]] = {}

    def register(self, arn: str, tags: Iterable[Mapping[str, str]] | None = None) -> None:
        """Makes a new resource known, with the tags of its Create request. Raises AwsError for bad tags."""
        chosen = _as_dict(tags or ())
        with self._lock:
            self._by_arn[arn] = chosen

    def forget(self, arn: str) -> None:
        """The resource is deleted: its tags go with it."""
        with self._lock:
            self._by_arn.pop(arn, None)

    def of(self, arn: str) -> list[dict[str, str]]:
        """The resource's tags as AWS lists them; none for an ARN that is not known."""
        with self._lock:
            return [{"Key": key, "Value": value} for key, value in self._by_arn.get(arn, {}).items()]

    def operations(self, fallback: Fallback | None = None) -> dict[str, Handler]:
        """The handlers. What `register` never saw goes to `fallback(operation)`, or is not found."""
        ours = {"AddTags": self._add, "ListTags": self._list, "DeleteTags": self._delete}

        def routed(operation: str) -> Handler:
            def handle(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
                with self._lock:
                    known = request["ResourceArn"] in self._by_arn
                if known:
                    return ours[operation](request)
                if fallback is None:
                    raise AwsError("ValidationException", "Requested resource not found.")
                return fallback(operation)(scope, request)

            return handle

        return {operation: routed(operation) for operation in ours}

    def _add(self, request: dict[str, Any]) -> dict[str, Any]:
        arn, added = request["ResourceArn"], _as_dict(request["Tags"])
        with self._lock:
            merged = {**self._by_arn.get(arn, {}), **added}
            if len(merged) > MAX_TAGS:
                raise AwsError(
                    "ResourceLimitExceeded",
                    f"A resource can have at most {MAX_TAGS} tags; {arn} would have {len(merged)}.",
                )
            self._by_arn[arn] = merged
        return {"Tags": self.of(arn)}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = self.of(request["ResourceArn"])
        shown, token = slice_page(tags, request, default_size=LIST_PAGE, max_size=2**31)
        return {"Tags": shown, **({"NextToken": token} if token else {})}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            tags = self._by_arn.get(request["ResourceArn"], {})
            for key in request["TagKeys"]:
                tags.pop(key, None)
        return {}


def _as_dict(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Keys to values. Raises AwsError for a key twice, a key of AWS's own, or too many."""
    chosen: dict[str, str] = {}
    for tag in tags:
        key = tag["Key"]
        if key in chosen:
            raise AwsError("ValidationException", f"Duplicate tag key: {key}. Tag keys must be unique.")
        if key.lower().startswith("aws:"):
            raise AwsError("ValidationException", f"Tag keys cannot start with aws: (it is AWS's own): {key}")
        chosen[key] = tag["Value"]
    if len(chosen) > MAX_TAGS:
        raise AwsError("ValidationException", f"{len(chosen)} tags; a resource can have at most {MAX_TAGS}.")
    return chosen
