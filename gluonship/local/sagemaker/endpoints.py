"""Endpoints: CreateEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint, DeleteEndpoint and
UpdateEndpointWeightsAndCapacities. A request changes the record and returns; a thread carries it out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gluonship.local.contracts import (
    Alarms,
    Clock,
    Events,
    Fleets,
    Handler,
    Router,
    ScalableTargets,
    Scope,
    StateChange,
)
from gluonship.local.sagemaker.endpoint_configs import EndpointConfig, EndpointConfigs
from gluonship.local.sagemaker.endpoint_deployments import (
    Deployment,
    Step,
    Variant,
    resized,
    retained,
    without_its_instances,
)
from gluonship.local.sagemaker.endpoint_descriptions import Endpoint, Pending, description, summary
from gluonship.local.sagemaker.endpoint_policies import FIRST, policy, same_names
from gluonship.local.sagemaker.endpoint_resources import Records, answered_page, invalid
from gluonship.local.sagemaker.endpoint_rollouts import RolloutFailed, Rollouts
from gluonship.local.sagemaker.endpoint_states import Event, Status, after
from gluonship.local.sagemaker.listing import Listed, page
from gluonship.local.sagemaker.models import Models
from gluonship.local.sagemaker.tags import Tags


class _Live:
    """The record of a name: the endpoint as it is now."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.now = endpoint

    @property
    def scope(self) -> Scope:
        return self.now.scope

    @property
    def name(self) -> str:
        return self.now.name


