"""S3 locations, and SageMaker's rule for the names of files under a prefix: pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from gluonship.local.contracts import StorageError


@dataclass(frozen=True)
class S3Uri:
    bucket: str
    key: str  # or a prefix; without a leading slash

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def under(self, name: str) -> S3Uri:
        """`name` in this folder."""
        folder = self.key.rstrip("/")
        return S3Uri(self.bucket, f"{folder}/{name}" if folder else name)


def parse(uri: str) -> S3Uri:
    """s3://bucket/key, or https in path style (s3.REGION.amazonaws.com/bucket/key, which CDK's
    S3Location.from_bucket writes) or virtual-host style (bucket.s3.REGION.amazonaws.com/key).

    Raises StorageError.
    """
    if uri.startswith("s3://"):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if bucket:
            return S3Uri(bucket, key)  # as it is: a key may hold %, # and ?
    parts = urlsplit(uri)
    path = parts.path.removeprefix("/")
    host = parts.hostname or ""
    if parts.scheme == "https" and host:
        if host.startswith(("s3.", "s3-")):
            bucket, _, key = path.partition("/")
        else:
            bucket, dot, _ = host.partition(".s3")
            key = path if dot else ""
            bucket = bucket if dot else ""
        if bucket:
            return S3Uri(bucket, unquote(key))
    raise StorageError(f"'{uri}' is no S3 location: write s3://bucket/key")


def relative_name(prefix: str, key: str) -> str:
    """The file's name below a channel's folder, for an object that S3Prefix `prefix` matches.

    A prefix is no folder: `data/tr` matches data/train/a.jpg, which becomes train/a.jpg; the object that
    is the prefix itself becomes a file of its own last name. Raises StorageError for a name that would
    lead out of the folder.
    """
    if key == prefix:
        name = key.rpartition("/")[2]
    elif prefix.endswith("/") or key[len(prefix)] == "/":
        name = key[len(prefix) :]
    else:
        name = key[prefix.rfind("/") + 1 :]
    return safe_name(name.lstrip("/"), key)


def safe_name(name: str, key: str) -> str:
    """`name` without empty and `.` parts. Raises StorageError for `..`, which S3 allows in a key."""
    path = PurePosixPath(name)
    if not name or "\0" in name or ".." in path.parts or path.is_absolute() or str(path) == ".":
        raise StorageError(
            f"the object '{key}' has a name that no file below the channel's folder can have; rename it"
        )
    return str(path)
