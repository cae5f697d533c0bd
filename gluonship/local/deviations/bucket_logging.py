"""S3 takes a bucket's logging configuration whether or not its target lets the logging service write yet: a
template makes the buckets first, and then the target's policy, which names them. moto wants the policy first.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
"""

from __future__ import annotations

from typing import Any

from moto.s3.models import FakeBucket


def apply() -> None:
    FakeBucket._log_permissions_enabled_policy = staticmethod(_granted)


def _granted(**_: Any) -> bool:
    return True
