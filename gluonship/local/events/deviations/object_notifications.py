"""A bucket whose notification configuration has EventBridgeConfiguration tells EventBridge of every object
that is created or deleted, also of delete markers and of single versions. moto sends an event with made-up
members (reason ObjectCreated, eTag, one sequencer for all) within the request, to the rules of all buses, and
none for delete markers and versions; a multipart upload counts twice, also for queues and topics.

Here the events are AWS's (gluonship.local.events.object_events) and go to the default bus of the bucket's
account and region. Moto holds the lock of S3 meanwhile, so all that happens here is to put them into a queue.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

import flask
from moto.s3 import models, notifications
from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend

from gluonship.local.contracts import Clock, Scope
from gluonship.local.events import object_events
from gluonship.local.events.buses import Buses
from gluonship.local.events.object_events import StoredObject

_DELETE_OBJECT = S3Backend.delete_object
_COMPLETE_UPLOAD = S3Backend.complete_multipart_upload
_SEND_EVENT = notifications.send_event

_thread = threading.local()


def apply(buses: Buses, clock: Clock) -> None:
    def send(account_id: str, bucket: FakeBucket, event_name: Any, key: Any) -> None:
        name = str(getattr(event_name, "value", event_name))
        scope, stored = Scope(account_id, bucket.region_name), _stored(bucket, key)
        event = None  # deletions are below; restores are nobody's concern here
        if name in object_events.CREATED:
            reason = object_events.CREATED[name]
            event = object_events.created(scope, stored, reason, _sender(), clock.now())
        elif name in object_events.CHANGED:
            detail_type, subresource = object_events.CHANGED[name]
            if _is_about(subresource):
                event = object_events.changed(scope, stored, detail_type, _sender(), clock.now())
        if event is not None:
            buses.put(scope, "default", event)

    @functools.wraps(_DELETE_OBJECT)
    def delete_object(
        self: S3Backend, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> Any:
        bucket = self.get_bucket(bucket_name)
        before = list(bucket.keys.getlist(key_name, [])) if _tells(bucket) else []
        answer = _DELETE_OBJECT(self, bucket_name, key_name, version_id, bypass)
        if before:
            after = list(bucket.keys.getlist(key_name, []))
            gone = [each for each in before if not any(each is other for other in after)]
            marked = bool(bucket.is_versioned and version_id is None)
            for each in after[-1:] if marked else gone:
                scope = Scope(self.account_id, bucket.region_name)
                stored = _stored(bucket, each)
                buses.put(
                    scope, "default", object_events.deleted(scope, stored, marked, _sender(), clock.now())
                )
        return answer

    notifications._send_event_bridge_message = send
    models.events_send_notification = _tell_nobody
    notifications.send_event = _send_unless_part_of_upload
    S3Backend.complete_multipart_upload = _complete_upload
    S3Backend.delete_object = delete_object


@functools.wraps(_COMPLETE_UPLOAD)
def _complete_upload(self: S3Backend, *args: Any, **members: Any) -> Any:
    _thread.completes_upload = True
    try:
        return _COMPLETE_UPLOAD(self, *args, **members)
    finally:
        _thread.completes_upload = False


def _send_unless_part_of_upload(account_id: str, event_name: Any, bucket: FakeBucket, key: Any) -> None:
    """moto completes an upload by way of PutObject, which is none of the user's."""
    put = notifications.S3NotificationEvent.OBJECT_CREATED_PUT_EVENT
    if not (getattr(_thread, "completes_upload", False) and event_name == put):
        _SEND_EVENT(account_id, event_name, bucket, key)


def _tells(bucket: FakeBucket) -> bool:
    configuration = bucket.notification_configuration
    return configuration is not None and configuration.event_bridge is not None


def _stored(bucket: FakeBucket, key: Any) -> StoredObject:
    is_marker = isinstance(key, FakeDeleteMarker)
    return StoredObject(
        bucket.name,
        key.name,
        None if is_marker else key.size,
        None if is_marker else key.etag.strip('"'),
        key.version_id if bucket.is_versioned else None,
    )


def _is_about(subresource: str) -> bool:
    """Whether the request is about an object's tags (acl): moto tells of them at every PutObject too."""
    return not flask.has_request_context() or subresource in flask.request.args


def _tell_nobody(*_: Any, **__: Any) -> None:
    """S3 has no event of a new bucket: that is CloudTrail's, and nobody has a trail here."""


def _sender() -> str:
    return (flask.request.remote_addr if flask.has_request_context() else None) or "127.0.0.1"
