"""Objects of S3 that anybody may read: AWS answers for them without a signature.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html ("The meaning of
public")
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket, s3_backends

from gluonship.local.control import s3_places

_ACTION = "s3:GetObject"
_ANYBODY = ("*", {"AWS": "*"}, {"AWS": ["*"]})


def account_of(environ: Mapping[str, Any]) -> str | None:
    """The account of the public object that the request looks at; None where it does anything else."""
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or environ.get("QUERY_STRING"):
        return None
    bucket_name, key_name = s3_places.bucket_and_key(environ)
    account_id = s3_backends.bucket_accounts.get(bucket_name, ("", ""))[1]
    if not account_id or not key_name:
        return None
    bucket = s3_backends[account_id]["aws"].buckets.get(bucket_name)
    return account_id if bucket is not None and _is_public(bucket, key_name) else None


def _is_public(bucket: FakeBucket, key_name: str) -> bool:
    resource = f"arn:{bucket.partition}:s3:::{bucket.name}/{key_name}"
    if bucket.get_permission(_ACTION, resource) == PermissionResult.DENIED:
        return False
    block = bucket.public_access_block
    key = bucket.keys.get(key_name)
    ignores_acls = _owns_all(bucket) or (block is not None and block.ignore_public_acls)
    if key is not None and key.acl is not None and key.acl.public_read and not ignores_acls:
        return True
    if block is not None and block.restrict_public_buckets:
        return False
    return _is_granted_to_anybody(bucket, resource)


def _owns_all(bucket: FakeBucket) -> bool:
    """Whether the bucket's owner has turned access control lists off."""
    return "BucketOwnerEnforced" in json.dumps(bucket.ownership_rule or {})


def _is_granted_to_anybody(bucket: FakeBucket, resource: str) -> bool:
    if bucket.policy is None:
        return False
    given = json.loads(bucket.policy)["Statement"]
    public = [
        each
        for each in (given if isinstance(given, list) else [given])
        if each.get("Principal") in _ANYBODY and not each.get("Condition")
    ]
    if not public:
        return False
    permission = IAMPolicy(json.dumps({"Statement": public})).is_action_permitted(_ACTION, resource)
    return bool(permission == PermissionResult.PERMITTED)
