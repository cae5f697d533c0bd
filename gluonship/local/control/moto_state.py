"""All that moto keeps: of every service, account and region."""

from __future__ import annotations

from dataclasses import dataclass

from moto.core.base_backend import BackendDict, BaseBackend, backend_lock
from moto.core.model_instances import reset_model_data
from moto.organizations.models import organizations_backends
from moto.s3.models import FakeKey, s3_backends


def forget_everything() -> None:
    """Every store is new when it is next asked for.

    The old ones are taken away, not emptied as moto's own reset does: a request that is still at one of them
    (a poll of a queue, for 20 s) goes on there, and never meets one that is half made.
    """
    with backend_lock:
        old = [backend for each in BackendDict._instances for _, _, backend in each.iter_backends()]
        for each in BackendDict._instances:
            each.clear()
        BackendDict._instances.clear()
        s3_backends.bucket_accounts.clear()
        organizations_backends.master_accounts.clear()
    for backend in old:
        if (
            type(backend).reset is not BaseBackend.reset
        ):  # it has something to close: the files of S3's objects
            backend.reset()
    reset_model_data()


@dataclass(frozen=True)
class Bucket:
    """A bucket that holds something, of whatever account."""

    name: str
    sizes: dict[str, list[int]]  # of each key's versions, in bytes


def filled_buckets() -> list[Bucket]:
    """By name; delete markers are nothing."""
    found = []
    for _, _, backend in list(s3_backends.iter_backends()):
        for bucket in list(backend.buckets.values()):
            versions = {
                key: [each for each in held if isinstance(each, FakeKey)] for key, held in bucket.keys.lists()
            }
            sizes = {key: [each.size for each in held] for key, held in versions.items() if held}
            if sizes:
                found.append(Bucket(bucket.name, sizes))
    return sorted(found, key=lambda each: each.name)
