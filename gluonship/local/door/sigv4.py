"""Signature Version 4, as the one who receives a request checks it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html and, for presigned URLs,
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import calendar
import functools
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote, unquote_to_bytes

from gluonship.local.door.denials import Denied, Reason
from gluonship.local.door.keys import Key

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW_SECONDS = 15 * 60
LONGEST_URL_SECONDS = 7 * 24 * 3600
_UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STAMP = re.compile(r"\d{8}T\d{6}Z")
_PARTS = ("Credential", "SignedHeaders", "Signature")
_PART = re.compile(rf"({'|'.join(_PARTS)})=([^,\s]+)")
_NUMBER = re.compile(r"[0-9]{1,10}")
# Bounded: a key's id is asked for, and shown, before anybody is known.
_SCOPE = re.compile(
    r"([A-Za-z0-9_]{1,128})/([0-9]{8})/([A-Za-z0-9-]{1,64})/([A-Za-z0-9._-]{1,64})/aws4_request"
)


@dataclass(frozen=True)
class WireRequest:
    """A request as it came: nothing decoded. Text is latin-1, one character a byte."""

    method: str
    path: str  # of the request line, percent-encoded as the sender wrote it
    query: str  # behind the first "?"
    header: Callable[[str], str | None]  # by its name in lower case; several of a name joined by ","
    header_names: Callable[[], Iterable[str]]  # in lower case


@dataclass(frozen=True)
class Signature:
    """What a request says of its signature."""

    key_id: str
    date: str  # YYYYMMDD
    region: str
    service: str
    headers: tuple[str, ...]
    value: str
    stamp: str  # YYYYMMDDTHHMMSSZ
    token: str | None
    valid_seconds: int | None  # of a presigned URL

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def read(request: WireRequest) -> Signature | None:
    """The request's signature; None where it has none of this version. Raises Denied for half of one."""
    authorization = request.header("authorization")
    if authorization is not None:
        if not authorization.startswith(ALGORITHM):
            return None
        found = _PART.findall(authorization)
        parts = dict(found)
        if len(parts) != len(found):
            raise Denied(Reason.UNREADABLE, "Authorization says something twice")
        stamp = request.header("x-amz-date") or _stamp_of(request.header("date"))
        token = request.header("x-amz-security-token")
        return _signature(parts, stamp, token, None)
    if "X-Amz-Algorithm" not in request.query and "X-Amz-Signature" not in request.query:
        return None
    fields = {unquote(name): unquote(value) for name, value in _fields(request.query)}
    parts = {name: fields.get(f"X-Amz-{name}", "") for name in _PARTS}
    lasting = fields.get("X-Amz-Expires", "")
    if fields.get("X-Amz-Algorithm") != ALGORITHM:
        raise Denied(Reason.UNREADABLE, f"X-Amz-Algorithm must be {ALGORITHM}")
    return _signature(
        parts, fields.get("X-Amz-Date", ""), fields.get("X-Amz-Security-Token"), number(lasting)
    )


def number(text: str) -> int:
    """Seconds, as a presigned URL tells them. Raises Denied."""
    if not _NUMBER.fullmatch(text):
        raise Denied(Reason.UNREADABLE, "the URL's end must be a number of seconds")
    return int(text)


def live(key: Key | None, token: str | None, now: float) -> Key:
    """The key that a request names, with its session's token. Raises Denied where this cloud has not issued
    it (None), for another token, and when it has expired at `now`."""
    if key is None or not hmac.compare_digest((key.token or "").encode(), (token or "").encode()):
        raise Denied(Reason.UNKNOWN_KEY)
    if key.expires is not None and now >= key.expires:
        raise Denied(Reason.EXPIRED)
    return key


def check(
    request: WireRequest, signature: Signature, key: Key, body_sha256: Callable[[], str], now: float
) -> None:
    """Raises Denied unless the request, with its body, is what the key's owner has signed, and in time."""
    _check_time(signature, now)
    if signature.service == "s3":
        check_all_signed(request, signature.headers)
    named = request.header("x-amz-content-sha256")
    if named is not None:
        payload = named
    elif signature.valid_seconds is not None and signature.service == "s3":
        payload = _UNSIGNED_PAYLOAD
    else:
        payload = body_sha256()
    signing_key = _signing_key(key.secret, signature.date, signature.region, signature.service)
    for path in _paths(request.path, signature.service):
        canonical = "\n".join(
            [
                request.method,
                path,
                _canonical_query(request.query),
                *_canonical_headers(request, signature),
                "",
                ";".join(signature.headers),
                payload,
            ]
        )
        digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
        text = "\n".join([ALGORITHM, signature.stamp, signature.scope, digest])
        if hmac.compare_digest(_hmac(signing_key, text).hex().encode(), signature.value.encode()):
            break
    else:
        raise Denied(Reason.MISMATCH)
    # Last: a body, which may be long, is read for nobody but the key's owner, where its digest is named.
    if _SHA256.fullmatch(payload) and not hmac.compare_digest(payload, body_sha256()):
        raise Denied(Reason.CONTENT)


