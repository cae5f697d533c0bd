"""A fake world for the engine: resource types that live in a dict, S3 and SSM answers, a clock."""

from __future__ import annotations

import copy
import functools
import io
import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from gluonship.local.cloudformation.api import CloudFormation
from gluonship.local.cloudformation.contract import (
    UNKNOWN,
    CreateFailed,
    Made,
    Properties,
    PropertyChange,
    ProvisioningError,
    Recreation,
    Review,
    Target,
)
from gluonship.local.cloudformation.journal import Journal, NoJournal
from gluonship.local.contracts import AwsError, Scope

SCOPE = Scope("123456789012", "us-east-1")


class World:
    """A contract.Provider over objects in memory. Types: Test::Thing::One (any property; `Fixed` forces
    replacement; `Name` names it; `Bad` is refused; `Recorded` has no effect), Test::Thing::Two, alike.

    `fail[(action, logical id)]` says what an action raises, how many times it does (None: always).
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.objects: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.fail: dict[tuple[str, str], list[Any]] = {}
        self.busy = 0
        self.most_busy = 0
        self.pause = 0.0
        self.block: dict[tuple[str, str], threading.Event] = {}
        self._numbers = itertools.count(1)

    # --- for tests ---------------------------------------------------------------------------------------

    def dump(self) -> str:
        with self.lock:
            return json.dumps(self.objects, sort_keys=True, indent=1)

    def fails(self, action: str, logical_id: str, times: int | None = None, made: bool = False) -> None:
        self.fail[action, logical_id] = [times, made]

    def order(self, action: str) -> list[str]:
        return [name for did, name in self.calls if did == action]

    # --- contract.Provider -------------------------------------------------------------------------------

    def knows(self, type_name: str) -> bool:
        return type_name.startswith(("Test::", "AWS::IAM::"))

    def refuses(self, type_name: str) -> str | None:
        return None if self.knows(type_name) else f"{type_name} is not a type of this cloud"

    def reference_known(self, type_name: str, properties: Properties) -> str | None:
        name = properties.get("Name")
        return None if name is None or name is UNKNOWN else str(name)

    def has_attribute(self, type_name: str, attribute: str) -> bool:
        return attribute in ("Arn", "Size", "Inner.Value")

    def review(
        self, scope: Scope, type_name: str, properties: Properties, previous: Properties | None = None
    ) -> Review:
        refused = [f"{name}: it is bad" for name in properties if name.startswith("Bad")]
        if previous is not None and properties.get("Stuck") != previous.get("Stuck"):
            refused.append("Stuck: cannot be changed here")
        recorded = ("Recorded has no effect",) if "Recorded" in properties else ()
        return Review(tuple(refused), recorded)

    def normalise(self, type_name: str, properties: Properties) -> dict[str, Any]:
        return {name: str(value) if isinstance(value, int) else value for name, value in properties.items()}

    def changes(self, type_name: str, old: Properties, new: Properties) -> Sequence[PropertyChange]:
        return [
            PropertyChange(
                name,
                Recreation.ALWAYS if name in ("Fixed", "Name") else Recreation.NEVER,
                old.get(name),
                new.get(name),
            )
            for name in sorted({*old, *new})
            if old.get(name) != new.get(name) or new.get(name) is UNKNOWN
        ]

    def create(self, target: Target, properties: Properties) -> Made:
        with self._busy("create", target):
            number = next(self._numbers)
            name = str(properties.get("Name") or f"{target.stack_name}-{target.logical_id}-{number}")
            made = Made(name, {"Arn": f"arn:test:{name}", "Size": str(len(properties))})
            partly = self._failure("create", target)
            with self.lock:
                if name in self.objects:
                    raise ProvisioningError(f"{name} already exists")
                if partly is None or partly:
                    self.objects[name] = self._object(target, properties)
            if partly is not None:
                raise CreateFailed(f"{target.logical_id} did not come up", made if partly else None)
            return made

    def update(self, target: Target, made: Made, old: Properties, new: Properties) -> Made:
        with self._busy("update", target):
            with self.lock:
                if made.physical_id not in self.objects:
                    raise ProvisioningError(f"{made.physical_id} does not exist (NotFound)")
            partly = self._failure("update", target)
            with self.lock:
                if partly is None:
                    self.objects[made.physical_id] = self._object(target, new)
                elif partly:  # half of it was done
                    self.objects[made.physical_id]["properties"]["half"] = "done"
            if partly is not None:
                raise ProvisioningError(f"{target.logical_id} could not be updated")
            return Made(made.physical_id, {**made.attributes, "Size": str(len(new))})

    def delete(self, target: Target, made: Made, properties: Properties) -> None:
        with self._busy("delete", target):
            if self._failure("delete", target) is not None:
                raise ProvisioningError(f"{target.logical_id} is not empty")
            with self.lock:
                self.objects.pop(made.physical_id, None)

    def snapshot(self, target: Target, made: Made) -> Any:
        return copy.deepcopy(self.objects.get(made.physical_id))

    # --- parts -------------------------------------------------------------------------------------------

    @staticmethod
    def _object(target: Target, properties: Properties) -> dict[str, Any]:
        tags = {key: value for key, value in target.tags.items() if not key.startswith("aws:")}
        return {"type": target.type, "properties": json.loads(json.dumps(properties)), "tags": tags}

    def _failure(self, action: str, target: Target) -> bool | None:
        """None to succeed; else whether it is done partly."""
        planned = self.fail.get((action, target.logical_id))
        if planned is None or planned[0] == 0:
            return None
        if planned[0] is not None:
            planned[0] -= 1
        if planned[1] == "defect":
            raise RuntimeError("a defect of the type")
        return bool(planned[1])

    def _busy(self, action: str, target: Target) -> Any:
        world = self

        class Busy:
            def __enter__(self) -> None:
                with world.lock:
                    world.calls.append((action, target.logical_id))
                    world.busy += 1
                    world.most_busy = max(world.most_busy, world.busy)
                gate = world.block.get((action, target.logical_id))
                deadline = time.monotonic() + 10
                while gate is not None and not gate.wait(0.005):
                    if target.canceled() or time.monotonic() > deadline:
                        self.__exit__()
                        raise ProvisioningError("Resource creation cancelled")
                time.sleep(world.pause)

            def __exit__(self, *_: object) -> None:
                with world.lock:
                    world.busy -= 1

        return Busy()


class StillClock:
    """A clock whose timers tests fire."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def call_later(self, seconds: float, action: Callable[[], None]) -> Any:
        entry = (seconds, action)
        self.timers.append(entry)
        timers = self.timers

        class Timer:
            def cancel(self) -> None:
                timers.remove(entry)

        return Timer()


