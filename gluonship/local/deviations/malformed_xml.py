"""S3 reads every configuration and list that it is given as XML: MalformedXML for what is none. moto keeps
some as they come (a website, an object's ACL), and walks others to any depth.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from moto.s3.exceptions import MalformedXML
from moto.s3.responses import S3Response

_IN_XML = frozenset(
    {
        "accelerate",
        "acl",
        "cors",
        "delete",
        "encryption",
        "inventory",
        "legal-hold",
        "lifecycle",
        "logging",
        "notification",
        "object-lock",
        "ownershipControls",
        "publicAccessBlock",
        "replication",
        "restore",
        "retention",
        "select",
        "tagging",
        "versioning",
        "website",
    }
)
_DEEPEST = 100  # S3's own schemas go some ten elements deep


def apply() -> None:
    S3Response._bucket_response = _reading(S3Response._bucket_response)
    S3Response._key_response = _reading(S3Response._key_response)


def _reading(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def read_first(self: S3Response, request: Any, full_url: str) -> Any:
        completes_upload = request.method == "POST" and "uploadId" in request.args
        if request.method in ("PUT", "POST") and (completes_upload or _IN_XML & set(request.args)):
            check(self.body)
        return method(self, request, full_url)

    return read_first


def check(document: bytes | str) -> None:
    """Raises MalformedXML. An empty document may be right: an ACL can stand in a header."""
    if not document:
        return
    depth = 0

    def opened(*_: Any) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise MalformedXML

    def closed(*_: Any) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: Any) -> None:
        raise MalformedXML

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    parser.StartDoctypeDeclHandler = refuse  # entities, which S3 does not take
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        raise MalformedXML from None
