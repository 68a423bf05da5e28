"""How requests are told apart: the first route that matches treats each one as its most specific choice says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe import policy
from observe.graph import Edge, Graph
from observe.istio.traffic.path_templates import path_regex
from observe.istio.traffic.retries import ANY_METHOD, IDEMPOTENT, IDEMPOTENT_GRPC
from observe.istio.traffic.routes import exposed, is_routed, routes
from observe.model import (
    IDEMPOTENT_METHODS,
    Call,
    Endpoint,
    Exposure,
    Inventory,
    Method,
    Namespace,
    Retries,
    Service,
    Version,
)
from observe.model import Route as OwnRoute
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observe.istio.traffic.route import Route

VERSIONS = (
    Version(name="v1", weight=95),
    Version(name="v2", weight=5, headers={"x-beta": "yes"}),
    Version(name="v3", headers={"x-next": "1", "x-beta": "no"}),
)


def of(service: Service, *others: Service, **mesh: Any) -> tuple[Route, ...]:
    return routes(Graph(an_inventory(service, *others, mesh=a_mesh(**mesh))), service)


def names(found: Iterable[Route]) -> list[str]:
    return [route.name for route in found]


def timeouts(found: Iterable[Route]) -> list[int | None]:
    return [route.policy.timeout.value for route in found]


def calling(name: str = "cart", **call: Any) -> Service:
    return a_service(name, calls=(Call(service="shop/checkout", **call),))


def test_methods_that_may_be_repeated_come_before_the_rest() -> None:
    first, last = of(a_service())
    assert (first.methods, first.conditions.value) == (IDEMPOTENT_METHODS, IDEMPOTENT)
    assert (last.methods, last.conditions.value) == ((), ANY_METHOD)
    assert names((first, last)) == ["http-default-idempotent", "http-default-any"]


def test_without_retries_methods_are_not_told_apart() -> None:
    assert names(of(a_service(role="gateway"))) == ["http-default-any"]


def test_grpc_is_always_post_so_only_what_never_arrived_is_repeated() -> None:
    (only,) = of(a_service(ports=(GRPC,)))
    assert (only.methods, only.conditions.value) == ((), ANY_METHOD)


def test_operation_that_is_treated_like_the_rest_has_no_route() -> None:
    plain = (Endpoint(method="GET", path="/a"), Endpoint(method="POST", path="/a", timeout=3_000))
    assert len(of(a_service(endpoints=plain))) == 2


@pytest.mark.parametrize(
    ("endpoint", "port", "conditions"),
    [
        (Endpoint(method="POST", path="/search", idempotent=True), HTTP, IDEMPOTENT),
        (Endpoint(method="PUT", path="/counter", idempotent=False), HTTP, ANY_METHOD),
        (Endpoint(grpc="acme.v1.Users/GetUser", idempotent=True), GRPC, IDEMPOTENT_GRPC),
    ],
)
def test_operation_with_another_promise_than_its_method_has_a_route(
    endpoint: Endpoint, port: Any, conditions: str
) -> None:
    first, *_ = of(a_service(ports=(port,), endpoints=(endpoint,)))
    assert first.operation is not None
    assert (first.operation.value, first.conditions.value) == (endpoint, conditions)
    assert first.conditions.origin.path == ("services", "checkout", "endpoints", 0, "idempotent")


def test_operations_are_asked_for_on_the_ports_that_speak_their_protocol() -> None:
    endpoints = (Endpoint(method="GET", path="/a", timeout=100), Endpoint(grpc="a.B/C", timeout=100))
    found = of(a_service(ports=(HTTP, GRPC, TCP), endpoints=endpoints))
    special = {route.operation.value.title: route.port.value.name for route in found if route.operation}
    assert special == {"GET /a": "http", "a.B/C": "grpc"}
    assert {route.port.value.name for route in found} == {"http", "grpc"}


def test_operation_that_a_template_would_catch_comes_before_it_although_it_is_nothing_special() -> None:
    endpoints = (
        Endpoint(method="GET", path="/a/{id}", timeout=9_000),
        Endpoint(method="GET", path="/a/latest"),
        Endpoint(method="POST", path="/a/latest"),
        Endpoint(method="GET", path="/b/latest"),
    )
    first, second, *rest = of(a_service(endpoints=endpoints))
    assert [route.operation and route.operation.value.title for route in (first, second)] == [
        "GET /a/latest",
        "GET /a/{id}",
    ]
    assert timeouts((first, second)) == [3_000, 9_000]
    assert not any(route.operation for route in rest)


def test_caller_with_its_own_choice_comes_before_everybody() -> None:
    found = of(a_service(), calling(timeout=1_000))
    assert names(found)[:2] == ["http-from-shop-cart-idempotent", "http-from-shop-cart-any"]
    assert timeouts(found) == [1_000, 1_000, 3_000, 3_000]
    assert [route.caller.caller.name if route.caller else None for route in found] == ["cart", "cart", None, None]


def test_endpoints_choice_comes_before_a_callers() -> None:
    """The endpoint says 8 s to everybody; the caller's second is for the rest of its requests."""
    slow = Endpoint(method="GET", path="/report", timeout=8_000)
    found = of(a_service(endpoints=(slow,)), calling(timeout=1_000))
    assert timeouts(found) == [8_000, 1_000, 1_000, 3_000, 3_000]
    assert [bool(route.caller) for route in found] == [False, True, True, False, False]


