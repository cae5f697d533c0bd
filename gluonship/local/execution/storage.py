"""S3 for what runs behind the control plane: contracts.Storage on boto3."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from gluonship.local.contracts import StorageError
from gluonship.local.execution import s3_uris
from gluonship.local.execution.s3_uris import S3Uri

_T = TypeVar("_T")

_PARALLEL = 8  # transfers at a time; a data set is many small files
# One thread a file: files are what is parallel.
_TRANSFER = TransferConfig(use_threads=False)
_REASONS = {
    "NoSuchBucket": "the bucket '{bucket}' does not exist",
    "404": "there is no such object, or no such bucket",
    "NoSuchKey": "there is no such object",
    "403": "access was denied",
    "AccessDenied": "access was denied",
}


class S3Storage:
    """Full disks are raised as what they are, OSError; everything else as StorageError."""

    def __init__(self, clients: Callable[[str, str], Any], region: str) -> None:
        self._client = clients("s3", region)
        self._region = region

    def download_prefix(self, uri: str, folder: Path) -> int:
        location = s3_uris.parse(uri)
        with _told("read", location):
            keys = [key for key in self._keys(location) if not key.endswith("/")]  # folders of a console
        names: dict[str, str] = {}
        for key in keys:
            name = s3_uris.relative_name(location.key, key)
            if names.setdefault(name, key) != key:
                raise StorageError(f"'{names[name]}' and '{key}' under {uri} would be one file, '{name}'")
        _check_no_file_is_a_folder(names, uri)
        folder.mkdir(parents=True, exist_ok=True)
        self._parallel(
            lambda item: self._download(S3Uri(location.bucket, item[1]), folder / item[0]), names.items()
        )
        return len(names)

    def download_file(self, uri: str, path: Path) -> None:
        self._download(s3_uris.parse(uri), path)

    def read(self, uri: str) -> bytes:
        location = s3_uris.parse(uri)
        with _told("read", location):
            content: bytes = self._client.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()
        return content

    def upload_file(self, path: Path, uri: str) -> None:
        self._upload(path, s3_uris.parse(uri))

    def upload_files(self, files: Mapping[str, Path], uri: str) -> None:
        location = s3_uris.parse(uri)
        self._parallel(lambda item: self._upload(item[1], location.under(item[0])), files.items())

    def _keys(self, location: S3Uri) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=location.bucket, Prefix=location.key):
            for found in page.get("Contents", []):
                yield found["Key"]

    def _download(self, location: S3Uri, path: Path) -> None:
        """By one request, unlike boto3's download_file: a data set is thousands of small files."""
        # Nothing of the file's own name, which may be as long as a name can be.
        partial = path.with_name(f".{secrets.token_hex(8)}.partial")
        with _told("read", location):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                body = self._client.get_object(Bucket=location.bucket, Key=location.key)["Body"]
                with partial.open("wb") as file:
                    shutil.copyfileobj(body, file, 1024 * 1024)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)

    def _upload(self, path: Path, location: S3Uri) -> None:
        with _told("write", location):
            self._client.upload_file(str(path), location.bucket, location.key, Config=_TRANSFER)

    def _parallel(self, action: Callable[[_T], None], items: Iterable[_T]) -> None:
        """The first error stops what has not begun."""
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="s3") as pool:
            waiting = [pool.submit(action, item) for item in items]
            try:
                for each in waiting:
                    each.result()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


@contextmanager
def _told(verb: str, location: S3Uri) -> Iterator[None]:
    """AWS's and boto3's errors as a StorageError that names the location."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        reason = _REASONS.get(code, f"{code}: {error.response.get('Error', {}).get('Message', '')}")
        raise StorageError(f"cannot {verb} {location}: {reason.format(bucket=location.bucket)}") from error
    except Boto3Error as error:  # upload_file wraps the error into a text
        reason = next((text for code, text in _REASONS.items() if f"({code})" in str(error)), str(error))
        raise StorageError(f"cannot {verb} {location}: {reason.format(bucket=location.bucket)}") from error
    except BotoCoreError as error:
        raise StorageError(f"cannot {verb} {location}: {error}") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise StorageError(f"cannot {verb} {location}: {os.strerror(error.errno or 0)}: {error}") from error


def _check_no_file_is_a_folder(names: dict[str, str], uri: str) -> None:
    """S3 may hold both `a` and `a/b`; a folder cannot."""
    for name, key in names.items():
        parent = name
        while "/" in parent:
            parent = parent.rpartition("/")[0]
            if parent in names:
                raise StorageError(
                    f"under {uri}, '{names[parent]}' would be a file and, for '{key}', a folder; rename one"
                )
