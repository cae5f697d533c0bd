"""Stand-ins for what endpoints ask of serving: fleets that come up when told, a router that keeps routes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from job_fakes import KeptEvents, ManualClock, conforms

from gluonship.local.contracts import AwsError, FleetPlan, ProvisionFailed, Route, Scope
from gluonship.local.sagemaker.endpoint_configs import EndpointConfigs
from gluonship.local.sagemaker.endpoints import Endpoints
from gluonship.local.sagemaker.model_packages import ModelPackages
from gluonship.local.sagemaker.models import Models
from gluonship.local.sagemaker.tags import Tags

SCOPE = Scope("123456789012", "eu-west-1")
ROLE = "arn:aws:iam::123456789012:role/any"
WAIT_SECONDS = 10.0
BUSY = ("Creating", "Updating", "RollingBack")


@dataclass(eq=False)
class FakeFleet:
    plan: FleetPlan
    retired: float | None = None

    @property
    def instance_ids(self) -> Sequence[str]:
        return [f"i-{each}" for each in range(self.plan.instance_count)]

    def retire(self, drain_seconds: float) -> None:
        self.retired = drain_seconds


@dataclass
class FakeFleets:
    """An image named `bad` never comes up; while `gate` is closed, none does."""

    fleets: list[FakeFleet] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def provision(self, plan: FleetPlan) -> FakeFleet:
        assert self.gate.wait(WAIT_SECONDS)
        if plan.image == "bad":
            raise ProvisionFailed(f"variant {plan.variant_name} did not pass the ping health check")
        self.fleets.append(FakeFleet(plan))
        return self.fleets[-1]

    @property
    def up(self) -> list[FakeFleet]:
        return [fleet for fleet in self.fleets if fleet.retired is None]


@dataclass
class FakeRouter:
    """`broken` of the next calls fail."""

    history: list[list[Route]] = field(default_factory=list)
    broken: int = 0

    def set_routes(self, scope: Scope, endpoint_name: str, routes: Sequence[Route]) -> None:
        if self.broken:
            self.broken -= 1
            raise OSError("the data plane is gone")
        self.history.append(list(routes))


@dataclass
class FakeAlarms:
    """The states of the alarms that exist; `asked` for which ones, at each look."""

    now: dict[str, str] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)
    unreadable: bool = False

    def states(self, scope: Scope, names: Sequence[str]) -> dict[str, str]:
        self.asked.append(list(names))
        if self.unreadable:
            raise AwsError("InternalFailure", "CloudWatch's alarms could not be read", 500)
        return {name: state for name, state in self.now.items() if name in names}


@dataclass
class FakeScalableTargets:
    """The registered variants, by endpoint."""

    registered: dict[str, set[str]] = field(default_factory=dict)
    broken: bool = False

    def variants(self, scope: Scope, endpoint_name: str) -> set[str]:
        return self.registered.get(endpoint_name, set())

    def deregister(self, scope: Scope, endpoint_name: str) -> None:
        if self.broken:
            raise AwsError("InternalFailure", "Application Auto Scaling did not answer", 500)
        self.registered.pop(endpoint_name, None)


class Account:
    """Models, configurations and endpoints of one account, called by operation."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.events = KeptEvents()
        self.tags = Tags()
        self.fleets = FakeFleets()
        self.router = FakeRouter()
        self.alarms = FakeAlarms()
        self.targets = FakeScalableTargets()
        self.packages = ModelPackages(self.clock, self.events, self.tags)
        self.models = Models(self.clock, self.tags, self.packages)
        configs = EndpointConfigs(self.clock, self.tags, self.models)
        endpoints = Endpoints(
            self.models,
            configs,
            self.fleets,
            self.router,
            self.alarms,
            self.targets,
            self.clock,
            self.events,
            self.tags,
            startup_seconds=480.0,
            drain_seconds=30.0,
            memory_limit_bytes=2**30,
        )
        self.operations = {
            **self.packages.operations(),
            **self.models.operations(),
            **configs.operations(),
            **endpoints.operations(),
            **self.tags.operations(),
        }

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """Both ends of what succeeds conform to botocore's model."""
        answer = self.operations[operation](SCOPE, members)
        conforms(operation, "input", members)
        conforms(operation, "output", answer)
        return answer

    def model(self, name: str, image: str = "img:1", **container: Any) -> str:
        self.call(
            "CreateModel",
            ModelName=name,
            PrimaryContainer={"Image": image, **container},
            ExecutionRoleArn=ROLE,
        )
        return name

    def config(self, name: str, *variants: dict[str, Any], **members: Any) -> str:
        self.call(
            "CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=list(variants), **members
        )
        return name

    def describe(self, name: str = "pets") -> dict[str, Any]:
        return self.call("DescribeEndpoint", EndpointName=name)

    def settled(self, name: str = "pets") -> dict[str, Any]:
        self.until(lambda: self.describe(name)["EndpointStatus"] not in BUSY)
        return self.describe(name)

    @staticmethod
    def until(true: Callable[[], bool]) -> None:
        end = time.monotonic() + WAIT_SECONDS
        while not true():
            assert time.monotonic() < end
            time.sleep(0.002)


def variant(name: str = "AllTraffic", model: str = "m", **settings: Any) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        **settings,
    }
