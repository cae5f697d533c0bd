"""A bucket policy often denies requests without TLS (Condition Bool aws:SecureTransport false; CDK writes it
with enforce_ssl) or with an old one (NumericLessThan s3:TlsVersion; minimum_tls_version). AWS's clients send
TLS 1.2 or newer, so AWS lets them through. moto ignores conditions and denies all.

Here every request counts as sent over the newest TLS: it never leaves the machine. Other conditions stay as
moto has them.
"""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket


def apply() -> None:
    FakeBucket.get_permission = _permission


def _permission(self: FakeBucket, action: str, resource: str) -> Any:
    if self.policy is None:
        return PermissionResult.NEUTRAL
    document = json.loads(self.policy)
    given = document["Statement"]
    statements = [each for each in (given if isinstance(given, list) else [given]) if not _without_tls(each)]
    if not statements:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps({**document, "Statement": statements})).is_action_permitted(action, resource)


def _without_tls(statement: dict[str, Any]) -> bool:
    """Whether the statement is about requests without TLS, or with less than some version of it, only."""
    conditions = statement.get("Condition", {})
    asked = conditions.get("Bool", {}).get("aws:SecureTransport")
    secure = str(asked[0] if isinstance(asked, list) and asked else asked).lower()
    return secure == "false" or "s3:TlsVersion" in conditions.get("NumericLessThan", {})