def check_all_signed(request: WireRequest, signed: Collection[str]) -> None:
    """S3 wants all x-amz-* headers signed: who was given a URL to put an object must not make it a copy of
    another one. Raises Denied."""
    known = {_alike(name) for name in signed}
    unsigned = [
        name for name in request.header_names() if name.startswith("x-amz-") and _alike(name) not in known
    ]
    if unsigned:
        raise Denied(
            Reason.FORBIDDEN,
            f"There were headers present in the request which were not signed: {', '.join(sorted(unsigned))}",
        )


def _alike(name: str) -> str:
    """Some servers tell "_" and "-" in a header's name not apart."""
    return name.lower().replace("_", "-")


def policy_signature(key: Key, policy: str, date: str, region: str, service: str) -> str:
    """Of the policy document of a form, as it stands there in base64."""
    return _hmac(_signing_key(key.secret, date, region, service), policy).hex()


def scope_parts(credential: str) -> tuple[str, str, str, str]:
    """Key, date, region, service of a credential. Raises Denied."""
    scope = _SCOPE.fullmatch(credential)
    if scope is None:
        raise Denied(Reason.UNREADABLE, "the credential must be KEY/DATE/REGION/SERVICE/aws4_request")
    return scope[1], scope[2], scope[3], scope[4].lower()


def _signature(parts: dict[str, str], stamp: str, token: str | None, lasting: int | None) -> Signature:
    missing = [name for name in _PARTS if not parts.get(name)]
    if missing:
        raise Denied(Reason.UNREADABLE, f"it lacks {', '.join(missing)}")
    key_id, date, region, service = scope_parts(parts["Credential"])
    headers = tuple(name.lower() for name in parts["SignedHeaders"].split(";"))
    if "host" not in headers:
        raise Denied(Reason.UNREADABLE, "'host' must be signed")
    if not _STAMP.fullmatch(stamp) or not stamp.startswith(date):
        raise Denied(Reason.UNREADABLE, "X-Amz-Date must be YYYYMMDDTHHMMSSZ and of the credential's day")
    return Signature(key_id, date, region, service, headers, parts["Signature"], stamp, token, lasting)


def _stamp_of(date: str | None) -> str:
    try:
        return parsedate_to_datetime(date or "").strftime("%Y%m%dT%H%M%SZ")
    except (ValueError, TypeError):
        return ""


def _check_time(signature: Signature, now: float) -> None:
    try:
        signed_at = calendar.timegm(time.strptime(signature.stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise Denied(Reason.UNREADABLE, f"{signature.stamp} is no time") from None
    if signature.valid_seconds is None:
        if abs(now - signed_at) > SKEW_SECONDS:
            raise Denied(Reason.SKEWED)
        return
    if not 0 < signature.valid_seconds <= LONGEST_URL_SECONDS:
        raise Denied(Reason.UNREADABLE, f"X-Amz-Expires must be between 1 and {LONGEST_URL_SECONDS} seconds")
    if now > signed_at + signature.valid_seconds:
        raise Denied(Reason.TOO_LATE)
    if signed_at - now > SKEW_SECONDS:
        raise Denied(Reason.SKEWED)


def _paths(path: str, service: str) -> Iterator[str]:
    """The canonical path: as sent, and as AWS would encode it, for senders that write it otherwise. S3's is
    encoded once, that of other services twice."""
    plain = quote(unquote_to_bytes(path), safe="/~")
    for each in dict.fromkeys((path, plain)):
        yield each if service == "s3" else quote(_normalised(each), safe="/~")


def _normalised(path: str) -> str:
    """Without empty, "." and ".." segments (RFC 3986, 5.2.4)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept[-1:] = []
        elif segment not in ("", "."):
            kept.append(segment)
    ending = "/" if kept and path.endswith("/") else ""
    return f"/{'/'.join(kept)}{ending}"


def _fields(query: str) -> Iterator[tuple[str, str]]:
    for each in query.split("&"):
        if each:
            name, _, value = each.partition("=")
            yield name, value


def _canonical_query(query: str) -> str:
    encoded = sorted(
        (_encoded(name), _encoded(value)) for name, value in _fields(query) if name != "X-Amz-Signature"
    )
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text), safe="-_.~")


def _canonical_headers(request: WireRequest, signature: Signature) -> Iterator[str]:
    for name in signature.headers:
        value = request.header(name)
        if value is None:
            raise Denied(Reason.MISMATCH, f"the signed header '{name}' did not come")
        yield f"{name}:{' '.join(value.split())}"


@functools.lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for each in (date, region, service, "aws4_request"):
        key = _hmac(key, each)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode("utf-8"), "sha256")
