"""The route table of the data plane: endpoint -> variants by weight -> instances by load.

Only the event loop of the data plane's process touches it, so that choosing an instance and counting the
request on it are one step: after new routes are in, no request can start on an instance that they lack.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Endpoint(NamedTuple):
    account_id: str
    region: str
    name: str


@dataclass(eq=False)
class Instance:
    """One container of a fleet, as the data plane knows it."""

    id: str
    port: int
    ready: bool = True
    outstanding: int = 0  # requests that it is answering now


@dataclass(eq=False)
class VariantRoute:
    """A share of an endpoint's requests and the instances that answer it. Two routes may belong to one
    variant: the old and the new fleet during an update."""

    variant_name: str
    weight: float
    instances: list[Instance]
    credit: float = 0.0


@dataclass(eq=False)
class EndpointRoutes:
    log_group: str
    routes: list[VariantRoute] = field(default_factory=list)

    @property
    def variant_names(self) -> list[str]:
        return list(dict.fromkeys(route.variant_name for route in self.routes))

    def choose_route(self, variant_name: str | None) -> VariantRoute | None:
        """The route of the next request: smooth weighted round robin, over the routes of `variant_name`
        when a request names one. None when no route has a weight."""
        candidates = [r for r in self.routes if variant_name in (None, r.variant_name)]
        if len(candidates) == 1 and (variant_name or candidates[0].weight > 0):
            return candidates[0]
        weighted = [(r, r.weight) for r in candidates if r.weight > 0]
        if not weighted and variant_name:  # a variant of weight 0 is reached by its name only
            weighted = [(r, 1.0) for r in candidates]
        if not weighted:
            return None
        for route, weight in weighted:
            route.credit += weight
        best = max(weighted, key=lambda pair: pair[0].credit)[0]
        best.credit -= sum(weight for _, weight in weighted)
        return best


def choose_instance(route: VariantRoute, tried: Collection[Instance] = ()) -> Instance | None:
    """The ready instance with the fewest requests in progress (LEAST_OUTSTANDING_REQUESTS)."""
    ready = [i for i in route.instances if i.ready and i not in tried]
    if not ready:
        return None
    chosen = min(ready, key=lambda i: i.outstanding)
    # Among equals the one after the last chosen is next: move it to the end.
    route.instances.remove(chosen)
    route.instances.append(chosen)
    return chosen


class RouteTable:
    """All endpoints, and every instance that a route or a running request still knows."""

    def __init__(self) -> None:
        self.endpoints: dict[Endpoint, EndpointRoutes] = {}
        self._instances: dict[str, Instance] = {}
        self._idle_watchers: list[tuple[frozenset[str], Callable[[], None]]] = []

    def replace(self, endpoint: Endpoint, log_group: str, routes: Iterable[Mapping[str, Any]]) -> None:
        """New routes of one endpoint; none removes it. A route is
        {"variant": str, "weight": float, "instances": [{"id": str, "port": int, "ready": bool}]}."""
        new = [
            VariantRoute(r["variant"], float(r["weight"]), [self._learn(i) for i in r["instances"]])
            for r in routes
        ]
        if new:
            self.endpoints[endpoint] = EndpointRoutes(log_group, new)
        else:
            self.endpoints.pop(endpoint, None)
        self._forget_unused()

    def update_instance(self, state: Mapping[str, Any]) -> None:
        if state["id"] in self._instances:
            self._learn(state)

    def when_idle(self, instance_ids: Iterable[str], action: Callable[[], None]) -> None:
        """Calls `action` as soon as none of the instances has a request in progress."""
        ids = frozenset(instance_ids)
        if self._busy(ids):
            self._idle_watchers.append((ids, action))
        else:
            action()

    def begin(self, instance: Instance) -> None:
        instance.outstanding += 1

    def end(self, instance: Instance) -> None:
        instance.outstanding -= 1
        if instance.outstanding or not self._idle_watchers:
            return
        waiting, self._idle_watchers = self._idle_watchers, []
        for ids, action in waiting:
            self.when_idle(ids, action)
        self._forget_unused()

    def _busy(self, ids: frozenset[str]) -> bool:
        return any(i in self._instances and self._instances[i].outstanding for i in ids)

    def _learn(self, state: Mapping[str, Any]) -> Instance:
        instance = self._instances.setdefault(state["id"], Instance(state["id"], state["port"]))
        instance.port, instance.ready = state["port"], state["ready"]
        return instance

    def _forget_unused(self) -> None:
        routed = {i.id for endpoint in self.endpoints.values() for r in endpoint.routes for i in r.instances}
        self._instances = {i.id: i for i in self._instances.values() if i.id in routed or i.outstanding}
