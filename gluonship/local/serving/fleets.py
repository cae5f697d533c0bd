"""Fleets of serving containers: the instances of a production variant, brought up, kept up and retired."""

from __future__ import annotations

import contextlib
import functools
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gluonship.local.contracts import (
    Clock,
    ContainerSpec,
    FleetPlan,
    ImageUnknown,
    Logs,
    ProvisionFailed,
    Runtime,
    Scope,
    StartFailed,
    Storage,
)
from gluonship.local.serving import model_data
from gluonship.local.serving.health import HealthRules
from gluonship.local.serving.instances import Instance, InstanceState, NotHealthy
from gluonship.local.serving.ports import Ports

REASON_LIMIT = 1024  # characters of an endpoint's FailureReason (botocore: FailureReason)
_LEAST_GRACE = 2.0  # seconds that a drained container still gets for its own shutdown


class ProcessFleet:
    """Running instances of one plan. The data plane watches it and tells when they are drained."""

    def __init__(self, plan: FleetPlan, instances: Sequence[Instance], release: Callable[[], None]) -> None:
        self.plan = plan
        self._instances = tuple(instances)
        self._release = release
        self.wait_idle: Callable[[float], bool] | None = None
        """Set by the data plane when it routes here: blocks until no request runs, or so many seconds."""

    @property
    def instance_ids(self) -> Sequence[str]:
        return tuple(instance.id for instance in self._instances)

    @property
    def states(self) -> Sequence[InstanceState]:
        return tuple(instance.state for instance in self._instances)

    def watch(self, listener: Callable[[InstanceState], None]) -> None:
        for instance in self._instances:
            instance.watch(listener)

    def retire(self, drain_seconds: float) -> None:
        deadline = time.monotonic() + drain_seconds
        if self.wait_idle is not None:
            self.wait_idle(drain_seconds)
        for instance in self._instances:
            instance.stop(max(_LEAST_GRACE, deadline - time.monotonic()))
        self._release()


class ProcessFleets:
    """contracts.Fleets over any Runtime. Instance folders are `home`/containers/NAME."""

    def __init__(
        self,
        runtime: Runtime,
        storage_for: Callable[[Scope], Storage],
        logs: Logs,
        clock: Clock,
        home: Path,
        rules: HealthRules | None = None,
    ) -> None:
        self._runtime = runtime
        self._storage_for = storage_for
        self._logs = logs
        self._clock = clock
        self._folder = home / "containers"
        self._rules = rules or HealthRules()
        self._ports = Ports()
        self._lock = threading.Lock()
        self._undo: set[contextlib.ExitStack] = set()  # what leaves nothing of a fleet, for each that is up
        self._closed = False

    def provision(self, plan: FleetPlan) -> ProcessFleet:
        undo = contextlib.ExitStack()
        with self._lock:
            if self._closed:
                raise ProvisionFailed("The local cloud is going down.")
            self._undo.add(undo)
        release = functools.partial(self._release, undo)
        try:
            instances = [self._start_one(plan, undo) for _ in range(plan.instance_count)]
            self._wait_ready(plan, instances)
        except BaseException:
            release()
            raise
        for instance in instances:
            instance.supervise(plan.startup_timeout_seconds)
        return ProcessFleet(plan, instances, release)

    def close(self) -> None:
        """The cloud goes down: every instance is killed, nothing is started again."""
        with self._lock:
            self._closed = True
            open_ = list(self._undo)
        with ThreadPoolExecutor(thread_name_prefix="close-fleets") as pool:
            list(pool.map(self._release, open_))

    def _release(self, undo: contextlib.ExitStack) -> None:
        undo.close()
        with self._lock:
            self._undo.discard(undo)

    def _wait_ready(self, plan: FleetPlan, instances: Sequence[Instance]) -> None:
        started = self._clock.now()

        def expired() -> bool:
            return (self._clock.now() - started).total_seconds() > plan.startup_timeout_seconds

        for instance in instances:
            try:
                instance.wait_ready(expired)
            except NotHealthy as error:
                raise ProvisionFailed(_ping_failure(plan, error)) from error

    def _start_one(self, plan: FleetPlan, undo: contextlib.ExitStack) -> Instance:
        """One instance, its container running. `undo` learns how to leave nothing of it."""
        instance_id = f"i-{secrets.token_hex(9)[:17]}"
        name = f"{plan.endpoint_name}-{plan.variant_name}-{instance_id}"
        root = self._folder / name / "ml"
        undo.callback(_remove, root)
        try:
            port, (first, last) = self._ports.take(), self._ports.take_range()
        except OSError as error:
            raise ProvisionFailed(str(error)) from error
        undo.callback(self._ports.give_back, port, *range(first, last + 1))
        try:
            model_data.fetch(self._storage_for(plan.scope), plan.model_data_uri, root)
        except model_data.ModelDataError as error:
            raise ProvisionFailed(shorten(str(error))) from error
        log = self._logs.open(plan.scope, plan.log_group, f"{plan.variant_name}/{instance_id}")
        spec = ContainerSpec(
            name=name,
            image=plan.image,
            command="serve",
            root=root,
            environment=_environment(plan, port, first, last),
            memory_limit_bytes=plan.memory_limit_bytes,
            port=port,
            account_id=plan.scope.account_id,
            role_arn=plan.role_arn,
        )
        instance = Instance(instance_id, spec, self._runtime, log, self._rules)
        undo.callback(instance.stop, 0.0)
        try:
            instance.start()
        except ImageUnknown as error:
            raise ProvisionFailed(shorten(f"The image '{plan.image}' cannot run here: {error}")) from error
        except (StartFailed, OSError) as error:
            raise ProvisionFailed(
                shorten(f"The image '{plan.image}' could not be started: {error}")
            ) from error
        return instance


def _environment(plan: FleetPlan, port: int, first: int, last: int) -> dict[str, str]:
    """What SageMaker hosting sets; the model's own variables win, but for the port it must bind to."""
    return {
        "AWS_REGION": plan.scope.region,
        "AWS_DEFAULT_REGION": plan.scope.region,
        **plan.environment,
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_SAFE_PORT_RANGE": f"{first}-{last}",
    }


def _ping_failure(plan: FleetPlan, error: NotHealthy) -> str:
    words = (
        f"The primary container for production variant {plan.variant_name} did not pass the ping health "
        f"check. Please check CloudWatch logs for this endpoint. ({str(error).capitalize()}; "
    )
    if not error.last_lines:
        return f"{words}it wrote no log.)"
    words = f"{words}its log, {plan.log_group}, ends with:\n"
    tail = "\n".join(error.last_lines)
    return f"{words}{tail[-(REASON_LIMIT - len(words) - 1) :]})"


def shorten(reason: str) -> str:
    return reason if len(reason) <= REASON_LIMIT else f"{reason[: REASON_LIMIT - 3]}..."


def _remove(root: Path) -> None:
    """The model's copy goes with its instance; what else lies in the container's folder (logs) stays."""
    shutil.rmtree(root, ignore_errors=True)
    with contextlib.suppress(OSError):
        root.parent.rmdir()
