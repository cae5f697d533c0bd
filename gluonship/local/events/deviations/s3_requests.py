"""S3 gives each request an ID and the host that processed it, in the headers x-amz-request-id and x-amz-id-2;
its events name the same, and who sent the request. moto answers with another header, which clients do not
read where a response has no body, and its notifications say nothing of either.
"""

from __future__ import annotations

import base64
import re
import secrets
import string
from dataclasses import dataclass
from typing import Any

import flask
from moto.iam.models import get_account_id_from
from moto.s3.responses import S3Response
from moto.sts.models import sts_backends

from gluonship.local.events.object_changes import Request

_ENRICH = S3Response._enrich_response
_ATTRIBUTE = "s3_request_ids"
_KEY = re.compile(r"Credential=([^/,\s]+)/|^AWS ([^:]+):")


@dataclass(frozen=True)
class _Ids:
    request: str
    host: str


def apply() -> None:
    S3Response._enrich_response = staticmethod(_enrich)


def current() -> Request:
    """The request that this thread works on; of S3's own where there is none."""
    ids = _ids()
    if not flask.has_request_context():
        return Request(ids.request, ids.host, "s3.amazonaws.com", "s3.amazonaws.com", "s3.amazonaws.com")
    address = flask.request.remote_addr or "127.0.0.1"
    key = _access_key(flask.request)
    if not key:
        return Request(ids.request, ids.host, address, "Anonymous", "Anonymous")
    sts = sts_backends[get_account_id_from(key)]["aws"]
    user_id, _, account_id = sts.get_caller_identity(key, "us-east-1")
    return Request(ids.request, ids.host, address, account_id, f"AWS:{user_id}")


def _access_key(request: flask.Request) -> str:
    """Of a header, of a presigned URL, or of the form of a POST."""
    found = _KEY.search(request.headers.get("Authorization", ""))
    if found:
        return found[1] or found[2]
    for given in (request.args, request.form):
        for name, value in given.items():
            if name.lower() == "x-amz-credential":
                return value.partition("/")[0]
            if name == "AWSAccessKeyId":
                return value
    return ""


def _ids() -> _Ids:
    letters = string.ascii_uppercase + string.digits
    made = _Ids(
        "".join(secrets.choice(letters) for _ in range(16)),
        base64.b64encode(secrets.token_bytes(56)).decode(),
    )
    if not flask.has_request_context():
        return made
    known = flask.g.setdefault(_ATTRIBUTE, made)
    assert isinstance(known, _Ids)
    return known


def _enrich(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
    headers, body = _ENRICH(headers, body)
    ids, theirs = _ids(), headers.pop("x-amzn-requestid", "")
    headers.update({"x-amz-request-id": ids.request, "x-amz-id-2": ids.host})
    if isinstance(body, str) and theirs:
        body = body.replace(f"<RequestId>{theirs}</RequestId>", f"<RequestId>{ids.request}</RequestId>")
    return headers, body
