"""Uploads to S3 by an HTML form: a POST whose fields hold a signed policy, which the other fields must obey.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.auth import HmacV1Auth
from botocore.credentials import Credentials
from werkzeug.formparser import parse_form_data

from gluonship.local.control import s3_places
from gluonship.local.door import sigv4
from gluonship.local.door.denials import Denied, Reason
from gluonship.local.door.keys import FindKey, Key

# Of a form's fields, those that no condition has to name.
_FREE = frozenset({"awsaccesskeyid", "file", "policy", "signature", "x-amz-signature"})
_FREE_PREFIX = "x-ignore-"


def is_form(environ: Mapping[str, Any]) -> bool:
    content_type: str = environ.get("CONTENT_TYPE", "")
    return environ["REQUEST_METHOD"] == "POST" and content_type.startswith("multipart/form-data")


def check(environ: dict[str, Any], find_key: FindKey, now: float) -> Key:
    """The key that has signed the form's policy. The body must be there to read again. Raises Denied."""
    _, form, files = parse_form_data(dict(environ))
    size = _size(files.get("file"))
    environ["wsgi.input"].seek(0)
    fields = {name.lower(): value for name, value in form.items()}
    if "policy" not in fields:
        raise Denied(Reason.UNSIGNED, "the form has no policy")
    key = _signer(fields, find_key, now)
    bucket, below = s3_places.bucket_and_key(environ)
    if below:
        raise Denied(Reason.FORBIDDEN, "a form is sent to its bucket")
    _obey(_policy(fields["policy"]), {**fields, "bucket": bucket}, size, now)
    return key


def _size(file: Any) -> int:
    if file is None:
        return 0
    end: int = file.stream.seek(0, 2)
    return end


def _signer(fields: Mapping[str, str], find_key: FindKey, now: float) -> Key:
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
    for name in sorted(set(fields) - named - _FREE - {"bucket"}):
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
