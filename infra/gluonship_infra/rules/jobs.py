"""Rules for what SageMaker runs: isolation, encryption and a limit in time."""

from __future__ import annotations

from collections.abc import Iterator

from gluonship_infra.instance_types import has_local_disk
from gluonship_infra.rules.requests import AtRunTime, Request, requests, unreadable
from gluonship_infra.rules.rule import Finding, Rule
from gluonship_infra.rules.templates import Template

_GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg"
_API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference"

_ISOLATION = {
    "CreateTrainingJob": "EnableNetworkIsolation",
    "CreateProcessingJob": "NetworkConfig.EnableNetworkIsolation",
    "CreateModel": "EnableNetworkIsolation",
}
_TRAFFIC = {
    "CreateTrainingJob": ("EnableInterContainerTrafficEncryption", "ResourceConfig.InstanceCount"),
    "CreateProcessingJob": (
        "NetworkConfig.EnableInterContainerTrafficEncryption",
        "ProcessingResources.ClusterConfig.InstanceCount",
    ),
}
_VOLUME = {
    "CreateTrainingJob": ("ResourceConfig.VolumeKmsKeyId", "ResourceConfig.InstanceType"),
    "CreateProcessingJob": (
        "ProcessingResources.ClusterConfig.VolumeKmsKeyId",
        "ProcessingResources.ClusterConfig.InstanceType",
    ),
    "CreateTransformJob": ("TransformResources.VolumeKmsKeyId", "TransformResources.InstanceType"),
}
_OUTPUT = {
    "CreateTrainingJob": "OutputDataConfig.KmsKeyId",
    "CreateProcessingJob": "ProcessingOutputConfig.KmsKeyId",
    "CreateTransformJob": "TransformOutput.KmsKeyId",
    "CreateCompilationJob": "OutputConfig.KmsKeyId",
}
_TIME = ("CreateTrainingJob", "CreateProcessingJob", "CreateCompilationJob")


def _isolation(template: Template) -> Iterator[Finding]:
    for request in requests(template):
        path = _ISOLATION.get(request.operation)
        if path and request.get(path) is not True:
            yield _found(request, path, "is not true")


def _traffic(template: Template) -> Iterator[Finding]:
    for request in requests(template):
        if request.operation not in _TRAFFIC:
            continue
        path, count = _TRAFFIC[request.operation]
        if request.get(count) != 1 and request.get(path) is not True:
            yield _found(request, path, "is not true, and the job may have several instances")


def _volume(template: Template) -> Iterator[Finding]:
    for request in requests(template):
        if request.operation not in _VOLUME:
            continue
        path, instance = _VOLUME[request.operation]
        key, type_ = request.get(path), request.get(instance)
        local = isinstance(type_, str) and not isinstance(type_, AtRunTime) and has_local_disk(type_)
        if local and key:
            yield _found(
                request, path, f"is given, which SageMaker refuses for '{type_}' (its disk is local)"
            )
        if not local and not key:
            yield _found(request, path, "is missing")


def _output(template: Template) -> Iterator[Finding]:
    for request in requests(template):
        path = _OUTPUT.get(request.operation)
        if path and not request.get(path):
            yield _found(request, path, "is missing")


def _time(template: Template) -> Iterator[Finding]:
    path = "StoppingCondition.MaxRuntimeInSeconds"
    for request in requests(template):
        if request.operation in _TIME and not request.get(path):
            yield _found(request, path, "is missing")


def _readable(template: Template) -> Iterator[Finding]:
    for machine, reason in unreadable(template):
        yield Finding(machine.id, "Properties", reason)


def _found(request: Request, path: str, message: str) -> Finding:
    return request.finding(path, f"{path} {message}")


RULES = (
    Rule(
        "NetworkIsolation",
        "Training, processing and models run with network isolation.",
        "A container that cannot reach the network cannot send images, labels or a model to anybody.",
        "Set EnableNetworkIsolation to true; what the container needs goes in through channels.",
        f"{_GUIDE}/mkt-algo-model-internet-free.html",
        _isolation,
    ),
    Rule(
        "InterContainerEncryption",
        "Jobs of several instances encrypt what the instances send each other.",
        "Gradients tell about the images that they were computed from.",
        "Set EnableInterContainerTrafficEncryption to true.",
        f"{_GUIDE}/train-encrypt.html",
        _traffic,
    ),
    Rule(
        "VolumeEncryption",
        "Jobs' volumes are encrypted with the account's own key, where the instance type takes one.",
        "Only a key of one's own can be audited, and taken away.",
        "Set VolumeKmsKeyId; leave it out for instance types with a local disk.",
        f"{_API}/API_ResourceConfig.html",
        _volume,
    ),
    Rule(
        "OutputEncryption",
        "What jobs write to S3 is encrypted with a key of the account's own.",
        "A model is its training images in another form.",
        "Set KmsKeyId of the job's output.",
        f"{_GUIDE}/encryption-at-rest-overview.html",
        _output,
    ),
    Rule(
        "JobTimeLimit",
        "Jobs end after a time that was chosen.",
        "SageMaker's own limit is a day or more, and an instance that hangs is paid for until then.",
        "Set StoppingCondition.MaxRuntimeInSeconds.",
        f"{_API}/API_StoppingCondition.html",
        _time,
    ),
    Rule(
        "ReadableDefinition",
        "A state machine's definition is in the template.",
        "The tasks of a definition that lies elsewhere escape every other rule.",
        "Give the definition inline (DefinitionBody.from_chainable or from_string).",
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
        "aws-resource-stepfunctions-statemachine.html",
        _readable,
    ),
)
