"""What a training job does on this machine: from its request to a JobPlan, by AWS's container contract.

The contract: "How Amazon SageMaker Provides Training Information", Amazon SageMaker Developer Guide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gluonship.local.contracts import Channel, Checkpoints, JobPlan, MetricDefinition, Output
from gluonship.local.sagemaker.job_kinds import Job

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
METRIC_NAMESPACE = "/aws/sagemaker/TrainingJobs"
HOST = "algo-1"

_FOLDERS = ("model", "output/data", "input/data")


def plan(job: Job, now: datetime, *, memory_limit_bytes: int | None = None) -> JobPlan:
    """The plan of an attempt that starts at `now`. Pure."""
    request = job.request
    algorithm = request["AlgorithmSpecification"]
    return JobPlan(
        scope=job.scope,
        name=job.name,
        image=algorithm["TrainingImage"],
        command="train",
        log_group=LOG_GROUP,
        log_stream=f"{job.name}/{HOST}-{int(now.timestamp())}",
        files=_files(request),
        environment=_environment(job),
        entrypoint=tuple(algorithm.get("ContainerEntrypoint", ())),
        arguments=tuple(algorithm.get("ContainerArguments", ())),
        folders=_FOLDERS,
        channels=tuple(_channel(channel) for channel in request.get("InputDataConfig", ())),
        outputs=_outputs(job),
        checkpoints=_checkpoints(request.get("CheckpointConfig")),
        metric_definitions=tuple(
            MetricDefinition(definition["Name"], definition["Regex"])
            for definition in algorithm.get("MetricDefinitions", ())
        ),
        metric_namespace=METRIC_NAMESPACE,
        metric_dimensions={"TrainingJobName": job.name},
        memory_limit_bytes=memory_limit_bytes,
        role_arn=request["RoleArn"],
    )


def output_uri(job: Job) -> str:
    """Where the job's results go: s3://.../JOB/output, without a slash at its end."""
    return f"{str(job.request['OutputDataConfig']['S3OutputPath']).rstrip('/')}/{job.name}/output"


def model_uri(job: Job) -> str:
    """ModelArtifacts.S3ModelArtifacts: the archive, or the prefix of an uncompressed model."""
    return f"{output_uri(job)}/{'model' if _uncompressed(job) else 'model.tar.gz'}"


def _files(request: Mapping[str, Any]) -> dict[str, bytes]:
    resources = request["ResourceConfig"]
    mode = request["AlgorithmSpecification"]["TrainingInputMode"]
    contents: dict[str, Any] = {
        "hyperparameters": dict(request.get("HyperParameters", {})),
        "inputdataconfig": {
            channel["ChannelName"]: _channel_config(channel, mode)
            for channel in request.get("InputDataConfig", ())
        },
        "resourceconfig": {
            "current_host": HOST,
            "current_instance_type": resources["InstanceType"],
            "current_group_name": "homogeneousCluster",
            "hosts": [HOST],
            "instance_groups": [
                {
                    "instance_group_name": "homogeneousCluster",
                    "instance_type": resources["InstanceType"],
                    "hosts": [HOST],
                }
            ],
            "network_interface_name": "lo",  # eth0 on AWS
        },
    }
    return {
        f"input/config/{name}.json": (json.dumps(content, indent=2) + "\n").encode()
        for name, content in contents.items()
    }


def _channel_config(channel: Mapping[str, Any], mode: str) -> dict[str, str]:
    config = {
        "TrainingInputMode": channel.get("InputMode", mode),
        "S3DistributionType": channel["DataSource"]["S3DataSource"]["S3DataDistributionType"],
        "RecordWrapperType": channel["RecordWrapperType"],
    }
    content_type = channel.get("ContentType")
    return {"ContentType": content_type, **config} if content_type else config


def _environment(job: Job) -> dict[str, str]:
    """The user's variables, and AWS's own, which win."""
    return {
        **job.request.get("Environment", {}),
        "AWS_REGION": job.scope.region,
        "AWS_DEFAULT_REGION": job.scope.region,
        "SAGEMAKER_REGION": job.scope.region,
        "TRAINING_JOB_ARN": job.arn,
        "TRAINING_JOB_NAME": job.name,
    }


def _channel(channel: Mapping[str, Any]) -> Channel:
    """Sharding by key over one host gives it all keys; FastFile is downloaded first, like File."""
    s3 = channel["DataSource"]["S3DataSource"]
    return Channel(
        name=channel["ChannelName"],
        uri=s3["S3Uri"],
        data_type=s3["S3DataType"],
        compression=channel["CompressionType"],
    )


def _outputs(job: Job) -> tuple[Output, ...]:
    """The model, and what lies in output/data, which a failed job keeps too. As on AWS, what was not
    written is not uploaded."""
    archive = not _uncompressed(job)
    data = f"{output_uri(job)}/{'output.tar.gz' if archive else 'data'}"
    return (
        Output("model", model_uri(job), archive=archive, skip_if_empty=True),
        Output("output/data", data, archive=archive, skip_if_empty=True, even_if_failed=True),
    )


def _uncompressed(job: Job) -> bool:
    return bool(job.request["OutputDataConfig"].get("CompressionType") == "NONE")


def _checkpoints(config: Mapping[str, Any] | None) -> Checkpoints | None:
    return None if config is None else Checkpoints(uri=config["S3Uri"], folder=config["LocalPath"])
