"""S3's presigned URLs of Signature Version 2, which boto3 still makes where it is not told otherwise.

The string to sign is botocore's, from the sender's side.
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
"""

from __future__ import annotations

import hmac
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import HmacV1QueryAuth
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from gluonship.local.door import sigv4
from gluonship.local.door.denials import Denied, Reason
from gluonship.local.door.keys import FindKey, Key
from gluonship.local.door.sigv4 import WireRequest

_STANDARD = ("content-md5", "content-type")


class _Signer(HmacV1QueryAuth):
    """botocore's, which puts the URL's end where a request has its date."""

    def __init__(self, key: Key, expires: str) -> None:
        super().__init__(Credentials(key.id, key.secret))
        self._end = expires

    def _get_date(self) -> str:
        return self._end


def is_signed(request: WireRequest) -> bool:
    return "AWSAccessKeyId=" in request.query and "Signature=" in request.query


def check(request: WireRequest, find_key: FindKey, now: float) -> Key:
    """The key that has signed the URL, which names the bucket in its path. Raises Denied."""
    fields = dict(parse_qsl(request.query, keep_blank_values=True))
    expires = fields.get("Expires", "")
    if not expires.isdecimal():
        raise Denied(Reason.UNREADABLE, "Expires must be seconds since the epoch")
    sigv4.check_all_signed(request, [name.lower() for name in fields])
    token = fields.get("x-amz-security-token")
    key = sigv4.live(find_key(fields.get("AWSAccessKeyId", "")), token, now)
    if now > int(expires):
        raise Denied(Reason.TOO_LATE)
    signer = _Signer(key, expires)
    split = urlsplit(f"http://host{request.path}?{request.query}")
    text = signer.canonical_string(request.method, split, cast(Any, _headers(request, fields)))
    if not hmac.compare_digest(signer.sign_string(text).encode(), fields.get("Signature", "").encode()):
        raise Denied(Reason.MISMATCH)
    return key


def _headers(request: WireRequest, fields: dict[str, str]) -> HTTPHeaders:
    """What of the request is signed: the URL says which headers its maker had in mind."""
    headers = HTTPHeaders()
    for name in _STANDARD:
        value = request.header(name) or fields.get(name)
        if value:
            headers[name] = value
    for name, value in fields.items():
        if name.lower().startswith("x-amz-"):
            headers[name] = value
    return headers
