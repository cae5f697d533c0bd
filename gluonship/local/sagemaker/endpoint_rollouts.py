"""Carrying a deployment out, phase by phase; and back, when one fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

from gluonship.local.contracts import (
    Alarms,
    Clock,
    Fleet,
    FleetPlan,
    Fleets,
    ProvisionFailed,
    Router,
    Scope,
)
from gluonship.local.sagemaker.endpoint_deployments import Deployment, Phase, Step, Variant, routes
from gluonship.local.sagemaker.endpoint_guardrails import Guardrails, Tripped

_log = logging.getLogger(__name__)

_REASON_LIMIT = 1024  # characters (botocore: FailureReason)


class RolloutFailed(Exception):
    """The new fleet does not serve; the message is the endpoint's FailureReason. `rolled_back`: what served
    before has all requests."""

    def __init__(self, reason: str, rolled_back: bool) -> None:
        super().__init__(reason)
        self.rolled_back = rolled_back


class Rollouts:
    """Brings fleets up, moves the requests and takes fleets down. Blocks; thread-safe over endpoints."""

    def __init__(
        self,
        fleets: Fleets,
        router: Router,
        alarms: Alarms,
        clock: Clock,
        *,
        startup_seconds: float,
        drain_seconds: float,
        memory_limit_bytes: int | None,
    ) -> None:
        self._fleets = fleets
        self._router = router
        self._alarms = alarms
        self._clock = clock
        self._startup_seconds = startup_seconds
        self._drain_seconds = drain_seconds
        self._memory_limit_bytes = memory_limit_bytes

    def deploy(
        self,
        scope: Scope,
        name: str,
        old: Sequence[Variant],
        deployment: Deployment,
        entered: Callable[[Step, tuple[Variant, ...]], None],
        rolling_back: Callable[[str], None],
    ) -> tuple[Variant, ...]:
        """The variants that serve in the end. `entered` is told each step and the new variants as they are
        then; `rolling_back` why, before the requests go back to `old`. Raises RolloutFailed."""
        guardrails = Guardrails(self._alarms, self._clock, scope, name, deployment.policy)
        new = deployment.variants
        try:
            for step in deployment.policy.steps:
                entered(step, new)
                if step.phase is Phase.PROVISION:
                    new = self._provision(scope, name, new)
                    guardrails.arrive()
                elif step.phase is Phase.SHIFT:
                    guardrails.look()
                    self._router.set_routes(scope, name, routes(old, new, step.share))
                elif step.phase is Phase.BAKE:
                    guardrails.wait(step.seconds)
                elif step.phase is Phase.RETIRE:
                    self._retire(_fleets_only_in(old, new))
        except ProvisionFailed as error:
            raise RolloutFailed(str(error), rolled_back=True) from error
        except Exception as error:
            if isinstance(error, Tripped):
                reason = str(error)
            else:
                _log.exception("the deployment of endpoint %s failed", name)
                reason = f"The deployment failed in the local cloud: {error}"
            reason = reason[:_REASON_LIMIT]
            if old:
                rolling_back(reason)
            raise RolloutFailed(reason, rolled_back=self._roll_back(scope, name, old, new)) from error
        return new

    def withdraw(self, scope: Scope, name: str, variants: Sequence[Variant]) -> None:
        """The endpoint's fleets are gone, and no request reaches it any more; one that is routed to what is
        gone gets a 5xx."""
        try:
            self._router.set_routes(scope, name, [])
        except Exception:  # noqa: BLE001 - the log has it; a deletion must come to its end
            _log.exception("the requests to endpoint %s could not be ended", name)
        self._retire(_fleets_only_in(variants, ()))

    def _retire(self, fleets: Iterable[Fleet]) -> None:
        """A fleet that cannot be taken down fails no deployment: it has no requests any more."""
        with ThreadPoolExecutor(thread_name_prefix="retire") as pool:
            futures = [pool.submit(fleet.retire, self._drain_seconds) for fleet in fleets]
        for future in futures:
            if error := future.exception():
                _log.error("a fleet could not be retired", exc_info=error)

    def _provision(self, scope: Scope, name: str, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
        """All variants at once. When one does not come up, none stays."""
        missing = [variant for variant in variants if variant.fleet is None]
        with ThreadPoolExecutor(max(1, len(missing)), thread_name_prefix="provision") as pool:
            futures = {
                variant.name: pool.submit(self._fleets.provision, self._plan(scope, name, variant))
                for variant in missing
            }
            wait(futures.values())
        failed = [error for future in futures.values() if (error := future.exception())]
        if failed:
            self._retire(future.result() for future in futures.values() if not future.exception())
            raise failed[0]
        return tuple(
            replace(variant, fleet=futures[variant.name].result()) if variant.name in futures else variant
            for variant in variants
        )

    def _plan(self, scope: Scope, name: str, variant: Variant) -> FleetPlan:
        settings = variant.settings
        return FleetPlan(
            scope=scope,
            endpoint_name=name,
            variant_name=variant.name,
            image=variant.model.image,
            model_data_uri=variant.model.model_data_uri,
            environment=variant.model.environment,
            instance_count=variant.instance_count,
            log_group=f"/aws/sagemaker/Endpoints/{name}",
            startup_timeout_seconds=float(
                settings.get("ContainerStartupHealthCheckTimeoutInSeconds", self._startup_seconds)
            ),
            memory_limit_bytes=self._memory_limit_bytes,
            role_arn=variant.model.role_arn,
        )

    def _roll_back(self, scope: Scope, name: str, old: Sequence[Variant], new: Sequence[Variant]) -> bool:
        """Whether what served before has all requests again. The new fleets are gone in any case: nobody
        would ever take them down."""
        try:
            self._router.set_routes(scope, name, routes(old, (), 0.0) if old else [])
        except Exception:  # noqa: BLE001 - the log has it, and the endpoint's status says it
            _log.exception("the endpoint %s could not be rolled back", name)
            return False
        finally:
            self._retire(_fleets_only_in(new, old))
        return True


def _fleets_only_in(variants: Iterable[Variant], others: Iterable[Variant]) -> list[Fleet]:
    kept = {id(variant.fleet) for variant in others}
    return [variant.fleet for variant in variants if variant.fleet and id(variant.fleet) not in kept]
