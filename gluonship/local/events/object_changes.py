"""What happened to an object of S3: rules are told of it by an event, queues and topics by a record."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gluonship.local.contracts import Scope

CREATED: Mapping[str, str] = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}
"""What was done, by S3's name of what happened."""

CHANGED: Mapping[str, tuple[str, str]] = {
    "s3:ObjectTagging:Put": ("Object Tags Added", "tagging"),
    "s3:ObjectTagging:Delete": ("Object Tags Deleted", "tagging"),
    "s3:ObjectAcl:Put": ("Object ACL Updated", "acl"),
}
"""The detail-type of the event, by S3's name, and the subresource that such a request is about."""

REMOVED = "s3:ObjectRemoved:Delete"
MARKED = "s3:ObjectRemoved:DeleteMarkerCreated"
RESTORED = "s3:ObjectRestore:Completed"


@dataclass(frozen=True)
class StoredObject:
    """An object, a version of one, or a delete marker; what its notification does not tell is None."""

    bucket: str
    key: str
    size: int | None = None
    etag: str | None = None
    version_id: str | None = None  # of a versioned bucket's


@dataclass(frozen=True)
class Request:
    """The request to S3 that did it."""

    id: str
    host_id: str
    address: str
    account_id: str
    principal_id: str


@dataclass(frozen=True)
class Restoration:
    """A copy of an archived object, for some time."""

    until: datetime
    storage_class: str  # the archive's


@dataclass(frozen=True)
class ObjectChange:
    name: str  # S3's, as in a notification configuration: s3:ObjectCreated:Put
    scope: Scope  # the bucket's
    stored: StoredObject
    request: Request
    at: datetime
    sequencer: str
    restoration: Restoration | None = None


class Sequencers:
    """Of two changes of one key, the later has the greater: sixteen hexadecimal digits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> str:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            return f"{self._last:016X}"


def customer_id(account_id: str) -> str:
    """The retail customer ID that stands for the account which owns a bucket: one and the same for ever."""
    digits = int.from_bytes(hashlib.sha256(account_id.encode()).digest())
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "A" + "".join(letters[digits // 36**place % 36] for place in range(13))
