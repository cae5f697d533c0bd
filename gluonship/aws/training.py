"""Training jobs: what to ask for, as data; starting one; waiting with its log."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from gluonship.aws.errors import OperationFailed, is_missing
from gluonship.aws.log_lines import TRAINING_GROUP, LogFollower

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sagemaker.literals import TrainingInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import (
        CreateTrainingJobRequestTypeDef,
        DescribeTrainingJobResponseTypeDef,
    )

    from gluonship.aws.account import Account

_NUMBER = r"([0-9.eE+-]+)"
METRIC_REGEXES: Mapping[str, str] = {
    "train:loss": rf"train:loss={_NUMBER}",
    "train:accuracy": rf"train:accuracy={_NUMBER}",
    "validation:loss": rf"validation:loss={_NUMBER}",
    "validation:accuracy": rf"validation:accuracy={_NUMBER}",
    "images_per_second": rf"images_per_second={_NUMBER}",
}
"""What finds each metric in the training script's metric lines: `metric epoch=3 train:loss=0.41 ...`."""

CHECKPOINT_FOLDER = "/opt/ml/checkpoints"
_ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True)
class TrainingPlan:
    """One training job of the kit's own script. URIs are S3's."""

    name: str
    image: str
    role: str  # its ARN
    source: str  # the sourcedir.tar.gz
    channels: Mapping[str, str]  # name -> prefix
    output: str  # the prefix under which SageMaker puts NAME/output/model.tar.gz
    hyperparameters: Mapping[str, Any]
    region: str
    instance_type: str = "ml.m5.xlarge"
    volume_gigabytes: int = 30
    max_run_seconds: int = 24 * 3600
    spot: bool = False
    checkpoints: str | None = None
    toolkit_log_level: int = 30  # at 20 the toolkit writes some 200 lines about itself before the first epoch
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainedModel:
    """What a job left."""

    job: str
    artifact: str  # model.tar.gz, an S3 URI
    metrics: Mapping[str, float]
    seconds: int


def request(plan: TrainingPlan) -> CreateTrainingJobRequestTypeDef:
    """The CreateTrainingJob call, with the script named as the SageMaker SDK names it."""
    hyperparameters = {
        **plan.hyperparameters,
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": plan.source,
        "sagemaker_region": plan.region,
        "sagemaker_container_log_level": plan.toolkit_log_level,
        "sagemaker_job_name": plan.name,
    }
    wanted: CreateTrainingJobRequestTypeDef = {
        "TrainingJobName": plan.name,
        "RoleArn": plan.role,
        "AlgorithmSpecification": {
            "TrainingImage": plan.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": name, "Regex": regex} for name, regex in METRIC_REGEXES.items()],
        },
        "HyperParameters": {name: json.dumps(value) for name, value in hyperparameters.items()},
        "InputDataConfig": [
            {
                "ChannelName": name,
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": uri,
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
            for name, uri in plan.channels.items()
        ],
        "OutputDataConfig": {"S3OutputPath": plan.output},
        "ResourceConfig": {
            "InstanceType": cast("TrainingInstanceTypeType", plan.instance_type),
            "InstanceCount": 1,
            "VolumeSizeInGB": plan.volume_gigabytes,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": plan.max_run_seconds},
    }
    if plan.spot:
        wanted["EnableManagedSpotTraining"] = True
        wanted["StoppingCondition"]["MaxWaitTimeInSeconds"] = 2 * plan.max_run_seconds
    if plan.checkpoints:
        wanted["CheckpointConfig"] = {"S3Uri": plan.checkpoints, "LocalPath": CHECKPOINT_FOLDER}
    if plan.tags:
        wanted["Tags"] = [{"Key": key, "Value": value} for key, value in plan.tags.items()]
    return wanted


def start(account: Account, plan: TrainingPlan) -> None:
    account.sagemaker.create_training_job(**request(plan))


def wait(
    account: Account,
    job: str,
    on_line: Callable[[str], None],
    on_status: Callable[[str, str], None],
) -> TrainedModel:
    """Waits until `job` has ended. `on_line` gets its log, `on_status` each secondary status and message.

    Raises OperationFailed where it ended without a model.
    """
    follower = LogFollower(account, TRAINING_GROUP, f"{job}/")
    seen = 0
    while True:
        job_now = account.sagemaker.describe_training_job(TrainingJobName=job)
        # Described first, read afterwards: what was written before the end is not missed.
        transitions = job_now.get("SecondaryStatusTransitions", [])
        for transition in transitions[seen:]:
            on_status(transition["Status"], transition.get("StatusMessage", ""))
        seen = len(transitions)
        for _, line in follower.new_lines():
            on_line(line)
        if job_now["TrainingJobStatus"] in _ENDED:
            return _result(job_now)
        time.sleep(account.poll_seconds)


def stop(account: Account, job: str) -> None:
    account.sagemaker.stop_training_job(TrainingJobName=job)


def exists(account: Account, job: str) -> bool:
    try:
        account.sagemaker.describe_training_job(TrainingJobName=job)
    except ClientError as error:
        if is_missing(error):
            return False
        raise
    return True


def describe(account: Account, job: str) -> TrainedModel:
    """The model of a job that has ended. Raises OperationFailed where there is none."""
    try:
        return _result(account.sagemaker.describe_training_job(TrainingJobName=job))
    except ClientError as error:
        if is_missing(error):
            raise OperationFailed(f"There is no training job '{job}' in {account.region}.") from error
        raise


def _result(job: DescribeTrainingJobResponseTypeDef) -> TrainedModel:
    name, status = job["TrainingJobName"], job["TrainingJobStatus"]
    if status == "Failed":
        reason = job.get("FailureReason", "no reason was given").rstrip()
        raise OperationFailed(f"The training job '{name}' failed. {reason}")
    artifact = job.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    if status not in _ENDED:
        raise OperationFailed(f"The training job '{name}' is still {status}: wait until it has ended.")
    if status == "Stopped":
        partial = f" What it wrote so far is at {artifact}." if artifact else ""
        raise OperationFailed(f"The training job '{name}' was stopped ({job['SecondaryStatus']}).{partial}")
    if not artifact:
        raise OperationFailed(f"The training job '{name}' ended without a model.")
    metrics = {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}
    return TrainedModel(name, artifact, metrics, job.get("TrainingTimeInSeconds", 0))
