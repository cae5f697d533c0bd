"""The training job: the kit's own script, on spot instances where wanted, again where AWS had no capacity."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gluonship_infra.instance_types import has_local_disk
from gluonship_infra.pipeline.asl import (
    FAILED,
    States,
    assign,
    choice,
    expression,
    failure_of_error,
    task,
    wait,
)
from gluonship_infra.pipeline.parameters import Parameters

FIRST = "Train"
_CAPACITY_WAIT_SECONDS = 300
_CODE = "/opt/ml/input/data/code"

_NUMBER = r"([0-9.eE+-]+)"
METRICS: Mapping[str, str] = {
    "train:loss": rf"train:loss={_NUMBER}",
    "train:accuracy": rf"train:accuracy={_NUMBER}",
    "validation:loss": rf"validation:loss={_NUMBER}",
    "validation:accuracy": rf"validation:accuracy={_NUMBER}",
    "images_per_second": rf"images_per_second={_NUMBER}",
}
"""What finds each metric in the training script's log."""


def states(parameters: Parameters, then: str) -> States:
    """Sets `$artifact`, the S3 URI of model.tar.gz."""
    attempts = parameters.settings.training_attempts
    return {
        FIRST: task(
            "sagemaker:createTrainingJob.sync",
            request(parameters),
            assign={"artifact": expression("$states.result.ModelArtifacts.S3ModelArtifacts")},
            then=then,
            catch=[
                {
                    "ErrorEquals": ["States.TaskFailed"],
                    "Assign": {"failure": failure_of_error()},
                    "Next": "TrainingFailed",
                }
            ],
        ),
        "TrainingFailed": choice(
            (
                f"$contains($failure.Cause, /CapacityError|InsufficientCapacity/) and $attempt < {attempts}",
                "WaitForCapacity",
            ),
            default=FAILED,
        ),
        "WaitForCapacity": wait(_CAPACITY_WAIT_SECONDS, then="TrainAgain"),
        "TrainAgain": assign(
            {"attempt": expression("$attempt + 1")},
            then=FIRST,
            comment="A new job, for names are taken for ever; it goes on at the last checkpoint.",
        ),
    }


def request(parameters: Parameters) -> dict[str, Any]:
    """CreateTrainingJob. The code comes in a channel: an isolated container cannot fetch it from S3."""
    settings = parameters.settings
    stopping = {"MaxRuntimeInSeconds": settings.training_max_seconds}
    if settings.spot:
        stopping["MaxWaitTimeInSeconds"] = settings.training_max_wait_seconds()
    return {
        "TrainingJobName": expression("$run & '-t' & $string($attempt)"),
        "RoleArn": parameters.training_role,
        "AlgorithmSpecification": {
            "TrainingImage": parameters.training_image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": name, "Regex": regex} for name, regex in METRICS.items()],
        },
        "HyperParameters": expression(f"$merge([$hyperparameters, {json.dumps(_toolkit(parameters))}])"),
        "InputDataConfig": expression(_channels(parameters)),
        "OutputDataConfig": {
            "S3OutputPath": parameters.uri("training"),
            "KmsKeyId": parameters.key_arn,
        },
        "ResourceConfig": {
            "InstanceType": settings.training_instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": settings.training_volume_gigabytes,
            **volume_key(settings.training_instance_type, parameters.key_arn),
        },
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": settings.spot,
        "CheckpointConfig": {
            "S3Uri": expression(f"'{parameters.uri('checkpoints')}/' & $run"),
            "LocalPath": "/opt/ml/checkpoints",
        },
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
        **({"VpcConfig": parameters.network.to_aws()} if parameters.network else {}),
    }


def volume_key(instance_type: str, key_arn: str) -> dict[str, str]:
    return {} if has_local_disk(instance_type) else {"VolumeKmsKeyId": key_arn}


def _toolkit(parameters: Parameters) -> dict[str, str]:
    """Where SageMaker's training toolkit finds the script: JSON values, as the SageMaker SDK writes them."""
    values = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"{_CODE}/{parameters.training_source.key}",
        "sagemaker_region": parameters.region,
        "sagemaker_container_log_level": 30,
    }
    return {name: json.dumps(value) for name, value in values.items()}


def _channels(parameters: Parameters) -> str:
    """JSONata: the channels of data that there are, and that of the code."""
    data = _channel("$name", f"'s3://{parameters.data_bucket}/' & $lookup($channels, $name)")
    code = _channel("'code'", f"'{parameters.training_source.uri}'")
    there = "['train', 'validation'][$exists($lookup($channels, $))]"
    return f"$append($map({there}, function($name) {{{data}}}), [{code}])"


def _channel(name: str, uri: str) -> str:
    """JSONata: one channel; `name` and `uri` are JSONata too."""
    return (
        f"{{'ChannelName': {name}, 'DataSource': {{'S3DataSource': {{'S3DataType': 'S3Prefix', "
        f"'S3Uri': {uri}, 'S3DataDistributionType': 'FullyReplicated'}}}}}}"
    )
