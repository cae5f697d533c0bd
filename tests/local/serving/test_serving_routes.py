"""The route table: shares, loads, and what is drained when."""

from __future__ import annotations

from collections import Counter

import pytest

from gluonship.local.serving.routes import (
    Endpoint,
    EndpointRoutes,
    Instance,
    RouteTable,
    VariantRoute,
    choose_instance,
)

PETS = Endpoint("123456789012", "us-east-1", "pets")


def routes(*weights: tuple[str, float]) -> EndpointRoutes:
    return EndpointRoutes("group", [VariantRoute(name, weight, []) for name, weight in weights])


def chosen(endpoint: EndpointRoutes, wanted: str | None = None) -> str | None:
    route = endpoint.choose_route(wanted)
    return route and route.variant_name


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ([("a", 1.0)], {"a": 100}),
        ([("a", 3.0), ("b", 1.0)], {"a": 75, "b": 25}),
        ([("a", 0.0), ("b", 0.2)], {"b": 100}),
        ([("a", 0.9), ("a", 0.1)], {"a": 100}),
    ],
)
def test_variants_share_requests_by_weight(weights: list[tuple[str, float]], shares: dict[str, int]) -> None:
    endpoint = routes(*weights)
    assert Counter(chosen(endpoint) for _ in range(100)) == shares


def test_shares_are_smooth() -> None:
    endpoint = routes(("a", 3.0), ("b", 1.0))
    assert [chosen(endpoint) for _ in range(8)].count("b") == 2


def test_a_named_variant_gets_the_request_whatever_its_weight() -> None:
    endpoint = routes(("a", 1.0), ("b", 0.0))
    assert chosen(endpoint, "b") == "b"
    assert chosen(endpoint, "none") is None


def test_no_weight_at_all_chooses_none() -> None:
    assert chosen(routes(("a", 0.0), ("b", 0.0))) is None
    assert chosen(routes(("a", 0.0))) is None


def test_the_instance_with_the_fewest_requests_is_chosen_and_equals_take_turns() -> None:
    one, two, three = Instance("1", 1), Instance("2", 2), Instance("3", 3, ready=False)
    route = VariantRoute("a", 1.0, [one, two, three])
    assert {choose_instance(route) for _ in range(2)} == {one, two}
    one.outstanding = 2
    assert [choose_instance(route) for _ in range(3)] == [two, two, two]
    assert choose_instance(route, tried={two}) is one
    two.ready = one.ready = False
    assert choose_instance(route) is None


def state(instance_id: str, port: int = 1, ready: bool = True) -> dict[str, object]:
    return {"id": instance_id, "port": port, "ready": ready}


def test_routes_are_replaced_at_once_and_old_instances_are_idle_when_their_requests_end() -> None:
    table = RouteTable()
    table.replace(PETS, "group", [{"variant": "a", "weight": 1, "instances": [state("old")]}])
    old = table.endpoints[PETS].routes[0].instances[0]
    table.begin(old)
    table.begin(old)
    table.replace(PETS, "group", [{"variant": "a", "weight": 1, "instances": [state("new")]}])
    assert [i.id for i in table.endpoints[PETS].routes[0].instances] == ["new"]
    idle: list[str] = []
    table.when_idle(["old"], lambda: idle.append("old"))
    table.when_idle(["new", "never seen"], lambda: idle.append("new"))
    assert idle == ["new"]
    table.end(old)
    assert idle == ["new"]
    table.end(old)
    assert idle == ["new", "old"]


def test_an_instance_keeps_its_count_over_new_routes_and_learns_its_state() -> None:
    table = RouteTable()
    for port, weight in ((1, 1), (2, 5)):
        table.replace(PETS, "group", [{"variant": "a", "weight": weight, "instances": [state("i", port)]}])
        instance = table.endpoints[PETS].routes[0].instances[0]
        table.begin(instance)
    assert (instance.outstanding, instance.port) == (2, 2)
    table.update_instance(state("i", 3, ready=False))
    table.update_instance(state("unknown"))
    assert (instance.port, instance.ready) == (3, False)


def test_no_routes_remove_the_endpoint() -> None:
    table = RouteTable()
    table.replace(PETS, "group", [{"variant": "a", "weight": 1, "instances": []}])
    table.replace(PETS, "", [])
    assert table.endpoints == {}
