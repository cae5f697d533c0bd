"""The events of S3: Object Created, Object Deleted and some others, as EventBridge has them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html. The key is the key itself: the
notifications to queues and topics encode it, these do not.
"""

from __future__ import annotations

import itertools
import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gluonship.local.contracts import Scope
from gluonship.local.events.envelopes import Envelope, envelope

CREATED: Mapping[str, str] = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}
"""What was done, by the name of the notification."""

CHANGED: Mapping[str, tuple[str, str]] = {
    "s3:ObjectTagging:Put": ("Object Tags Added", "tagging"),
    "s3:ObjectTagging:Delete": ("Object Tags Deleted", "tagging"),
    "s3:ObjectAcl:Put": ("Object ACL Updated", "acl"),
}
"""The detail-type, by the name of the notification, and the subresource that such a request is about."""

_LETTERS = string.ascii_uppercase + string.digits
_numbers = itertools.count()


@dataclass(frozen=True)
class StoredObject:
    """An object, or one version of it."""

    bucket: str
    key: str
    size: int | None  # a delete marker has none
    etag: str | None
    version_id: str | None  # of a versioned bucket's


def created(scope: Scope, stored: StoredObject, reason: str, sender: str, now: datetime) -> Envelope:
    """`reason` is a value of CREATED; `sender` the address that the request came from."""
    return _event(scope, "Object Created", stored, {"reason": reason}, sender, now)


def deleted(scope: Scope, stored: StoredObject, marked: bool, sender: str, now: datetime) -> Envelope:
    """`marked`: a delete marker was set on it, and every version is still there."""
    kind = "Delete Marker Created" if marked else "Permanently Deleted"
    detail = {"reason": "DeleteObject", "deletion-type": kind}
    return _event(scope, "Object Deleted", stored, detail, sender, now)


def changed(scope: Scope, stored: StoredObject, detail_type: str, sender: str, now: datetime) -> Envelope:
    """`detail_type` is one of CHANGED."""
    return _event(scope, detail_type, replace(stored, size=None), {}, sender, now)


def _event(
    scope: Scope, detail_type: str, stored: StoredObject, more: dict[str, str], sender: str, now: datetime
) -> Envelope:
    members = {"size": stored.size, "etag": stored.etag, "version-id": stored.version_id}
    known = {name: value for name, value in members.items() if value is not None}
    detail = {
        "version": "0",
        "bucket": {"name": stored.bucket},
        "object": {"key": stored.key, **known, "sequencer": _sequencer()},
        "request-id": "".join(secrets.choice(_LETTERS) for _ in range(16)),
        "requester": scope.account_id,
        "source-ip-address": sender,
        **more,
    }
    return envelope(scope, "aws.s3", detail_type, detail, now, [f"arn:aws:s3:::{stored.bucket}"])


def _sequencer() -> str:
    """Of two events of one key, the later has the greater: sixteen hexadecimal digits and more."""
    return f"{time.time_ns() // 1_000_000:014X}{next(_numbers) & 0xFFFFFFFF:08X}"
