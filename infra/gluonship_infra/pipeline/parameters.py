"""What the state machine is told about the account: names, ARNs and URIs, which may be tokens of CDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gluonship_infra.pipeline.settings import PipelineSettings

VARIANT = "AllTraffic"
Kind = Literal["training", "checkpoints", "evaluations", "compiled"]

# What AWS's MXNet container needs to find the handler that an artifact brings with it.
SERVING_ENVIRONMENT: Mapping[str, str] = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
}


def folder(kind: Kind, stem: str) -> str:
    """The key prefix in the models bucket under which a pipeline keeps what it makes of a kind."""
    return f"{kind}/{stem}"


@dataclass(frozen=True)
class SourceFile:
    """A file of code in S3, which SageMaker puts into the job's container under its own name."""

    bucket: str
    key: str  # without a folder

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Network:
    """A VPC's subnets and security groups, by their ids."""

    subnets: Sequence[str]
    security_groups: Sequence[str]

    def to_aws(self) -> dict[str, Any]:
        return {"Subnets": list(self.subnets), "SecurityGroupIds": list(self.security_groups)}


@dataclass(frozen=True)
class Parameters:
    stem: str  # names.stem of the pipeline
    region: str
    data_bucket: str
    models_bucket: str
    key_arn: str
    training_image: str
    evaluation_image: str
    inference_image: str
    training_role: str
    evaluation_role: str
    serving_role: str
    compilation_role: str  # '' where there is nothing to compile for
    training_source: SourceFile
    evaluation_source: SourceFile
    endpoint_name: str
    model_package_group: str
    topic: str
    settings: PipelineSettings
    network: Network | None = None
    # A container of AWS's installs what it lacks when it starts, for which it needs the network.
    isolated_serving: bool = False
    serving_environment: Mapping[str, str] = field(default_factory=lambda: SERVING_ENVIRONMENT)

    def uri(self, kind: Kind) -> str:
        return f"s3://{self.models_bucket}/{folder(kind, self.stem)}"