def test_callers_choice_for_an_endpoint_comes_first_and_is_its_alone() -> None:
    slow, own = (
        Endpoint(method="GET", path="/r/{id}", timeout=8_000),
        Endpoint(method="GET", path="/r/{x}", timeout=700),
    )
    found = of(a_service(endpoints=(slow,)), calling(endpoints=(own,)))
    assert timeouts(found) == [700, 8_000, 3_000, 3_000]
    assert names(found)[:2] == ["http-endpoint-get-r-id-from-shop-cart", "http-endpoint-get-r-id"]


def test_caller_is_told_apart_on_the_port_that_it_dials() -> None:
    found = of(a_service(ports=(HTTP, GRPC)), calling(port=9000, timeout=1_000))
    assert names(found)[2:] == ["grpc-from-shop-cart-any", "grpc-default-any"]
    assert len(found) == 4


@pytest.mark.parametrize(
    ("mesh", "caller"),
    [({"data_plane": "ambient", "waypoints": True}, {}), ({}, {"in_mesh": False})],
    ids=["ambient", "caller without a proxy"],
)
def test_caller_is_not_told_apart_where_nobody_could(mesh: dict[str, Any], caller: dict[str, Any]) -> None:
    service = a_service("cart", calls=(Call(service="shop/checkout", timeout=1_000),), **caller)
    assert timeouts(of(a_service(), service, **mesh)) == [3_000, 3_000]


def test_requests_are_shared_by_weight_and_a_version_without_any_gets_none() -> None:
    for route in of(
        a_service(versions=(Version(name="v1", weight=70), Version(name="v2", weight=30), Version(name="v3")))
    ):
        shares = [(share.version.value.name, share.weight.value) for share in route.destinations if share.version]
        assert shares == [("v1", 70), ("v2", 30)]


def test_dark_launch_keeps_timeout_and_retries_of_every_kind_of_request() -> None:
    endpoint = Endpoint(method="POST", path="/quote", timeout=1_200, idempotent=True)
    found = of(a_service(versions=VERSIONS, endpoints=(endpoint,)), calling(timeout=1_000))
    usual = [route for route in found if not route.dark]
    assert [(route.operation is not None, route.caller is not None, route.methods == ()) for route in usual] == [
        (True, False, True), (False, True, False), (False, True, True), (False, False, False), (False, False, True),
    ]  # fmt: skip
    for index, route in enumerate(usual):
        dark = found[index * 3 : index * 3 + 2]
        assert [one.dark.value.name for one in dark if one.dark] == ["v2", "v3"]
        for one in dark:
            assert (one.policy, one.conditions, one.methods) == (route.policy, route.conditions, route.methods)
            assert (one.operation, one.caller) == (route.operation, route.caller)
            assert [(share.version, share.weight.value) for share in one.destinations] == [(one.dark, 100)]


