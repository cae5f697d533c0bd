"""What a person would lose with the account: its trained models, what is in its buckets, its running jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gluonship.local.contracts import StorageError
from gluonship.local.control import moto_state
from gluonship.local.execution import s3_uris
from gluonship.local.launcher.sagemaker_parts import SageMaker

_LARGEST = 1000  # models, buckets or jobs that are named; beyond them a number is enough


def of(sagemaker: SageMaker) -> Mapping[str, Any]:
    """models: kind, name, location, bytes where the artifact is in S3. buckets: name, objects, bytes.
    jobs: those that run, kind and name. counts: of each."""
    buckets = moto_state.filled_buckets()
    sizes = {bucket.name: bucket.sizes for bucket in buckets}
    found = {
        "models": list(_models(sagemaker, sizes)),
        "buckets": [
            {
                "name": bucket.name,
                "objects": sum(map(len, bucket.sizes.values())),
                "bytes": sum(map(sum, bucket.sizes.values())),
            }
            for bucket in buckets
        ],
        "jobs": list(_running(sagemaker)),
    }
    counts = {kind: len(items) for kind, items in found.items()}
    return {**{kind: items[:_LARGEST] for kind, items in found.items()}, "counts": counts}


def _models(sagemaker: SageMaker, sizes: Mapping[str, Mapping[str, list[int]]]) -> Iterator[dict[str, Any]]:
    for job in sagemaker.training_jobs.all():
        location = sagemaker.training_jobs.kind.describe(job)["ModelArtifacts"]["S3ModelArtifacts"]
        held = _size(location, sizes)
        if held is not None:
            yield {"kind": "training job", "name": job.name, "location": location, "bytes": held}
    for package in sagemaker.model_packages.all():
        containers = package.members.get("InferenceSpecification", {}).get("Containers") or [{}]
        location = containers[0].get("ModelDataUrl", "")
        yield {
            "kind": "model package",
            "name": package.key,
            "location": location,
            "bytes": _size(location, sizes),
        }


def _size(location: str, sizes: Mapping[str, Mapping[str, list[int]]]) -> int | None:
    try:
        uri = s3_uris.parse(location)
    except StorageError:
        return None
    versions = sizes.get(uri.bucket, {}).get(uri.key)
    return versions[-1] if versions else None


def _running(sagemaker: SageMaker) -> Iterator[dict[str, Any]]:
    for jobs in sagemaker.jobs:
        for job in jobs.all():
            if not job.state.terminal:
                yield {"kind": jobs.kind.title, "name": job.name}
