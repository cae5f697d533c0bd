"""What CreateProcessingJob refuses at the call, and the defaults that AWS fills into what it accepts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import PurePosixPath
from typing import Any

from gluonship.local.sagemaker.endpoint_resources import invalid, refused

DEFAULT_MAX_RUNTIME_SECONDS = 86400
FOLDER = "/opt/ml/processing"  # "must begin with /opt/ml/processing/", ProcessingS3Input in botocore's model


def accept(request: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a CreateProcessingJob request, defaults filled in. It is valid by botocore's model: its
    lengths, counts, patterns and enums are not looked at again.

    Raises AwsError. That a role, an image or the data exist is not checked: as on AWS, the job finds out.
    """
    kept = deepcopy(dict(request))
    kept.pop("Tags", None)
    inputs = kept.get("ProcessingInputs", [])
    outputs = kept.get("ProcessingOutputConfig", {}).get("Outputs", [])
    _unique("ProcessingInputs", "InputName", inputs)
    _unique("ProcessingOutputConfig", "OutputName", outputs)
    input_folders = [_input(each) for each in inputs if not each.get("AppManaged")]
    output_folders = [_output(each) for each in outputs if not each.get("AppManaged")]
    _apart(input_folders, output_folders)
    _resources(kept["ProcessingResources"]["ClusterConfig"])
    kept["StoppingCondition"] = kept.get("StoppingCondition") or {
        "MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_SECONDS
    }
    return kept


def relative_folder(local_path: str) -> str:
    """A LocalPath relative to /opt/ml: processing/input/train."""
    return str(PurePosixPath(local_path).relative_to("/opt/ml"))


def _unique(where: str, member: str, entries: Iterable[Mapping[str, Any]]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry[member] in seen:
            raise invalid(f"Duplicate {member} {entry[member]} in {where}: the names must be unique.")
        seen.add(entry[member])


def _input(entry: dict[str, Any]) -> tuple[str, PurePosixPath]:
    """Fills in the defaults of an input; returns how messages call it, and its folder."""
    what = f"input {entry['InputName']}"
    if entry.get("DatasetDefinition"):
        raise refused(f"DatasetDefinition ({what})", "Give S3Input: no Athena or Redshift query runs here.")
    s3 = entry.get("S3Input")
    if s3 is None:
        raise invalid(f"S3Input is required ({what}).")
    if s3.get("S3InputMode") == "Pipe":
        raise refused(f"S3InputMode Pipe ({what})", "Use File.")
    if s3.get("S3CompressionType") == "Gzip":
        raise invalid(f"S3CompressionType Gzip goes with S3InputMode Pipe only ({what}); use None.")
    s3.setdefault("S3InputMode", "File")
    s3.setdefault("S3DataDistributionType", "FullyReplicated")
    s3.setdefault("S3CompressionType", "None")
    return what, _folder(s3.get("LocalPath"), what)


def _output(entry: dict[str, Any]) -> tuple[str, PurePosixPath]:
    what = f"output {entry['OutputName']}"
    if entry.get("FeatureStoreOutput"):
        raise invalid(f"FeatureStoreOutput goes with AppManaged only ({what}).")
    if entry.get("S3Output") is None:
        raise invalid(f"S3Output is required ({what}).")
    return what, _folder(entry["S3Output"].get("LocalPath"), what)


def _folder(local_path: str | None, what: str) -> PurePosixPath:
    if not local_path:
        raise invalid(f"LocalPath is required ({what}).")
    path = PurePosixPath(local_path)
    if ".." in path.parts or "\0" in local_path or PurePosixPath(FOLDER) not in path.parents:
        raise invalid(
            f"Invalid LocalPath {local_path} ({what}): it must begin with {FOLDER}/ and stay below it."
        )
    return path


def _apart(inputs: list[tuple[str, PurePosixPath]], outputs: list[tuple[str, PurePosixPath]]) -> None:
    """An input may lie in the folder of another, as code/ in input/; an output shares with nobody, for what
    lies in it would be uploaded as if the job had made it."""
    for (one, path), (other, second) in itertools.combinations([*inputs, *outputs], 2):
        if path == second:
            raise invalid(f"The {one} and the {other} have the same LocalPath {path}: give each its own.")
    for (one, path), (other, second) in itertools.chain(
        itertools.product(outputs, inputs), itertools.combinations(outputs, 2)
    ):
        if path in second.parents or second in path.parents:
            raise invalid(
                f"LocalPath {path} of the {one} and {second} of the {other} lie one in the other: "
                "give each a folder of its own."
            )


def _resources(cluster: Mapping[str, Any]) -> None:
    if cluster.get("InstancePreferences"):
        raise refused("ClusterConfig.InstancePreferences", "Give InstanceType and InstanceCount.")
    missing = [member for member in ("InstanceType", "InstanceCount") if not cluster.get(member)]
    if missing:
        raise invalid(f"ProcessingResources.ClusterConfig needs {' and '.join(missing)}.")
    if cluster["InstanceCount"] > 1:
        raise refused(
            f"Processing on {cluster['InstanceCount']} instances (ClusterConfig.InstanceCount)",
            "Set it to 1.",
        )
