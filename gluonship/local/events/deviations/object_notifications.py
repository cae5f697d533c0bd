"""S3 tells of every object that is created or deleted, also of delete markers and of single versions; of tags
and ACLs where a request is about them. moto tells of no delete marker, of a version only where it was the
last one, of a multipart upload twice, and of an object's tags whenever it is put.

Here every change is told once (gluonship.local.events.object_changes). Moto holds the lock of S3 meanwhile,
so all that happens here is to see what changed.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from datetime import UTC
from typing import Any

import flask
from moto.s3 import models, notifications
from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend

from gluonship.local.contracts import Clock, Scope
from gluonship.local.events.deviations import s3_requests
from gluonship.local.events.object_changes import (
    CHANGED,
    CREATED,
    MARKED,
    REMOVED,
    RESTORED,
    ObjectChange,
    Restoration,
    Sequencers,
    StoredObject,
)

_DELETE_OBJECT = S3Backend.delete_object
_COMPLETE_UPLOAD = S3Backend.complete_multipart_upload
_EMPTY = "d41d8cd98f00b204e9800998ecf8427e"  # the ETag of nothing, which a delete marker has

_RESTORE = RESTORED.rpartition(":")[0]

_thread = threading.local()


def apply(tell: Callable[[FakeBucket, ObjectChange], None], clock: Clock) -> None:
    sequencers = Sequencers()

    def happened(bucket: FakeBucket, name: str, key: Any) -> None:
        tell(
            bucket,
            ObjectChange(
                name,
                Scope(bucket.account_id, bucket.region_name),
                _stored(bucket, name, key),
                s3_requests.current(),
                clock.now(),
                sequencers.next(),
                _restoration(name, key),
            ),
        )

    def send_event(account_id: str, event_name: Any, bucket: FakeBucket, key: Any) -> None:
        name = str(getattr(event_name, "value", event_name))
        if bucket.notification_configuration is not None and _is_the_users(name):
            happened(bucket, name, key)

    @functools.wraps(_DELETE_OBJECT)
    def delete_object(
        self: S3Backend, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> Any:
        bucket = self.get_bucket(bucket_name)
        told = bucket.notification_configuration is not None
        before = list(bucket.keys.getlist(key_name, [])) if told else []
        answer = _DELETE_OBJECT(self, bucket_name, key_name, version_id, bypass)
        if before:
            after = list(bucket.keys.getlist(key_name, []))
            if bucket.is_versioned and version_id is None:
                happened(bucket, MARKED, after[-1])
            else:
                for each in before:
                    if not any(each is other for other in after):
                        happened(bucket, REMOVED, each)
        return answer

    notifications.send_event = send_event
    models.events_send_notification = _tell_nobody
    S3Backend.complete_multipart_upload = _complete_upload
    S3Backend.delete_object = delete_object


@functools.wraps(_COMPLETE_UPLOAD)
def _complete_upload(self: S3Backend, *args: Any, **members: Any) -> Any:
    _thread.completes_upload = True
    try:
        return _COMPLETE_UPLOAD(self, *args, **members)
    finally:
        _thread.completes_upload = False


def _is_the_users(name: str) -> bool:
    """Whether moto tells of what the user did, and not of a step on its own way there."""
    if name == REMOVED:
        return False  # delete_object sees more
    if name in CHANGED:
        return not flask.has_request_context() or CHANGED[name][1] in flask.request.args
    # moto completes an upload by way of PutObject
    return not (getattr(_thread, "completes_upload", False) and name == "s3:ObjectCreated:Put")


def _stored(bucket: FakeBucket, name: str, key: Any) -> StoredObject:
    """With what S3 tells in such a case: nothing of the content of what is gone for good."""
    version_id = key.version_id if bucket.is_versioned else None
    if name == REMOVED:
        return StoredObject(bucket.name, key.name, version_id=version_id)
    if isinstance(key, FakeDeleteMarker):
        return StoredObject(bucket.name, key.name, etag=_EMPTY, version_id=version_id)
    size = key.size if name in CREATED or name.startswith(_RESTORE) else None
    return StoredObject(bucket.name, key.name, size, key.etag.strip('"'), version_id)


def _restoration(name: str, key: Any) -> Restoration | None:
    if not name.startswith(_RESTORE):
        return None
    return Restoration(key._expiry.replace(tzinfo=UTC), key.storage_class)


def _tell_nobody(*_: Any, **__: Any) -> None:
    """S3 has no event of a new bucket: that is CloudTrail's, and nobody has a trail here."""