@given(st.integers(0, 6), st.integers(0, 4), st.integers(0, 3))
def test_number_of_routes_is_bounded_by_what_is_declared(operations: int, callers: int, dark: int) -> None:
    endpoints = tuple(Endpoint(method="GET", path=f"/{index}", timeout=index + 100) for index in range(operations))
    versions = tuple(Version(name=f"v{index}", headers={"x-v": str(index)}) for index in range(dark))
    service = a_service(endpoints=endpoints, versions=(Version(name="old", weight=100), *versions))
    own = [calling(f"c{index}", retries=Retries(attempts=1), timeout=1_000 + index) for index in range(callers)]
    bound = (operations * (1 + callers) + 2 * (1 + callers)) * (1 + dark)
    found = of(service, *own)
    assert 2 * (1 + callers) * (1 + dark) <= len(found) <= bound
    assert len(set(names(found))) == len(found)


def test_names_are_told_apart_where_titles_look_alike() -> None:
    endpoints = (Endpoint(method="GET", path="/a/b", timeout=100), Endpoint(method="GET", path="/a-b", timeout=200))
    assert names(of(a_service(endpoints=endpoints)))[:2] == ["http-endpoint-get-a-b", "http-endpoint-get-a-b-2"]


PATHS = ("/a", "/a/b", "/a/{id}", "/a/{id}/c", "/a/b/c", "/a/{id}/{more}")
REQUESTS = ("/a", "/a/b", "/a/x", "/a/x/c", "/a/b/c", "/a/b/d", "/elsewhere")
METHODS: tuple[Method, ...] = ("GET", "POST")
maybe_time = st.one_of(st.none(), st.integers(200, 9_000))
maybe_retries = st.one_of(st.none(), st.builds(Retries, attempts=st.integers(0, 3)))
some_endpoints = st.lists(
    st.builds(
        Endpoint,
        method=st.sampled_from(METHODS),
        path=st.sampled_from(PATHS),
        timeout=maybe_time,
        retries=maybe_retries,
        idempotent=st.one_of(st.none(), st.booleans()),
    ),
    max_size=4,
    unique_by=lambda endpoint: endpoint.title,
).map(tuple)
some_calls = st.builds(
    Call, service=st.just("shop/checkout"), timeout=maybe_time, retries=maybe_retries, endpoints=some_endpoints
)


def matches(route: Route, edge: Edge, method: Method, path: str) -> bool:
    """What Envoy does with a route of this caller's sidecar."""
    if route.caller is not None and route.caller.caller.id != edge.caller.id:
        return False
    if route.operation is None:
        return not route.methods or method in route.methods
    wanted = route.operation.value
    return method == wanted.method and re.fullmatch(path_regex(wanted.path or ""), path) is not None


def asked(edge: Edge, service: Service, method: Method, path: str) -> Endpoint | None:
    """The declared operation that a request is one of: that with the fewest placeholders."""
    known = [*edge.call.endpoints, *service.endpoints]
    fitting = [one for one in known if one.method == method and re.fullmatch(path_regex(one.path or ""), path)]
    return min(fitting, key=lambda one: (one.path or "").count("{"), default=None)


def treated(chosen: policy.RoutePolicy, conditions: str) -> tuple[int | None, int, str]:
    attempts = chosen.attempts.value
    return chosen.timeout.value, attempts, conditions if attempts else ""


