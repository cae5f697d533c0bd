"""S3: a bucket to work in, and files to and from it."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from botocore.exceptions import ClientError

from gluonship.aws import buckets
from gluonship.aws.errors import OperationFailed, error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gluonship.aws.account import Account

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class S3Uri:
    bucket: str
    key: str  # without a leading slash; may be empty

    @classmethod
    def parse(cls, text: str) -> S3Uri:
        """Raises ValueError for what is no s3://bucket/key."""
        parts = urlparse(text)
        if parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc) or parts.query or parts.fragment:
            raise ValueError(f"'{text}' is not an S3 URI; it should look like s3://bucket/prefix.")
        return cls(parts.netloc, parts.path.lstrip("/"))

    def joined(self, name: str) -> S3Uri:
        return S3Uri(self.bucket, f"{self.key.rstrip('/')}/{name}".lstrip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def ensure_bucket(account: Account, name: str | None = None) -> str:
    """The bucket `name`, made where it is not there; by default gluonship-REGION-ACCOUNT.

    Raises ValueError for a name that S3 does not take.
    """
    bucket = buckets.check(name) if name else f"gluonship-{account.region}-{account.account_id}"
    try:
        # The owner is checked where the name is one that anybody could have taken before.
        if name is None:
            account.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account.account_id)
        else:
            account.s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error_code(error) == "403":
            raise OperationFailed(
                f"The bucket '{bucket}' is not this account's to use. Give another one with --bucket."
            ) from error
        if error_code(error) not in ("404", "NoSuchBucket"):
            raise
        if account.region == "us-east-1":  # which S3 does not take as a LocationConstraint
            account.s3.create_bucket(Bucket=bucket)
        else:
            account.s3.create_bucket(
                Bucket=bucket,
                CreateBucketConfiguration={"LocationConstraint": account.region},  # type: ignore[typeddict-item]
            )
    return bucket


def upload_file(
    account: Account, path: Path, target: S3Uri, on_bytes: Callable[[int], None] | None = None
) -> None:
    """`on_bytes` gets the number of bytes sent since its last call."""
    account.s3.upload_file(str(path), target.bucket, target.key, Callback=on_bytes)


def upload_files(
    account: Account,
    paths: Iterable[Path],
    target: S3Uri,
    on_bytes: Callable[[int], None] | None = None,
) -> None:
    """Each of `paths` under the prefix `target`, by its own name."""
    for path in paths:
        upload_file(account, path, target.joined(path.name), on_bytes)


def download_file(
    account: Account,
    source: S3Uri,
    path: Path,
    on_bytes: Callable[[int], None] | None = None,
    *,
    overwrite: bool = True,
) -> None:
    """Whole or not at all: it appears at `path` when it is complete. `on_bytes` gets the number of bytes that
    have come since its last call. Raises FileExistsError where `path` is not to be overwritten."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        account.s3.download_file(source.bucket, source.key, str(partial), Callback=on_bytes)
        if overwrite:
            partial.replace(path)
        else:
            _put_in_place(partial, path)
    except ClientError as error:
        _say_if_missing(source, error)
        raise
    finally:
        partial.unlink(missing_ok=True)


def size(account: Account, source: S3Uri) -> int:
    """Of the object, in bytes. Raises OperationFailed where there is none."""
    try:
        return account.s3.head_object(Bucket=source.bucket, Key=source.key)["ContentLength"]
    except ClientError as error:
        _say_if_missing(source, error)
        raise


def _say_if_missing(source: S3Uri, error: ClientError) -> None:
    if error_code(error) in ("404", "NoSuchKey", "NoSuchBucket"):
        raise OperationFailed(
            f"There is nothing at {source}. `aws s3 ls s3://{source.bucket}/` lists what there is."
        ) from error


def _put_in_place(file: Path, path: Path) -> None:
    """A hard link, unlike a rename, looks whether something is there in the same step."""
    try:
        path.hardlink_to(file)
    except FileExistsError as error:
        raise FileExistsError(error.errno, error.strerror, str(path)) from error
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        file.rename(path)  # the file system has no links


def exists(account: Account, source: S3Uri) -> bool:
    try:
        account.s3.head_object(Bucket=source.bucket, Key=source.key)
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchKey", "NoSuchBucket"):
            return False
        raise
    return True


def any_object_under(account: Account, prefix: S3Uri) -> bool:
    try:
        found = account.s3.list_objects_v2(Bucket=prefix.bucket, Prefix=prefix.key, MaxKeys=1)
    except ClientError as error:
        if error_code(error) == "NoSuchBucket":
            return False
        raise
    return found.get("KeyCount", 0) > 0
