"""Events as EventBridge carries them: one JSON object with the same members, whatever it tells of.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gluonship.local.contracts import Scope

Envelope = Mapping[str, Any]
"""version, id, detail-type, source, account, time (ISO 8601, whole seconds, Z), region, resources, detail."""


def envelope(
    scope: Scope,
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    time: datetime,
    resources: Sequence[str] = (),
) -> Envelope:
    """A new event of an account in a region, with an id of its own."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": scope.account_id,
        "time": instant(time),
        "region": scope.region,
        "resources": list(resources),
        "detail": dict(detail),
    }


def instant(time: datetime) -> str:
    """A time as events have it: 2026-11-22T15:25:09Z."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(time: datetime) -> int:
    """Since 1970, as the details of many services' events have times."""
    return round(time.timestamp() * 1000)