class Answers:
    """contracts.Clients: S3 objects, parameters and secrets from dicts; what SNS was told."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], str] = {}
        self.parameters: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.published: list[tuple[str, str]] = []
        self.region = ""

    def __call__(self, scope: Scope, service: str) -> Any:
        self.region = scope.region
        return self

    def get_object(self, Bucket: str, Key: str, VersionId: str = "") -> dict[str, Any]:
        found = self.objects.get((Bucket, f"{Key}@{VersionId}" if VersionId else Key))
        if found is None:
            raise client_error("NoSuchKey", "The specified key does not exist.", "GetObject")
        return {"Body": io.BytesIO(found.encode())}

    def get_parameter(self, Name: str, WithDecryption: bool) -> dict[str, Any]:
        name = Name.split(":")[0]
        if name not in self.parameters:
            raise client_error("ParameterNotFound", "", "GetParameter")
        return {"Parameter": {"Value": self.parameters[name], "Type": "String"}}

    def get_secret_value(self, SecretId: str, **_: str) -> dict[str, Any]:
        if SecretId not in self.secrets:
            raise client_error("ResourceNotFoundException", "no such secret", "GetSecretValue")
        return {"SecretString": self.secrets[SecretId]}

    def describe_availability_zones(self) -> dict[str, Any]:
        return {"AvailabilityZones": [{"ZoneName": f"{self.region}{letter}"} for letter in "ba"]}

    def publish(self, TopicArn: str, Subject: str, Message: str) -> None:
        self.published.append((TopicArn, Message))


def client_error(code: str, message: str, operation: str) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    return ClientError(response, operation)


@functools.cache
def service_model() -> Any:
    return botocore.session.get_session().get_service_model("cloudformation")


class Cfn:
    """CloudFormation over the fake world, called as the control plane calls it; answers fit the model."""

    def __init__(self, journal: Journal | None = None, linger_seconds: float = 0.0) -> None:
        self.world = World()
        self.answers = Answers()
        self.clock = StillClock()
        self.service = CloudFormation(
            self.world, self.answers, self.clock, journal or NoJournal(), linger_seconds
        )
        self.handlers = self.service.operations()

    def __call__(self, operation: str, **request: Any) -> dict[str, Any]:
        model = service_model().operation_model(operation)
        unknown = set(request) - set(model.input_shape.members)
        assert not unknown, f"{operation} has no {unknown}"
        answer = self.handlers[operation](SCOPE, request)
        if model.output_shape is not None:
            check_shape(model.output_shape, answer, operation)
        else:
            assert answer == {}
        return answer

    def until(self, happened: Callable[[], bool], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.002)

    # --- shorthands --------------------------------------------------------------------------------------

    def create(self, name: str, resources: Mapping[str, Any], wait: bool = True, **more: Any) -> str:
        self("CreateStack", StackName=name, **body(resources, more))
        return self.wait(name) if wait else ""

    def update(self, name: str, resources: Mapping[str, Any], wait: bool = True, **more: Any) -> str:
        self("UpdateStack", StackName=name, **body(resources, more))
        return self.wait(name) if wait else ""

    def delete(self, name: str, **more: Any) -> str:
        stack_id = self.stack(name)["StackId"]
        self("DeleteStack", StackName=name, **more)
        return self.wait(stack_id)

    def wait(self, name: str, seconds: float = 10) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = str(self.stack(name)["StackStatus"])
            if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
                return status
            time.sleep(0.002)
        raise AssertionError(f"{name} is still {status}")

    def stack(self, name: str) -> dict[str, Any]:
        stacks: list[dict[str, Any]] = self("DescribeStacks", StackName=name)["Stacks"]
        return stacks[0]

    def outputs(self, name: str) -> dict[str, str]:
        return {row["OutputKey"]: row["OutputValue"] for row in self.stack(name)["Outputs"]}

    def events(self, name: str) -> list[dict[str, Any]]:
        """Oldest first."""
        rows: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            answer = self("DescribeStackEvents", StackName=name, **token)
            rows += answer["StackEvents"]
            if "NextToken" not in answer:
                return rows[::-1]
            token = {"NextToken": answer["NextToken"]}

    def trail(self, name: str) -> list[str]:
        """`logical id status` of every event, oldest first; the stack itself is `-`."""
        return [
            f"{'-' if row['PhysicalResourceId'] == row['StackId'] else row['LogicalResourceId']} "
            f"{row['ResourceStatus']}"
            for row in self.events(name)
        ]

    def reasons(self, name: str) -> dict[str, str]:
        """The failures' reasons, by logical id."""
        return {
            row["LogicalResourceId"]: row["ResourceStatusReason"]
            for row in self.events(name)
            if row["ResourceStatus"].endswith("_FAILED") and row["PhysicalResourceId"] != row["StackId"]
        }

    def resources(self, name: str) -> dict[str, str]:
        rows = self("ListStackResources", StackName=name)["StackResourceSummaries"]
        return {row["LogicalResourceId"]: row.get("PhysicalResourceId", "") for row in rows}

    def refused(self, operation: str, **request: Any) -> str:
        """The message of the ValidationError that an operation answers."""
        with pytest.raises(AwsError) as caught:
            self(operation, **request)
        assert caught.value.code == "ValidationError"
        return caught.value.message