class Endpoints:
    """Thread-safe. Its lock is held for changes of records only, never while a partner is called, but for
    the publishing of events, whose order it guards."""

    def __init__(
        self,
        models: Models,
        configs: EndpointConfigs,
        fleets: Fleets,
        router: Router,
        alarms: Alarms,
        targets: ScalableTargets,
        clock: Clock,
        events: Events,
        tags: Tags,
        *,
        startup_seconds: float = 480.0,
        drain_seconds: float = 30.0,
        memory_limit_bytes: int | None = None,
    ) -> None:
        self._models = models
        self._configs = configs
        self._targets = targets
        self._clock = clock
        self._events = events
        self._tags = tags
        self._rollouts = Rollouts(
            fleets,
            router,
            alarms,
            clock,
            startup_seconds=startup_seconds,
            drain_seconds=drain_seconds,
            memory_limit_bytes=memory_limit_bytes,
        )
        self._lock = threading.RLock()
        self._records: Records[_Live] = Records("endpoint", "endpoint")

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateEndpoint": self.create,
            "DescribeEndpoint": self.describe,
            "ListEndpoints": self.list,
            "UpdateEndpoint": self.update,
            "UpdateEndpointWeightsAndCapacities": self.update_weights_and_capacities,
            "DeleteEndpoint": self.delete,
        }

    # --- the API -----------------------------------------------------------------------------------------

    def create(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        name, chosen = request["EndpointName"], request.get("DeploymentConfig")
        config = self._configs.find(scope, request["EndpointConfigName"])
        variants = self._variants(config)
        policy(chosen, variants)  # checked now, used by updates that retain it
        deployment = Deployment(config.name, variants, FIRST)
        now = self._clock.now()
        arn = self._records.arn(scope, name)
        live = _Live(
            Endpoint(
                scope,
                name,
                arn,
                config.name,
                Status.CREATING,
                now,
                now,
                pending=Pending(deployment, now, FIRST.steps[0]),
                deployment_config=chosen,
            )
        )
        with self._lock:
            self._records.add(live)
            self._tags.register(arn, request.get("Tags"))
            self._publish(live.now)
        self._start(live, self._deploy)
        return {"EndpointArn": arn}

    def describe(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        return description(self._records.find(scope, request["EndpointName"]).now)

    def list(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        endpoints = [live.now for live in self._records.of(scope)]
        rows = [Listed(e.name, e.created, e.modified, e.status.value, summary(e)) for e in endpoints]
        return answered_page("Endpoints", *page(rows, request, default_sort_order="Descending"))

    def update(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        live = self._records.find(scope, request["EndpointName"])
        after(live.now.status, Event.UPDATE_REQUESTED, live.now.arn)
        config = self._configs.find(scope, request["EndpointConfigName"])
        self._configs.find(scope, live.now.config_name)  # AWS too wants the old one to be there still
        chosen = request.get("DeploymentConfig")
        if request.get("RetainDeploymentConfig"):
            if chosen:
                raise invalid("Specify either DeploymentConfig or RetainDeploymentConfig, and not both.")
            chosen = live.now.deployment_config
        variants = self._variants(config)
        self._keep_scaled(live.now, variants)
        if request.get("RetainAllVariantProperties"):
            left_out = request.get("ExcludeRetainedVariantProperties", [])
            excluded = [each["VariantPropertyType"] for each in left_out]
            variants = retained(variants, live.now.variants, excluded)
        if chosen:
            same_names(live.now.variants, variants)
        self._begin_update(live, Deployment(config.name, variants, policy(chosen, variants)), chosen)
        return {"EndpointArn": live.now.arn}

    def update_weights_and_capacities(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        live = self._records.find(scope, request["EndpointName"])
        after(live.now.status, Event.UPDATE_REQUESTED, live.now.arn)
        variants = resized(live.now.variants, request["DesiredWeightsAndCapacities"])
        deployment = Deployment(live.now.config_name, variants, policy(None, variants))
        self._begin_update(live, deployment, live.now.deployment_config)
        return {"EndpointArn": live.now.arn}

    def delete(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Application Auto Scaling deregisters the variants that it scales, and says nothing of it.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-delete-with-scaling.html
        """
        live = self._records.find(scope, request["EndpointName"])
        self._take(live, Event.DELETE_REQUESTED)
        try:
            self._targets.deregister(scope, live.name)
        finally:
            self._start(live, self._withdraw)
        return {}

    # --- carrying out ------------------------------------------------------------------------------------

    def _variants(self, config: EndpointConfig) -> tuple[Variant, ...]:
        """As the configuration has them. Raises AwsError when a model is gone."""
        return tuple(
            Variant(
                settings,
                self._models.find(config.scope, settings["ModelName"]),
                float(settings["InitialVariantWeight"]),
                int(settings["InitialInstanceCount"]),
            )
            for settings in config.variants
        )

    def _keep_scaled(self, endpoint: Endpoint, wanted: Sequence[Variant]) -> None:
        """Raises AwsError for an update that takes away a variant that is scaled, or its kind of instance."""
        lost = without_its_instances(endpoint.variants, wanted)
        scaled = (
            sorted(set(lost) & set(self._targets.variants(endpoint.scope, endpoint.name))) if lost else []
        )
        if scaled:
            raise invalid(
                f'The variant(s) "{", ".join(scaled)}" must be deregistered as scalable targets with AWS '
                "Application Auto Scaling before they can be removed or have their instance type updated."
            )

    def _begin_update(self, live: _Live, deployment: Deployment, chosen: dict[str, Any] | None) -> None:
        pending = Pending(deployment, self._clock.now(), deployment.policy.steps[0])
        self._take(
            live, Event.UPDATE_REQUESTED, pending=pending, deployment_config=chosen, failure_reason=None
        )
        self._start(live, self._deploy)

    def _deploy(self, live: _Live) -> None:
        before = live.now
        if before.pending is None:
            raise ValueError(f"Endpoint {before.name} has no deployment to carry out.")
        deployment = before.pending.deployment

        def entered(step: Step, variants: Sequence[Variant]) -> None:
            self._show_step(live, step, tuple(variants))

        def rolling_back(reason: str) -> None:
            self._take(live, Event.ROLLBACK_STARTED, pending=None, failure_reason=reason)

        try:
            variants = self._rollouts.deploy(
                before.scope, before.name, before.variants, deployment, entered, rolling_back
            )
        except RolloutFailed as error:
            event = Event.DEPLOYMENT_FAILED if error.rolled_back else Event.ROLLBACK_FAILED
            self._take(live, event, pending=None, failure_reason=str(error))
            return
        self._take(
            live,
            Event.DEPLOYED,
            pending=None,
            failure_reason=None,
            variants=variants,
            config_name=deployment.config_name,
            deployed=self._clock.now(),
        )

    def _withdraw(self, live: _Live) -> None:
        self._rollouts.withdraw(live.scope, live.name, live.now.variants)
        with self._lock:
            self._records.remove(live.scope, live.name)
            self._tags.forget(live.now.arn)
            self._publish(live.now, status="Deleted")

    def _show_step(self, live: _Live, step: Step, variants: tuple[Variant, ...]) -> None:
        with self._lock:
            pending = live.now.pending
            if pending is not None:
                deployment = replace(pending.deployment, variants=variants)
                pending = replace(pending, deployment=deployment, step=step, step_started=self._clock.now())
                live.now = replace(live.now, pending=pending)

    def _take(self, live: _Live, event: Event, **changes: Any) -> None:
        """One step of the endpoint's state. Raises AwsError for a request that is not taken now."""
        with self._lock:
            status = after(live.now.status, event, live.now.arn)
            live.now = replace(live.now, status=status, modified=self._clock.now(), **changes)
            self._publish(live.now)

    def _publish(self, endpoint: Endpoint, status: str | None = None) -> None:
        """Called with the lock held, so that listeners hear the changes in their order."""
        self._events.publish(
            StateChange(
                endpoint.scope,
                "Endpoint",
                endpoint.name,
                endpoint.arn,
                status or endpoint.status.value,
                None,
                self._clock.now(),
                description(endpoint),
            )
        )

    @staticmethod
    def _start(live: _Live, action: Callable[[_Live], None]) -> None:
        threading.Thread(target=action, args=(live,), name=f"endpoint-{live.name}", daemon=True).start()