@given(some_endpoints, some_calls, some_calls, st.sampled_from(METHODS), st.sampled_from(REQUESTS))
def test_every_request_is_treated_as_its_most_specific_choice_says(
    endpoints: tuple[Endpoint, ...], first: Call, second: Call, method: Method, path: str
) -> None:
    service = a_service(endpoints=endpoints, route=OwnRoute(timeout=5_500))
    callers = [
        a_service("cart", calls=(first,)),
        a_service("web", calls=(second,)),
        a_service("other", calls=(Call(service="shop/checkout"),)),
    ]
    inventory = an_inventory(service, *callers)
    graph = Graph(inventory)
    found = routes(graph, service)
    for edge in graph.callers(service):
        taken = next(route for route in found if matches(route, edge, method, path))
        endpoint = asked(edge, service, method, path)
        expected = policy.route(inventory, service, edge=edge, endpoint=endpoint)
        again = IDEMPOTENT if repeatable(edge, service, endpoint, method) else ANY_METHOD
        assert treated(taken.policy, taken.conditions.value) == treated(expected, again)


def repeatable(edge: Edge, service: Service, endpoint: Endpoint | None, method: Method) -> bool:
    same = [
        one.idempotent
        for one in (*edge.call.endpoints, *service.endpoints)
        if endpoint and policy.operation(one) == policy.operation(endpoint) and one.idempotent is not None
    ]
    return same[0] if same else method in IDEMPOTENT_METHODS


def through(inventory: Inventory, service: Service) -> list[tuple[str | None, str | None, int | None]]:
    found = exposed(inventory, service, 0)
    return [
        (
            route.operation.value.title if route.operation else None,
            route.prefix.value if route.prefix else None,
            route.policy.timeout.value,
        )
        for route in found
    ]


def test_exposure_has_the_operations_below_its_path_and_the_rest_by_its_prefix() -> None:
    endpoints = (
        Endpoint(method="GET", path="/v1/report", timeout=9_000),
        Endpoint(method="GET", path="/v2/report", timeout=9_000),
    )
    exposures = (Exposure(gateway="web", host="a.example.com", path="/v1", timeout=4_000),)
    service = a_service(endpoints=endpoints, exposures=exposures)
    inventory = an_inventory(service, calling(timeout=1_000))
    assert through(inventory, service) == [("GET /v1/report", None, 9_000), (None, "/v1", 4_000), (None, "/v1", 4_000)]


def test_exposure_names_the_port_where_there_are_several() -> None:
    ports = (TCP, HTTP, GRPC)
    exposures = (
        Exposure(gateway="web", host="a.example.com", port=9000),
        Exposure(gateway="web", host="a.example.com", port=5432),
        Exposure(gateway="web", host="a.example.com"),
    )
    service = a_service(ports=ports, exposures=exposures)
    inventory = an_inventory(service)
    found = [{route.port.value.number for route in exposed(inventory, service, index)} for index in range(3)]
    assert found == [{9000}, set(), {80}]


@pytest.mark.parametrize(
    ("mesh", "routed"),
    [
        ({}, True),
        ({"data_plane": "ambient"}, False),
        ({"data_plane": "ambient", "waypoints": True}, True),
        ({"data_plane": "ambient", "namespaces": {"shop": Namespace(waypoint=True)}}, True),
        ({"data_plane": "ambient", "waypoints": True, "namespaces": {"shop": Namespace(waypoint=False)}}, False),
    ],
)
def test_routes_are_read_by_sidecars_and_waypoints(mesh: dict[str, Any], *, routed: bool) -> None:
    service = a_service()
    assert is_routed(an_inventory(service, mesh=a_mesh(**mesh)), service) is routed


@pytest.mark.parametrize(
    ("path", "fits", "not_so"),
    [
        ("/a/{id}", "/a/1", "/a/1/2"),
        ("/a.b/{order-id}/c", "/a.b/x/c", "/aXb/x/c"),
        ("/a+b(c)/{x}", "/a+b(c)/1", "/aab(c)/1"),
    ],
)
def test_placeholder_is_one_segment_and_everything_else_is_itself(path: str, fits: str, not_so: str) -> None:
    assert re.fullmatch(path_regex(path), fits)
    assert not re.fullmatch(path_regex(path), not_so)
