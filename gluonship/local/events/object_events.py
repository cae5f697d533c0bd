"""The events of S3, as EventBridge has them: Object Created, Object Deleted and some others.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html. The key is the key itself: the
records of queues and topics encode it, these do not.
"""

from __future__ import annotations

from gluonship.local.events.envelopes import Envelope, envelope
from gluonship.local.events.object_changes import CHANGED, CREATED, MARKED, REMOVED, ObjectChange

_VERSION = "1.1"  # of the members of the detail


def event_of(change: ObjectChange) -> Envelope | None:
    """None for what S3 tells queues and topics alone here."""
    stored, request = change.stored, change.request
    if change.name in CREATED:
        detail_type, more = "Object Created", {"reason": CREATED[change.name]}
    elif change.name in (REMOVED, MARKED):
        kind = "Delete Marker Created" if change.name == MARKED else "Permanently Deleted"
        detail_type, more = "Object Deleted", {"reason": "DeleteObject", "deletion-type": kind}
    elif change.name in CHANGED:
        detail_type, more = CHANGED[change.name][0], {}
    else:
        return None
    members = {"size": stored.size, "etag": stored.etag, "version-id": stored.version_id}
    known = {name: value for name, value in members.items() if value is not None}
    detail = {
        "version": "0",
        "event-version": _VERSION,
        "bucket": {"name": stored.bucket},
        "object": {"key": stored.key, **known, "sequencer": change.sequencer},
        "request-id": request.id,
        "requester": request.account_id,
        "source-ip-address": request.address,
        **more,
    }
    resources = [f"arn:aws:s3:::{stored.bucket}"]
    return envelope(change.scope, "aws.s3", detail_type, detail, change.at, resources)
