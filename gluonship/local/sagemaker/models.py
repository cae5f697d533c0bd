"""Models: which image serves which files. CreateModel, DescribeModel, ListModels, DeleteModel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gluonship.local.contracts import Clock, Handler, Scope
from gluonship.local.sagemaker.endpoint_resources import Records, answered_page, invalid, refused
from gluonship.local.sagemaker.listing import Listed, page
from gluonship.local.sagemaker.model_packages import ModelPackages
from gluonship.local.sagemaker.tags import Tags

# Echoed by DescribeModel. VpcConfig and EnableNetworkIsolation are recorded: containers here are processes
# of this machine, on its network.
_ECHOED = (
    "PrimaryContainer",
    "Containers",
    "InferenceExecutionConfig",
    "ExecutionRoleArn",
    "VpcConfig",
    "EnableNetworkIsolation",
)


_OF_PACKAGE = ("Image", "ModelDataUrl", "ModelDataSource")


@dataclass(frozen=True)
class Model:
    scope: Scope
    name: str
    arn: str
    created: datetime
    request: dict[str, Any]  # of CreateModel, accepted
    container: dict[str, Any]  # the one that runs here; with what its model package says, if it names one

    @property
    def image(self) -> str:
        return str(self.container["Image"])

    @property
    def environment(self) -> dict[str, str]:
        return dict(self.container.get("Environment", {}))

    @property
    def role_arn(self) -> str:
        return str(self.request["ExecutionRoleArn"])

    @property
    def model_data_uri(self) -> str | None:
        """A .tar.gz, or a prefix that ends with a slash: its objects as they are."""
        source = self.container.get("ModelDataSource", {}).get("S3DataSource")
        uri = source["S3Uri"] if source else self.container.get("ModelDataUrl")
        return uri or None


class Models:
    def __init__(self, clock: Clock, tags: Tags, packages: ModelPackages) -> None:
        self._clock = clock
        self._tags = tags
        self._packages = packages
        self._records: Records[Model] = Records("model", "model")

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateModel": self.create,
            "DescribeModel": self.describe,
            "ListModels": self.list,
            "DeleteModel": self.delete,
        }

    def find(self, scope: Scope, name: str) -> Model:
        """Raises AwsError."""
        return self._records.find(scope, name)

    def create(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        container = self._resolved(scope, _checked_container(request))
        name = request["ModelName"]
        model = Model(scope, name, self._records.arn(scope, name), self._clock.now(), request, container)
        self._records.add(model)
        self._tags.register(model.arn, request.get("Tags"))
        return {"ModelArn": model.arn}

    def describe(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        model = self.find(scope, request["ModelName"])
        return {
            "ModelName": model.name,
            "ModelArn": model.arn,
            "CreationTime": model.created,
            "EnableNetworkIsolation": False,
            **{member: model.request[member] for member in _ECHOED if member in model.request},
        }

    def list(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        rows = [Listed(m.name, m.created, m.created, "", _summary(m)) for m in self._records.of(scope)]
        return answered_page("Models", *page(rows, request, default_sort_order="Descending"))

    def delete(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        self._tags.forget(self._records.remove(scope, request["ModelName"]).arn)
        return {}

    def _resolved(self, scope: Scope, container: dict[str, Any]) -> dict[str, Any]:
        """The container with the image and the data of its model package; its own variables win."""
        package = container.get("ModelPackageName")
        if not package:
            return container
        registered = self._packages.container(scope, package, container.get("InferenceSpecificationName"))
        environment = {**registered["Environment"], **container.get("Environment", {})}
        resolved = {**container, **registered, "Environment": environment}
        _check_container(resolved)
        return resolved


def _summary(model: Model) -> dict[str, Any]:
    return {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.created}


def _checked_container(request: dict[str, Any]) -> dict[str, Any]:
    """The one container that runs. Raises AwsError for what AWS refuses, and for what cannot run here."""
    containers = request.get("Containers") or []
    if ("PrimaryContainer" in request) == bool(containers):
        raise invalid("Specify either PrimaryContainer or Containers, and not both.")
    if len(containers) > 1:
        raise refused("An inference pipeline of several Containers", "Give one container.")
    if not request.get("ExecutionRoleArn"):
        raise invalid("ExecutionRoleArn is required: a model needs a role to read its image and its data.")
    if request.get("InferenceExecutionConfig", {}).get("Mode") == "Direct":
        raise refused("InferenceExecutionConfig with Mode Direct", "Leave it out.")
    container: dict[str, Any] = containers[0] if containers else request["PrimaryContainer"]
    if container.get("ModelPackageName"):
        given = [member for member in _OF_PACKAGE if container.get(member)]
        if given:
            raise invalid(f"Specify either ModelPackageName or {' and '.join(given)}, and not both.")
    elif not container.get("Image"):
        raise invalid("A container needs Image (or ModelPackageName).")
    _check_container(container)
    return container


def _check_container(container: dict[str, Any]) -> None:
    if container.get("Mode") == "MultiModel":
        raise refused("Mode MultiModel", "Create one model for each model.tar.gz, with Mode SingleModel.")
    if container.get("AdditionalModelDataSources"):
        raise refused("AdditionalModelDataSources", "Put all files into one model.tar.gz.")
    _check_source(container)


def _check_source(container: dict[str, Any]) -> None:
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source is None:
        return
    if container.get("ModelDataUrl"):
        raise invalid("Specify either ModelDataUrl or ModelDataSource, and not both.")
    for member in ("HubAccessConfig", "ManifestS3Uri"):
        if source.get(member):
            raise refused(f"S3DataSource with {member}", "Give the S3Uri of the model's files themselves.")
    kind, compression, uri = source["S3DataType"], source["CompressionType"], source["S3Uri"]
    if kind == "S3Prefix":
        if compression != "None":
            raise invalid("S3DataType S3Prefix goes with CompressionType None; a .tar.gz is an S3Object.")
        if not uri.endswith("/"):
            raise invalid(f"The S3Uri of an S3Prefix must end with a forward slash; {uri} does not.")
    elif compression == "None":
        raise refused(
            "S3DataType S3Object with CompressionType None",
            "Give a .tar.gz with CompressionType Gzip, or an S3Prefix.",
        )
