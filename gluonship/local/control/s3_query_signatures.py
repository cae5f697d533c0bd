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
_OWN = frozenset({"AWSAccessKeyId", "Expires", "Signature"})
# What this version does not sign, and may be added to a URL: which part of a listing is wanted. Nothing
# else may: it would make the request another operation.
_OF_LISTS = frozenset(
    {
        "continuation-token", "delimiter", "encoding-type", "fetch-owner", "key-marker", "list-type",
        "marker", "max-keys", "max-parts", "max-uploads", "part-number-marker", "prefix", "start-after",
        "upload-id-marker", "version-id-marker",
    }
)  # fmt: skip
_UNSIGNED = _OWN | _OF_LISTS | frozenset(HmacV1QueryAuth.QSAOfInterest) | frozenset(_STANDARD)


class _Signer(HmacV1QueryAuth):
    """botocore's, which puts the URL's end where a request has its date."""

    def __init__(self, key: Key, expires: str) -> None:
        super().__init__(Credentials(key.id, key.secret))
        self._end = expires

    def _get_date(self) -> str:
        return self._end


def is_signed(request: WireRequest) -> bool:
    return "AWSAccessKeyId=" in request.query and "Signature=" in request.query


def check(request: WireRequest, path: str, find_key: FindKey, now: float) -> Key:
    """The key that has signed the URL. `path` is /BUCKET/KEY, as it was sent, also where the host names the
    bucket: this version does not sign the host. Raises Denied."""
    fields = dict(parse_qsl(request.query, keep_blank_values=True))
    _check_fields(request, fields)
    expires = sigv4.number(fields.get("Expires", ""))
    token = fields.get("x-amz-security-token")
    key = sigv4.live(find_key(fields.get("AWSAccessKeyId", "")), token, now)
    if now > expires:
        raise Denied(Reason.TOO_LATE)
    signer = _Signer(key, fields["Expires"])
    split = urlsplit(f"http://host{request.path}?{request.query}")
    headers = cast(Any, _headers(request, fields))
    text = signer.canonical_string(request.method, split, headers, auth_path=path)
    if not hmac.compare_digest(signer.sign_string(text).encode(), fields.get("Signature", "").encode()):
        raise Denied(Reason.MISMATCH)
    return key


def _check_fields(request: WireRequest, fields: dict[str, str]) -> None:
    """Raises Denied for what the request says beside what is signed."""
    sigv4.check_all_signed(request, list(fields))
    for name, value in fields.items():
        amazons = name.lower().startswith("x-amz-")
        if not amazons and name not in _UNSIGNED:
            raise Denied(Reason.MISMATCH, f"the parameter '{name}' is not signed")
        if amazons and request.header(name.lower()) not in (None, value):
            raise Denied(Reason.MISMATCH, f"the header '{name}' is not what the URL says")


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
