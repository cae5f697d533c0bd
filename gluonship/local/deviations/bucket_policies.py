"""S3 refuses a bucket policy that is none: MalformedPolicy. moto keeps any text, and fails at every request
for the bucket's objects from then on.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.s3.exceptions import S3ClientError
from moto.s3.models import S3Backend

_put = S3Backend.put_bucket_policy
_ELEMENTS = ("Action", "Resource")


def apply() -> None:
    S3Backend.put_bucket_policy = _checked


def _checked(self: S3Backend, bucket_name: str, policy: bytes) -> None:
    complaint = objection(policy)
    if complaint:
        raise S3ClientError("MalformedPolicy", complaint)
    _put(self, bucket_name, policy)


def objection(policy: bytes | str) -> str | None:
    """What S3 says of a document that is no bucket policy; None for one."""
    try:
        document = json.loads(policy)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return "Policies must be valid JSON and the first byte must be '{'"
    given = document.get("Statement")
    statements = given if isinstance(given, list) else [given]
    if not statements or not all(isinstance(each, dict) for each in statements):
        return "Missing required field Statement"
    return next(filter(None, map(_in_statement, statements)), None)


def _in_statement(statement: dict[str, Any]) -> str | None:
    if statement.get("Effect") not in ("Allow", "Deny"):
        return "Invalid effect in policy: it must be Allow or Deny"
    if not isinstance(statement.get("Principal", statement.get("NotPrincipal")), (str, dict)):
        return "Missing required field Principal"
    for element in _ELEMENTS:
        value = statement.get(element, statement.get(f"Not{element}"))
        if value is None:
            return f"Missing required field {element}"
        texts = value if isinstance(value, list) else [value]
        if not texts or not all(isinstance(each, str) for each in texts):
            return f"Policy has invalid {element.lower()}"
    if not isinstance(statement.get("Condition", {}), dict):
        return "Invalid Condition in policy"
    return None
