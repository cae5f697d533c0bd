"""Amazon SageMaker: models, endpoint configurations and endpoints. They truly run in this cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gluonship.local.cloudformation.contract import UNKNOWN
from gluonship.local.cloudformation.types.declaration import (
    Call,
    Name,
    Read,
    Refused,
    ResourceType,
    Settling,
    Tagging,
)
from gluonship.local.cloudformation.types.steps import listed


def tagging(arn: str) -> Tagging:
    return Tagging("AddTags", "DeleteTags", {"ResourceArn": f"{{{arn}}}"})


def tags(arn: str) -> dict[str, Read]:
    return {"Tags": Read("ListTags", {"ResourceArn": f"{{{arn}}}"}, "Tags")}


_MACHINES = "kept and shown; containers are processes of this machine"
_NETWORK = "kept and shown; containers are on this machine's network"


def _one_container(properties: Mapping[str, Any]) -> str | None:
    containers = properties.get("Containers")
    if ("PrimaryContainer" in properties) == bool(containers):
        return "Properties: specify either PrimaryContainer or Containers, and not both"
    if isinstance(containers, list) and len(containers) > 1:
        return "Properties/Containers: an inference pipeline of several containers does not run here"
    if not properties.get("ExecutionRoleArn"):
        return "Properties: ExecutionRoleArn is required: a model needs a role to read its image and its data"
    return None


def _of_containers(paths: Mapping[str, str | Refused]) -> dict[str, str | Refused]:
    return {f"{top}.{path}": why for top in ("PrimaryContainer", "Containers") for path, why in paths.items()}


MODEL = ResourceType(
    "sagemaker",
    create=Call("CreateModel"),
    delete=Call("DeleteModel", {"ModelName": "{ModelName}"}),
    read=Read("DescribeModel", {"ModelName": "{ModelName}"}),
    name=Name("ModelName", max_length=63),
    ref="{ModelArn}",
    objection=_one_container,
    recorded={
        "VpcConfig": _NETWORK,
        "EnableNetworkIsolation": _NETWORK,
        "PrimaryContainer.ImageConfig": "kept and shown; images are not pulled",
        "Containers.ImageConfig": "kept and shown; images are not pulled",
        "PrimaryContainer.ContainerHostname": "kept and shown",
        "Containers.ContainerHostname": "kept and shown",
    },
    refused={
        "InferenceExecutionConfig.Mode": Refused("only one container runs here", ("Serial",)),
        **_of_containers(
            {
                "Mode": Refused(
                    "multi-model containers do not run here; make a model of each", ("SingleModel",)
                ),
                "MultiModelConfig": "multi-model containers do not run here; make a model of each",
            }
        ),
    },
    tagging=tagging("ModelArn"),
    snapshot=tags("ModelArn"),
    note="serves, once an endpoint uses it",
)

_NOT_HERE = "does not run here yet"
_INSTANCE = "give InstanceType and InitialInstanceCount"


def _complete_variants(properties: Mapping[str, Any]) -> str | None:
    for index, variant in enumerate(listed(properties["ProductionVariants"])):
        if not isinstance(variant, Mapping):
            continue
        for name in ("ModelName", "InstanceType", "InitialInstanceCount"):
            if not variant.get(name):
                return f"Properties/ProductionVariants/{index}: {name} is required here"
    return None


ENDPOINT_CONFIG = ResourceType(
    "sagemaker",
    create=Call("CreateEndpointConfig"),
    delete=Call("DeleteEndpointConfig", {"EndpointConfigName": "{EndpointConfigName}"}),
    read=Read("DescribeEndpointConfig", {"EndpointConfigName": "{EndpointConfigName}"}),
    name=Name("EndpointConfigName", max_length=63),
    ref="{EndpointConfigArn}",
    objection=_complete_variants,
    recorded={
        "KmsKeyId": "kept and shown; volumes are this machine's disk",
        "VpcConfig": _NETWORK,
        "EnableNetworkIsolation": _NETWORK,
        "ExecutionRoleArn": "kept and shown; IAM is not enforced here",
        "MetricsConfig": "kept and shown; metrics are published as they always are",
        "ProductionVariants.InstanceType": _MACHINES,
        "ProductionVariants.VolumeSizeInGB": _MACHINES,
        "ProductionVariants.EnableSSMAccess": _MACHINES,
        "ProductionVariants.InferenceAmiVersion": _MACHINES,
        "ProductionVariants.CapacityReservationConfig": _MACHINES,
        "ProductionVariants.ManagedInstanceScaling": "kept and shown; the number of instances stays",
        "ProductionVariants.ModelDataDownloadTimeoutInSeconds": "kept and shown; files are copied here",
    },
    refused={
        "AsyncInferenceConfig": f"asynchronous inference {_NOT_HERE}; leave it out and call InvokeEndpoint",
        "ExplainerConfig": f"an explainer {_NOT_HERE}; leave it out",
        "ShadowProductionVariants": f"shadow traffic {_NOT_HERE}; give the model a variant of its own",
        "DataCaptureConfig.EnableCapture": f"data capture {_NOT_HERE}; leave it out, or set it to false",
        "ProductionVariants.ServerlessConfig": f"serverless inference {_NOT_HERE}; {_INSTANCE}",
        "ProductionVariants.InstancePools": f"a choice of instances {_NOT_HERE}; {_INSTANCE}",
        "ProductionVariants.RoutingConfig.RoutingStrategy": Refused(
            "use LEAST_OUTSTANDING_REQUESTS or RANDOM", ("LEAST_OUTSTANDING_REQUESTS", "RANDOM")
        ),
    },
    tagging=tagging("EndpointConfigArn"),
    snapshot=tags("EndpointConfigArn"),
    note="which models, on how many processes, with which share of the requests",
)

# https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
_SHIFTS = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
_PERCENT = {"CanarySize": (1, 50), "LinearStepSize": (10, 50)}
_ROUTING = "DeploymentConfig/BlueGreenUpdatePolicy/TrafficRoutingConfiguration"


def _traffic_shift(properties: Mapping[str, Any]) -> str | None:
    """What can be said of a shift before its endpoint exists; a size in instances depends on their number."""
    routing: Any = properties
    for step in _ROUTING.split("/"):
        routing = routing.get(step, {})
        if not isinstance(routing, Mapping):
            return None  # not known yet
    kind = routing.get("Type", "ALL_AT_ONCE")
    if kind is UNKNOWN:
        return None
    for other in _SHIFTS.values():
        if other in routing and other != _SHIFTS.get(kind):
            return f"Properties/{_ROUTING}/{other}: does not go with Type {kind}"
    if kind not in _SHIFTS:
        return None
    member = _SHIFTS[kind]
    size = routing.get(member)
    if size is None:
        return f"Properties/{_ROUTING}: {member} is required with Type {kind}"
    if isinstance(size, Mapping) and size.get("Type") == "CAPACITY_PERCENT":
        value, (least, most) = size.get("Value"), _PERCENT[member]
        if isinstance(value, int) and not least <= value <= most:
            return f"Properties/{_ROUTING}/{member}/Value: {value} % is not within {least} and {most}"
    return None


ENDPOINT = ResourceType(
    "sagemaker",
    create=Call("CreateEndpoint"),
    update=(Call("UpdateEndpoint"),),
    delete=Call("DeleteEndpoint", {"EndpointName": "{EndpointName}"}),
    read=Read("DescribeEndpoint", {"EndpointName": "{EndpointName}"}),
    name=Name("EndpointName", max_length=63),
    ref="{EndpointArn}",
    # Absent means so in UpdateEndpoint; the update itself sends what the template has.
    resets={
        "RetainAllVariantProperties": False,
        "RetainDeploymentConfig": False,
        "ExcludeRetainedVariantProperties": [],
        "DeploymentConfig": None,
    },
    refused={
        "DeploymentConfig.RollingUpdatePolicy": "use BlueGreenUpdatePolicy; rolling updates do not run here",
    },
    objection=_traffic_shift,
    settling=Settling(
        "EndpointStatus",
        up=("InService",),
        failed=("Failed", "UpdateRollbackFailed", "OutOfService"),
        shows="EndpointConfigName",
    ),
    vanishes=True,
    tagging=tagging("EndpointArn"),
    snapshot=tags("EndpointArn"),
    # What a failed update leaves behind of itself, and of its going back.
    volatile=("FailureReason", "LastDeploymentConfig"),
    note="answers requests: a process for each instance, behind the data plane; an update is blue/green, and "
    "its alarms take it back",
)

TYPES: Mapping[str, ResourceType] = {
    "AWS::SageMaker::Model": MODEL,
    "AWS::SageMaker::EndpointConfig": ENDPOINT_CONFIG,
    "AWS::SageMaker::Endpoint": ENDPOINT,
}