def body(resources: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Request members: capitalised template sections among `more` go into the template."""
    sections = ("Parameters", "Mappings", "Conditions", "Outputs", "Rules", "Transform", "Metadata")
    template = {"Resources": resources} | {name: more[f"T{name}"] for name in sections if f"T{name}" in more}
    rest = {name: value for name, value in more.items() if not (name[0] == "T" and name[1:] in sections)}
    return {"TemplateBody": json.dumps(template), **rest}


def thing(depends: Any = None, policy: str | None = None, **properties: Any) -> dict[str, Any]:
    """A resource declaration."""
    declared: dict[str, Any] = {"Type": "Test::Thing::One", "Properties": properties}
    if depends:
        declared["DependsOn"] = depends
    if policy:
        declared["DeletionPolicy"] = policy
    return declared


def check_shape(shape: Any, value: Any, where: str) -> None:
    """The answer is one that the wire can carry."""
    if shape.type_name == "structure":
        assert isinstance(value, dict), f"{where}: {value!r}"
        for name, item in value.items():
            assert name in shape.members, f"{where} has no {name}"
            check_shape(shape.members[name], item, f"{where}.{name}")
    elif shape.type_name == "list":
        assert isinstance(value, list), f"{where}: {value!r}"
        for item in value:
            check_shape(shape.member, item, where)
    elif shape.type_name == "string":
        assert isinstance(value, str), f"{where}: {value!r}"
        if getattr(shape, "enum", None):
            own = value.endswith("_CLEANUP_IN_PROGRESS")  # AWS's own events have what the model leaves out
            assert value in shape.enum or own, f"{where}: {value}"
    elif shape.type_name == "boolean":
        assert isinstance(value, bool), f"{where}: {value!r}"
    elif shape.type_name == "timestamp":
        assert isinstance(value, datetime), f"{where}: {value!r}"
        assert value.tzinfo is not None, f"{where}: {value!r}"
