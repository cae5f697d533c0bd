"""What a processing job does on this machine: from its request to a JobPlan, by AWS's container contract.

The contract: "How to Build Your Own Processing Container", Amazon SageMaker Developer Guide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gluonship.local.contracts import Channel, JobPlan, Output
from gluonship.local.sagemaker.job_kinds import Job
from gluonship.local.sagemaker.processing_jobs_request import relative_folder

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
HOST = "algo-1"

_CONFIGURED = (
    "AppSpecification",
    "Environment",
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "NetworkConfig",
    "RoleArn",
    "StoppingCondition",
)  # of processingjobconfig.json, as the request has them


def plan(job: Job, now: datetime, *, memory_limit_bytes: int | None = None) -> JobPlan:
    """The plan of an attempt that starts at `now`. Pure."""
    request = job.request
    application = request["AppSpecification"]
    outputs = _outputs(request)
    return JobPlan(
        scope=job.scope,
        name=job.name,
        image=application["ImageUri"],
        command="process",
        log_group=LOG_GROUP,
        log_stream=f"{job.name}/{HOST}-{int(now.timestamp())}",
        files=_files(job),
        environment=_environment(job),
        entrypoint=tuple(application.get("ContainerEntrypoint", ())),
        arguments=tuple(application.get("ContainerArguments", ())),
        folders=("output", "processing", *(output.folder for output in outputs)),
        channels=_inputs(request),
        outputs=outputs,
        memory_limit_bytes=memory_limit_bytes,
        failure_file="",
        failure_lead="See job logs for more information",
        message_file="output/message",
        role_arn=request["RoleArn"],
    )


def _files(job: Job) -> dict[str, bytes]:
    contents: dict[str, Any] = {
        "processingjobconfig": _configuration(job),
        "resourceconfig": {"current_host": HOST, "hosts": [HOST]},
    }
    return {
        f"config/{name}.json": (json.dumps(content, indent=2) + "\n").encode()
        for name, content in contents.items()
    }


def _configuration(job: Job) -> dict[str, Any]:
    """AWS writes null for what was not given of AppSpecification."""
    configured = {member: job.request[member] for member in _CONFIGURED if member in job.request}
    configured["AppSpecification"] = {
        "ContainerEntrypoint": None,
        "ContainerArguments": None,
        **job.request["AppSpecification"],
    }
    return {"ProcessingJobArn": job.arn, "ProcessingJobName": job.name, **configured}


def _environment(job: Job) -> dict[str, str]:
    """The user's variables, and AWS's own, which win."""
    return {
        **job.request.get("Environment", {}),
        "AWS_REGION": job.scope.region,
        "AWS_DEFAULT_REGION": job.scope.region,
        "PROCESSING_JOB_ARN": job.arn,
        "PROCESSING_JOB_NAME": job.name,
    }


def _inputs(request: Mapping[str, Any]) -> tuple[Channel, ...]:
    """Sharding by key over one host gives it all keys. What the application manages is left to it."""
    return tuple(
        Channel(
            name=entry["InputName"],
            uri=entry["S3Input"]["S3Uri"],
            data_type=entry["S3Input"]["S3DataType"],
            destination=relative_folder(entry["S3Input"]["LocalPath"]),
        )
        for entry in request.get("ProcessingInputs", ())
        if not entry.get("AppManaged")
    )


def _outputs(request: Mapping[str, Any]) -> tuple[Output, ...]:
    return tuple(
        Output(
            folder=relative_folder(entry["S3Output"]["LocalPath"]),
            uri=entry["S3Output"]["S3Uri"],
            archive=False,
            continuous=entry["S3Output"]["S3UploadMode"] == "Continuous",
        )
        for entry in request.get("ProcessingOutputConfig", {}).get("Outputs", ())
        if not entry.get("AppManaged")
    )
