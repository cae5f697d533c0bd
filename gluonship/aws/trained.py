"""Where a trained model lies in S3: of a training job, a model or a model package, by its name or its ARN."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gluonship.aws import names, storage
from gluonship.aws.errors import OperationFailed, is_missing
from gluonship.aws.storage import S3Uri

if TYPE_CHECKING:
    from gluonship.aws.account import Account

_ARN = re.compile(r"arn:[a-z-]+:sagemaker:(?P<region>[a-z0-9-]+):\d{12}:(?P<kind>[a-z-]+)/(?P<name>.+)")


@dataclass(frozen=True)
class Trained:
    """What there is of it."""

    kind: str  # "training job", "model", "model package"
    name: str
    files: Mapping[str, S3Uri]  # file name -> where it lies; the model.tar.gz first


def find(account: Account, wanted: str) -> Trained:
    """Raises OperationFailed, in words: there is none, it has no model, or it is not clear which is meant."""
    arn = _ARN.fullmatch(wanted)
    if wanted.startswith("arn:") and (arn is None or arn["kind"] not in _KINDS):
        raise OperationFailed(
            f"'{wanted}' is the ARN of no training job, model or model package of SageMaker's."
        )
    if arn and arn["region"] != account.region:
        raise OperationFailed(
            f"'{wanted}' is in {arn['region']}, and {account.region} was asked: give --region "
            f"{arn['region']} with --cloud aws."
        )
    found = [
        each
        for kind, described in _KINDS.items()
        if (arn is None or arn["kind"] == kind)
        and (each := described(account, arn["name"] if arn else wanted)) is not None
    ]
    if not found:
        raise OperationFailed(
            f"There is no training job, model or model package '{wanted}' in {account.region}. "
            "`aws sagemaker list-training-jobs` lists the jobs."
        )
    if len({each.files["model.tar.gz"] for each in found}) > 1:
        kinds = " and a ".join(each.kind for each in found)
        raise OperationFailed(
            f"'{wanted}' is a {kinds}, of different models: give the ARN of the one you want."
        )
    return found[0]


def _of_job(account: Account, name: str) -> Trained | None:
    if not names.is_valid(name):
        return None
    try:
        job = account.sagemaker.describe_training_job(TrainingJobName=name)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    status = job["TrainingJobStatus"]
    if status in ("InProgress", "Stopping"):
        raise OperationFailed(f"The training job '{name}' is still {status}: wait until it has ended.")
    location = job.get("ModelArtifacts", {}).get("S3ModelArtifacts", "")
    model = S3Uri.parse(location) if location else None
    if model is None or (status == "Failed" and not storage.exists(account, model)):
        why = job.get("FailureReason", "").rstrip()
        raise OperationFailed(f"The training job '{name}' ended as {status}, without a model. {why}".rstrip())
    if not model.key.endswith(".tar.gz"):
        raise _not_an_archive(f"The training job '{name}'", model)
    output = S3Uri(model.bucket, f"{model.key.rpartition('/')[0]}/output.tar.gz")
    beside = {"output.tar.gz": output} if storage.exists(account, output) else {}
    return Trained("training job", name, {"model.tar.gz": model, **beside})


def _of_model(account: Account, name: str) -> Trained | None:
    if not names.is_valid(name):
        return None
    try:
        model = account.sagemaker.describe_model(ModelName=name)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    primary = model.get("PrimaryContainer")
    containers = [primary] if primary else model.get("Containers", [])
    if len(containers) == 1 and "ModelPackageName" in containers[0]:
        of_package = _of_package(account, containers[0]["ModelPackageName"])
        return of_package and Trained("model", name, of_package.files)
    return Trained("model", name, {"model.tar.gz": _location(f"The model '{name}'", containers)})


def _of_package(account: Account, name: str) -> Trained | None:
    group, slash, version = name.partition("/")
    if not name.startswith("arn:") and not (names.is_valid(group) and (version.isdecimal() or not slash)):
        return None
    if slash and not name.startswith("arn:"):  # SageMaker takes a group's version by its ARN only
        partition = account.session.get_partition_for_region(account.region)
        name = f"arn:{partition}:sagemaker:{account.region}:{account.account_id}:model-package/{name}"
    try:
        package = account.sagemaker.describe_model_package(ModelPackageName=name)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    shown = name.partition("model-package/")[2] or name
    return Trained(
        "model package", shown, {"model.tar.gz": _location(f"The model package '{shown}'", containers)}
    )


def _location(whose: str, containers: Any) -> S3Uri:
    locations = [
        each.get("ModelDataUrl") or each.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri")
        for each in containers
    ]
    known = sorted({location for location in locations if location})
    if not known:
        raise OperationFailed(f"{whose} has no model data: its containers bring their own.")
    if len(known) > 1:
        raise OperationFailed(
            f"{whose} has containers with different model data; `aws s3 cp URI .` fetches each: "
            f"{', '.join(known)}."
        )
    uri = S3Uri.parse(known[0])
    if not uri.key.endswith(".tar.gz"):
        raise _not_an_archive(whose, uri)
    return uri


def _not_an_archive(whose: str, uri: S3Uri) -> OperationFailed:
    return OperationFailed(
        f"{whose} has its model as files, not as a model.tar.gz: `aws s3 cp --recursive {uri} FOLDER` "
        "fetches them."
    )


_KINDS = {"training-job": _of_job, "model": _of_model, "model-package": _of_package}
