"""Which bucket and key a request to S3 means: as moto reads it, so that the door and S3 never differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from moto.s3.responses import S3Response
from moto.s3.utils import bucket_name_from_url
from werkzeug import Request


def whole_path(environ: Mapping[str, Any]) -> str:
    """/BUCKET/KEY, encoded as it was sent, also where the host names the bucket."""
    path: str = environ["RAW_URI"].partition("?")[0]
    if S3Response.subdomain_based_buckets(Request(dict(environ))):
        return f"/{bucket_and_key(environ)[0]}{path}"
    return path


def bucket_and_key(environ: Mapping[str, Any]) -> tuple[str, str]:
    """Of http://HOST/BUCKET/KEY, or http://BUCKET.s3.localhost/KEY; "" for what is not named."""
    path = unquote(environ["RAW_URI"].partition("?")[0]).removeprefix("/")
    if S3Response.subdomain_based_buckets(Request(dict(environ))):
        return bucket_name_from_url(f"http://{environ['HTTP_HOST']}/") or "", path
    bucket_name, _, key_name = path.partition("/")
    return bucket_name, key_name
