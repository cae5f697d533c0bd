"""The shape of the configuration file: every key with its type and what is allowed.

[pipeline], [endpoint.scaling] and [endpoint.alarms] are the constructs' own settings, so that one place says
what each may be. gluonship.toml documents the keys for people.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass as checked

from gluonship_infra.configuration_contradictions import Contradictions, contradictions
from gluonship_infra.configuration_values import (
    AccountId,
    Boundary,
    Days,
    Email,
    EndpointName,
    Environment,
    Image,
    KeyArn,
    Project,
    Qualifier,
    Region,
    SecurityGroup,
    Subnet,
    TagName,
    TagValue,
    Vpc,
    Zone,
)
from gluonship_infra.endpoint import AlarmThresholds, Scaling, ScheduledCapacity
from gluonship_infra.naming import resource_prefix
from gluonship_infra.pipeline.settings import PipelineSettings

Part = Literal["storage", "pipeline", "endpoint"]

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class PipelineTable(PipelineSettings):
    """[pipeline]: the construct's settings, with a check of names and types before their own."""


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class ScheduleTable(ScheduledCapacity):
    """[[endpoint.scaling.schedules]]: likewise."""


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class AlarmsTable(AlarmThresholds):
    """[endpoint.alarms]: likewise."""


class _Table(BaseModel):
    model_config = _STRICT


class Account(_Table):
    """[account]: where the stacks go. All is optional, and nothing is looked up."""

    id: AccountId | None = None
    region: Region | None = None
    permissions_boundary: Boundary | None = None
    bootstrap_qualifier: Qualifier | None = None


class StorageTable(_Table):
    """[storage]: what the storage stack keeps, and for how long."""

    removal: Literal["retain", "destroy"] = "retain"
    noncurrent_days: Days = 30
    checkpoint_days: Days = 30
    log_days: Days = 365
    untagged_image_days: Days = 14
    infrequent_days: Annotated[int, Field(ge=30, le=3650)] | None = None  # S3 takes no fewer than 30
    key_arn: KeyArn | None = None


class Network(_Table):
    """[network]: an existing VPC, given in full."""

    vpc_id: Vpc
    availability_zones: Annotated[tuple[Zone, ...], Field(min_length=1)]
    subnet_ids: Annotated[tuple[Subnet, ...], Field(min_length=1, max_length=16)]
    security_group_ids: Annotated[tuple[SecurityGroup, ...], Field(min_length=1, max_length=5)]
    reaches_pypi: bool = False

    @model_validator(mode="after")
    def _one_zone_a_subnet(self) -> Self:
        zones, subnets = len(self.availability_zones), len(self.subnet_ids)
        if zones != subnets:
            raise ValueError(
                f"availability_zones has {zones} and subnet_ids {subnets}; allowed is one zone a subnet"
            )
        return self


class Images(_Table):
    """[images]: what the jobs and the endpoint run, if not AWS's own containers."""

    training: Image | None = None
    inference: Image | None = None


class Notices(_Table):
    """[notices]: who is told."""

    email: Email | None = None


class ScalingTable(_Table):
    """[endpoint.scaling]: what EndpointOperations takes of a Scaling, which says what is allowed."""

    min_capacity: int = 1
    max_capacity: int = 4
    invocations_per_instance: float = 600.0
    scale_in_cooldown_seconds: int = 300
    scale_out_cooldown_seconds: int = 300
    scale_in: bool = True
    schedules: tuple[ScheduleTable, ...] = ()

    @model_validator(mode="after")
    def _scales(self) -> Self:
        Scaling(**dict(self))
        return self


class EndpointTable(_Table):
    """[endpoint]: the endpoint's name, and how it is scaled and watched once it exists."""

    name: EndpointName | None = None
    rolls_back: bool = True
    short_watch: bool = False
    scaling: ScalingTable = ScalingTable()
    alarms: AlarmsTable = Field(default_factory=AlarmsTable)


def _stand(stacks: tuple[Part, ...]) -> tuple[Part, ...]:
    if len(set(stacks)) != len(stacks):
        raise ValueError("names a stack twice; allowed is each once")
    if "storage" not in stacks:
        raise ValueError("lacks 'storage', whose buckets and key the others use; add it")
    return stacks


class Configuration(_Table):
    """One environment's configuration."""

    project: Project = "GluonShip"
    environment: Environment
    stacks: Annotated[tuple[Part, ...], AfterValidator(_stand)] = ("storage", "pipeline", "endpoint")
    tags: dict[TagName, TagValue] = Field(default_factory=dict)
    account: Account = Account()
    storage: StorageTable = StorageTable()
    network: Network | None = None
    images: Images = Images()
    notices: Notices = Notices()
    pipeline: PipelineTable = Field(default_factory=PipelineTable)
    endpoint: EndpointTable = Field(default_factory=EndpointTable)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if problems := list(contradictions(self)):
            raise Contradictions(problems)
        return self

    @property
    def prefix(self) -> str:
        """What the names of resources begin with."""
        return resource_prefix(self.project, self.environment)

    @property
    def endpoint_name(self) -> str:
        """The endpoint that the pipeline deploys to and the endpoint stack watches."""
        return self.endpoint.name or self.prefix
