"""Uploads to S3 by an HTML form: a POST whose fields hold a signed policy, which the other fields must obey.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.auth import HmacV1Auth
from botocore.credentials import Credentials
from werkzeug.datastructures import MultiDict
from werkzeug.formparser import parse_form_data
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Field, File, MultipartDecoder, NeedData

from gluonship.local.control import s3_places
from gluonship.local.door import sigv4
from gluonship.local.door.denials import Denied, Reason
from gluonship.local.door.keys import FindKey, Key

LARGEST_HEAD = 2**18  # bytes before the file: policies are small
# Of a form's fields, those that no condition has to name.
_FREE = frozenset({"awsaccesskeyid", "policy", "signature", "x-amz-signature"})
_FREE_PREFIX = "x-ignore-"


def is_form(environ: Mapping[str, Any]) -> bool:
    content_type: str = environ.get("CONTENT_TYPE", "")
    return environ["REQUEST_METHOD"] == "POST" and content_type.startswith("multipart/form-data")


def check(
    environ: dict[str, Any], head: bytes, keep: Callable[[], None], find_key: FindKey, now: float
) -> Key:
    """The key that has signed the form's policy. `head` is the body's beginning, of LARGEST_HEAD bytes at
    most; `keep` makes all of it readable again, and is called once the signature is known to be right. Raises
    Denied."""
    if environ.get("QUERY_STRING"):
        raise Denied(Reason.FORBIDDEN, "a form has no query")
    bucket, below = s3_places.bucket_and_key(environ)
    if below:
        raise Denied(Reason.FORBIDDEN, "a form is sent to its bucket")
    key = _signer(_by_name(_fields_before_the_file(environ, head)), find_key, now)
    keep()
    _, form, files = parse_form_data(dict(environ))
    environ["wsgi.input"].seek(0)
    fields = _by_name(form)
    # The whole form is what is carried out: its policy must be the one whose signature is right.
    _signer(fields, find_key, now)
    _obey(_policy(fields["policy"]), {**fields, "bucket": bucket}, _size(files, fields), now)
    return key


def _fields_before_the_file(environ: Mapping[str, Any], head: bytes) -> MultiDict[str, str]:
    boundary = parse_options_header(environ.get("CONTENT_TYPE", ""))[1].get("boundary", "")
    fields: MultiDict[str, str] = MultiDict()
    try:
        decoder = MultipartDecoder(boundary.encode("latin-1"), LARGEST_HEAD)
        decoder.receive_data(head)
        name, value = None, b""
        while not isinstance(event := decoder.next_event(), (File, NeedData)):
            if isinstance(event, Field):
                name, value = event.name, b""
            elif isinstance(event, Data) and name is not None:
                value += event.data
                if not event.more_data:
                    fields.add(name, value.decode("utf-8", "replace"))
    except ValueError as error:
        raise Denied(Reason.UNREADABLE, f"the form: {error}") from error
    if not isinstance(event, File):
        raise Denied(
            Reason.UNREADABLE, f"a form's file comes after its fields, of {LARGEST_HEAD} bytes at most"
        )
    return fields


def _by_name(form: MultiDict[str, str]) -> dict[str, str]:
    """The fields by their names in lower case. Raises Denied for one that comes twice: either might count."""
    fields: dict[str, str] = {}
    for name, value in form.items(multi=True):
        if name.lower() in fields:
            raise Denied(Reason.FORBIDDEN, f"the field '{name}' comes twice")
        fields[name.lower()] = value
    return fields


def _size(files: MultiDict[str, Any], fields: Mapping[str, str]) -> int:
    """Of the one file. Raises Denied where there is none, or another one."""
    if list(files.keys()) != ["file"] or len(files.getlist("file")) != 1 or "file" in fields:
        raise Denied(Reason.FORBIDDEN, "POST requires exactly one file upload per request, called 'file'")
    end: int = files["file"].stream.seek(0, 2)
    return end


def _signer(fields: Mapping[str, str], find_key: FindKey, now: float) -> Key:
    if "policy" not in fields:
        raise Denied(Reason.UNSIGNED, "the form has no policy")
    token = fields.get("x-amz-security-token")
    if "x-amz-credential" in fields:
        key_id, date, region, service = sigv4.scope_parts(fields["x-amz-credential"])
        key = sigv4.live(find_key(key_id), token, now)
        right, given = sigv4.policy_signature(key, fields["policy"], date, region, service), "x-amz-signature"
    else:
        key = sigv4.live(find_key(fields.get("awsaccesskeyid", "")), token, now)
        right, given = HmacV1Auth(Credentials(key.id, key.secret)).sign_string(fields["policy"]), "signature"
    if not hmac.compare_digest(right.encode(), fields.get(given, "").encode()):
        raise Denied(Reason.MISMATCH)
    return key


def _policy(text: str) -> Mapping[str, Any]:
    try:
        policy = json.loads(base64.b64decode(text, validate=True))
        expiration = datetime.fromisoformat(policy["expiration"])
        return {"ends": expiration.astimezone(UTC).timestamp(), "conditions": list(policy["conditions"])}
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Denied(Reason.FORBIDDEN, f"Invalid Policy: {error}") from error


def _obey(policy: Mapping[str, Any], fields: Mapping[str, str], size: int, now: float) -> None:
    """Raises Denied unless the policy has not ended and each field is what one of its conditions says."""
    if now > policy["ends"]:
        raise Denied(Reason.FORBIDDEN, "Invalid according to Policy: Policy expired.")
    named = set()
    for condition in policy["conditions"]:
        for name, holds in _judged(condition, fields, size):
            named.add(name)
            if not holds:
                raise Denied(
                    Reason.FORBIDDEN, f"Invalid according to Policy: Policy Condition failed: {condition}"
                )
    for name in sorted(set(fields) - named - _FREE):
        if not name.startswith(_FREE_PREFIX):
            raise Denied(Reason.FORBIDDEN, f"Invalid according to Policy: Extra input fields: {name}")


def _judged(condition: Any, fields: Mapping[str, str], size: int) -> list[tuple[str, bool]]:
    """The fields that a condition is about, and whether each is as it says."""
    if isinstance(condition, dict):
        return [(name.lower(), fields.get(name.lower()) == value) for name, value in condition.items()]
    if isinstance(condition, list) and len(condition) == 3:
        kind, first, second = condition
        if kind == "content-length-range" and isinstance(first, int) and isinstance(second, int):
            return [("", first <= size <= second)]
        name = str(first).lower().removeprefix("$")
        if kind == "eq":
            return [(name, fields.get(name) == second)]
        if kind == "starts-with":
            return [(name, fields.get(name, "").startswith(str(second)))]
    raise Denied(Reason.FORBIDDEN, f"Invalid Policy: Invalid condition: {condition}")
