"""What CreateTrainingJob refuses at the call, and the defaults that AWS fills into what it accepts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import PurePosixPath
from typing import Any, NoReturn

from gluonship.local.contracts import UNSUPPORTED, AwsError

DEFAULT_MAX_RUNTIME_SECONDS = 86400  # "The default value is 1 day"
MAX_RUNTIME_SECONDS = 28 * 86400  # "The maximum value is 28 days"
CHECKPOINT_FOLDER = "/opt/ml/checkpoints"  # "The default directory is /opt/ml/checkpoints/"

_TAKEN_BY_CONTAINER = ("input", "model", "output", "code")  # folders of /opt/ml with another meaning

# What exists on AWS and does not run here: saying so beats a job that silently does something else.
_REFUSED_MEMBERS = {
    "ServerlessJobConfig": "serverless customization jobs",
    "ModelPackageConfig": "registering the result as a model package",
    "MlflowConfig": "MLflow tracking",
    "DebugRuleConfigurations": "Debugger's rules; give the estimator no rules",
    "ProfilerRuleConfigurations": "the profiler's rules; give the estimator no rules, and "
    "disable_profiler=True where the SageMaker SDK adds one by itself",
}
_REFUSED_RESOURCES = {
    "InstanceGroups": "heterogeneous clusters; give InstanceType and InstanceCount",
    "InstancePreferences": "a list of preferred instances; give InstanceType and InstanceCount",
    "InstancePlacementConfig": "placement on UltraServers",
    "TrainingPlanArn": "training plans",
    "KeepAlivePeriodInSeconds": "warm pools; leave KeepAlivePeriodInSeconds out or 0",
}


def accept(request: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a CreateTrainingJob request, defaults filled in. It is valid by botocore's model: its
    lengths, counts, patterns and enums are not looked at again.

    Raises AwsError, with AWS's words where they are known, else with what to change. That a role, an image
    or the data exist is not checked: as on AWS, the job finds out.
    """
    kept = deepcopy(dict(request))
    kept.pop("Tags", None)
    for member, what in _REFUSED_MEMBERS.items():
        if kept.get(member):
            _not_here(what)
    _algorithm(kept)
    _channels(kept)
    _resources(kept)
    _stopping(kept)
    _checkpoints(kept)
    kept["OutputDataConfig"] = {"KmsKeyId": "", "CompressionType": "GZIP", **kept["OutputDataConfig"]}
    for member in (
        "EnableNetworkIsolation",
        "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining",
    ):
        kept.setdefault(member, False)
    return kept


def _algorithm(kept: dict[str, Any]) -> None:
    algorithm = kept.get("AlgorithmSpecification")
    if algorithm is None:
        _invalid("AlgorithmSpecification is required: it names the TrainingImage.")
    if algorithm.get("AlgorithmName"):
        _not_here("algorithms by AlgorithmName; give a container in TrainingImage")
    if not algorithm.get("TrainingImage"):
        _invalid("AlgorithmSpecification needs TrainingImage: the URI of the container that trains.")
    _input_mode(algorithm["TrainingInputMode"], "AlgorithmSpecification.TrainingInputMode")
    if algorithm.get("TrainingImageConfig", {}).get("TrainingRepositoryAccessMode") == "Vpc":
        _not_here("images from a private registry in a VPC (TrainingImageConfig)")
    algorithm.setdefault("EnableSageMakerMetricsTimeSeries", False)
    for definition in algorithm.get("MetricDefinitions", []):
        _metric(definition["Name"], definition["Regex"])


def _metric(name: str, regex: str) -> None:
    try:
        groups = re.compile(regex).groups
    except re.error as error:
        _invalid(f"Invalid MetricDefinition {name}: its Regex {regex!r} is not one: {error}.")
    if groups == 0:
        _invalid(
            f"Invalid MetricDefinition {name}: its Regex {regex!r} needs a group in parentheses, "
            "which takes the number."
        )


def _input_mode(mode: str, where: str) -> None:
    if mode == "Pipe":
        _not_here(f"Pipe input ({where}); File and FastFile do")


