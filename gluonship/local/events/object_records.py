"""The notifications of S3, as queues, topics and functions get them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html, and for the
filters notification-how-to-filtering.html.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from gluonship.local.events.object_changes import CHANGED, RESTORED, ObjectChange, customer_id

_VERSION = "2.6"


def record_of(change: ObjectChange, configuration_id: str) -> dict[str, Any]:
    """`configuration_id` is the Id of the configuration that asks for it."""
    stored, request = change.stored, change.request
    members = {"size": stored.size, "eTag": stored.etag, "versionId": stored.version_id}
    stored_members = {name: value for name, value in members.items() if value is not None}
    if change.name not in CHANGED and change.restoration is None:
        stored_members["sequencer"] = change.sequencer  # of what puts and deletes objects
    record: dict[str, Any] = {
        "eventVersion": _VERSION,
        "eventSource": "aws:s3",
        "awsRegion": change.scope.region,
        "eventTime": _instant(change.at),
        "eventName": change.name.removeprefix("s3:"),
        "userIdentity": {"principalId": request.principal_id},
        "requestParameters": {"sourceIPAddress": request.address},
        "responseElements": {"x-amz-request-id": request.id, "x-amz-id-2": request.host_id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": stored.bucket,
                "ownerIdentity": {"principalId": customer_id(change.scope.account_id)},
                "arn": f"arn:aws:s3:::{stored.bucket}",
            },
            "object": {"key": quote_plus(stored.key, safe="/"), **stored_members},
        },
    }
    if change.name == RESTORED and change.restoration is not None:
        record["glacierEventData"] = {
            "restoreEventData": {
                "lifecycleRestorationExpiryTime": _instant(change.restoration.until),
                "lifecycleRestoreStorageClass": change.restoration.storage_class,
            }
        }
    return record


def test_message(bucket: str, request_id: str, host_id: str, now: datetime) -> dict[str, str]:
    """What a queue or a topic gets when a configuration names it."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": _instant(now),
        "Bucket": bucket,
        "RequestId": request_id,
        "HostId": host_id,
    }


def asks_for(events: Iterable[str], name: str) -> bool:
    """Whether a configuration's Events have what happened: by name, or by s3:ObjectCreated:* and the like."""
    return any(event in (name, f"{name.rpartition(':')[0]}:*") for event in events)


def passes(rules: Iterable[tuple[str, str]], key: str) -> bool:
    """Whether a key passes a filter's rules, (name, value): prefix and suffix, in capitals or not.

    AWS wants values URL-encoded where a key has spaces or special characters; the plain form is taken too.
    """
    for name, value in rules:
        forms = (value, unquote_plus(value))
        if not (key.startswith(forms) if name.lower() == "prefix" else key.endswith(forms)):
            return False
    return True


def _instant(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
