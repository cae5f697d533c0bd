"""Requests signed by botocore, for tests that send them by hand."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def signed(
    credentials: Credentials,
    service: str,
    url: str,
    method: str = "POST",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    region: str = "us-east-1",
) -> dict[str, str]:
    """`headers` and what signs the request by Signature Version 4, the Host included."""
    host = url.split("/")[2]
    request = AWSRequest(method, url, {**(headers or {}), "Host": host}, body)
    auth = S3SigV4Auth if service == "s3" else SigV4Auth
    auth(credentials, service, region).add_auth(request)
    return dict(request.headers.items())