def _channels(kept: dict[str, Any]) -> None:
    names: set[str] = set()
    for channel in kept.get("InputDataConfig", []):
        name = channel["ChannelName"]
        if name in names:
            _invalid(f"Duplicate channel name {name} in InputDataConfig: channel names must be unique.")
        names.add(name)
        _channel(name, channel)


def _channel(name: str, channel: dict[str, Any]) -> None:
    if name in (".", ".."):
        _invalid(f"Channel name {name!r} is not a folder's name.")
    _input_mode(channel.get("InputMode", "File"), f"InputMode of channel {name}")
    source = channel["DataSource"]
    if "FileSystemDataSource" in source:
        _not_here(f"EFS and FSx for Lustre (FileSystemDataSource of channel {name}); use S3DataSource")
    if "DatasetSource" in source:
        _not_here(f"hub data sets (DatasetSource of channel {name}); use S3DataSource")
    if "S3DataSource" not in source:
        _invalid(f"Channel {name} needs DataSource.S3DataSource.")
    s3 = source["S3DataSource"]
    if s3["S3DataType"] == "AugmentedManifestFile":
        _not_here(
            f"AugmentedManifestFile (channel {name}), which needs Pipe input; use S3Prefix or ManifestFile"
        )
    if s3["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        _not_here(f"S3DataType {s3['S3DataType']} (channel {name}); use S3Prefix or ManifestFile")
    if channel.get("RecordWrapperType", "None") != "None":
        _invalid(f"Channel {name}: RecordWrapperType RecordIO goes with Pipe input; leave it out.")
    s3.setdefault("S3DataDistributionType", "FullyReplicated")
    channel.setdefault("CompressionType", "None")
    channel.setdefault("RecordWrapperType", "None")


def _resources(kept: dict[str, Any]) -> None:
    resources = kept.get("ResourceConfig")
    if resources is None:
        _invalid("ResourceConfig is required: InstanceType, InstanceCount and VolumeSizeInGB.")
    for member, what in _REFUSED_RESOURCES.items():
        if resources.get(member):
            _not_here(f"{what} (ResourceConfig.{member})")
    if not resources.get("InstanceType"):
        _invalid("ResourceConfig needs InstanceType.")
    count = resources.get("InstanceCount", 0)
    if count < 1:
        _invalid(f"ResourceConfig needs InstanceCount of at least 1; it is {count}.")
    if count > 1:
        _not_here(f"training on {count} instances (ResourceConfig.InstanceCount); set it to 1")
    if resources.get("VolumeSizeInGB", 1) < 1:
        _invalid("ResourceConfig.VolumeSizeInGB must be at least 1.")


def _stopping(kept: dict[str, Any]) -> None:
    condition = dict(kept.get("StoppingCondition") or {})
    runtime = condition.setdefault("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)
    if runtime > MAX_RUNTIME_SECONDS:
        _invalid(f"Invalid MaxRuntimeInSeconds {runtime}: at most {MAX_RUNTIME_SECONDS} (28 days).")
    wait = condition.get("MaxWaitTimeInSeconds")
    spot = kept.get("EnableManagedSpotTraining", False)
    if wait is not None and not spot:
        _invalid(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
        )
    if spot and (wait is None or wait < runtime):
        _invalid(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds when EnableManagedSpotTraining is set to true"
        )
    kept["StoppingCondition"] = condition


def _checkpoints(kept: dict[str, Any]) -> None:
    config = kept.get("CheckpointConfig")
    if config is None:
        return
    config["LocalPath"] = config.get("LocalPath") or CHECKPOINT_FOLDER
    parts = PurePosixPath(config["LocalPath"]).parts
    inside = parts[3] if len(parts) > 3 and parts[:3] == ("/", "opt", "ml") else ""
    if not inside or ".." in parts or inside in _TAKEN_BY_CONTAINER:
        _invalid(
            f"Invalid CheckpointConfig.LocalPath {config['LocalPath']}: a folder of its own below /opt/ml is "
            f"needed, such as {CHECKPOINT_FOLDER} (not one of {', '.join(_TAKEN_BY_CONTAINER)})."
        )


def _invalid(message: str) -> NoReturn:
    raise AwsError("ValidationException", message)


def _not_here(what: str) -> NoReturn:
    raise AwsError(UNSUPPORTED, f"The local cloud does not run {what}.")
