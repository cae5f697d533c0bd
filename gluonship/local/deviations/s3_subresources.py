"""S3 tells operations on one path apart by a subresource in the query: DELETE /bucket?analytics removes an
analytics configuration. moto ignores a subresource that it does not know: it would delete the bucket, and
PUT /bucket/key?annotation would overwrite the object. WriteGetObjectResponse, known by its header, would post
an object to a bucket of that name.

Here such a request is refused, as every operation is that nobody answers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.s3.responses import S3Response

UNKNOWN_TO_MOTO = frozenset(
    {
        "abac",
        "analytics",
        "annotation",
        "intelligent-tiering",
        "metadataAnnotationTable",
        "metadataConfiguration",
        "metadataInventoryTable",
        "metadataJournalTable",
        "metadataTable",
        "metrics",
        "renameObject",
        "requestPayment",
        "session",
        "torrent",
    }
)


def apply() -> None:
    S3Response._bucket_response = _guarded(S3Response._bucket_response)
    S3Response._key_response = _guarded(S3Response._key_response)


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def refuse_unknown(self: S3Response, request: Any, full_url: str) -> Any:
        unknown = UNKNOWN_TO_MOTO & set(request.args)
        if unknown:
            raise NotImplementedError(f"subresource {', '.join(sorted(unknown))}")
        if "x-amz-request-route" in request.headers:
            raise NotImplementedError("object Lambda")
        return method(self, request, full_url)

    return refuse_unknown
