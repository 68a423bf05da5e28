"""VirtualService: routes as Istio writes them."""

from __future__ import annotations

from typing import Any

import pytest

from observe.graph import Graph
from observe.istio.traffic.retries import ANY_METHOD, IDEMPOTENT
from observe.istio.traffic.routes import exposed
from observe.istio.traffic.virtual_service import http_route, virtual_service
from observe.model import Call, Endpoint, Exposure, Mesh, Outside, Retries, Role, Route, Service, Version
from observe.provenance import leaves, plain
from tests.samples import GRPC, HTTP, TCP, a_mesh, a_service, an_inventory

VERSIONS = (Version(name="v1", weight=90), Version(name="v2", weight=10), Version(name="v3", headers={"x-next": "1"}))


def made(service: Service, *others: Service, mesh: Mesh | None = None) -> dict[str, Any] | None:
    inventory = an_inventory(service, *others, mesh=mesh)
    found = virtual_service(inventory, Graph(inventory), service)
    assert found is None or all(leaf.origin for leaf in leaves(found["spec"]))
    manifest: dict[str, Any] | None = plain(found)
    return manifest


def spec(service: Service, *others: Service, mesh: Mesh | None = None) -> dict[str, Any]:
    found = made(service, *others, mesh=mesh)
    assert found is not None
    return dict(found["spec"])


def routes(service: Service, *others: Service) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = spec(service, *others)["http"]
    return found


@pytest.mark.parametrize(
    ("role", "timeout", "attempts"),
    [
        ("sync", "3s", 2),
        ("orchestrator", "5s", 2),
        ("external", "10s", 1),
        ("worker", "10s", 2),
        ("data", "3s", 2),
        ("gateway", "15s", 0),
    ],
)
def test_role_gives_timeout_and_retries(role: Role, timeout: str, attempts: int) -> None:
    last = routes(a_service(role=role))[-1]
    assert (last["timeout"], last["retries"]["attempts"]) == (timeout, attempts)


def test_methods_that_may_not_be_repeated_are_retried_only_when_the_request_never_arrived() -> None:
    first, last = routes(a_service())
    assert first["match"] == [{"method": {"regex": "GET|HEAD|OPTIONS|PUT|DELETE"}}]
    assert first["retries"] == {"attempts": 2, "perTryTimeout": "966ms", "retryOn": IDEMPOTENT}
    assert "match" not in last
    assert last["retries"] == {"attempts": 2, "retryOn": ANY_METHOD}


def test_no_retries_means_attempts_alone() -> None:
    """Istio refuses attempts 0 together with conditions."""
    (only,) = routes(a_service(route=Route(retries=Retries(attempts=0))))
    assert only["retries"] == {"attempts": 0}


def test_stream_has_no_timeout() -> None:
    """Written as `0s` the API server refuses it; left out, istiod turns it off."""
    endpoint = Endpoint(grpc="acme.v1.Prices/Watch", streaming=True)
    stream, rest = routes(a_service(ports=(GRPC,), endpoints=(endpoint,)))
    assert stream["match"] == [{"uri": {"exact": "/acme.v1.Prices/Watch"}, "method": {"exact": "POST"}}]
    assert "timeout" not in stream
    assert stream["retries"] == {"attempts": 2, "retryOn": ANY_METHOD}
    assert rest["timeout"] == "3s"


def test_path_with_placeholders_is_matched_segment_by_segment() -> None:
    endpoint = Endpoint(method="GET", path="/reports/{id}/pages/{page}", timeout=8_000)
    first = routes(a_service(endpoints=(endpoint,)))[0]
    assert first["match"] == [{"uri": {"regex": "/reports/[^/]+/pages/[^/]+"}, "method": {"exact": "GET"}}]


def test_caller_is_matched_by_its_pods_and_namespace() -> None:
    call = Call(service="shop/checkout", timeout=1_000, retries=Retries(attempts=1, per_try_timeout=300))
    caller = a_service("cart", namespace="web", labels={"app": "cart", "lane": "a"}, calls=(call,))
    own, own_rest, *default = routes(a_service(), caller)
    scope = {"sourceLabels": {"app": "cart", "lane": "a"}, "sourceNamespace": "web"}
    assert own["match"] == [{"method": {"regex": "GET|HEAD|OPTIONS|PUT|DELETE"}, **scope}]
    assert own_rest["match"] == [scope]
    assert (own["timeout"], own["retries"]["perTryTimeout"]) == ("1s", "300ms")
    assert [route["timeout"] for route in default] == ["3s", "3s"]


def test_every_route_names_the_port_and_is_matched_by_it_when_there_are_several() -> None:
    found = routes(a_service(ports=(HTTP, GRPC, TCP)))
    assert [(route["match"][0]["port"], route["route"][0]["destination"]["port"]["number"]) for route in found] == [
        (80, 80),
        (80, 80),
        (9000, 9000),
    ]


def test_versions_share_requests_by_weight_and_those_of_weight_0_are_left_out() -> None:
    destination = {"host": "checkout.shop.svc.cluster.local", "port": {"number": 80}}
    last = routes(a_service(versions=VERSIONS))[-1]
    assert last["route"] == [
        {"destination": {**destination, "subset": "v1"}, "weight": 90},
        {"destination": {**destination, "subset": "v2"}, "weight": 10},
    ]


def test_single_version_needs_no_weight() -> None:
    (destination,) = routes(a_service(versions=(Version(name="v1", weight=100), Version(name="v2"))))[-1]["route"]
    assert destination["destination"]["subset"] == "v1"
    assert "weight" not in destination


def test_dark_launch_is_matched_by_all_its_headers() -> None:
    versions = (Version(name="v1", weight=100), Version(name="v2", headers={"x-beta": "yes", "x-lane": "b"}))
    first, *_ = routes(a_service(versions=versions))
    assert first["match"][0]["headers"] == {"x-beta": {"exact": "yes"}, "x-lane": {"exact": "b"}}
    assert [one["destination"]["subset"] for one in first["route"]] == ["v2"]


def test_tcp_connections_are_shared_among_versions_too() -> None:
    found = spec(a_service(ports=(TCP,), versions=VERSIONS))
    destination = {"host": "checkout.shop.svc.cluster.local", "port": {"number": 5432}}
    assert "http" not in found
    assert found["tcp"] == [
        {
            "route": [
                {"destination": {**destination, "subset": "v1"}, "weight": 90},
                {"destination": {**destination, "subset": "v2"}, "weight": 10},
            ]
        }
    ]


def test_tcp_route_is_matched_by_its_port_when_there_are_several() -> None:
    assert spec(a_service(ports=(HTTP, TCP), versions=VERSIONS))["tcp"][0]["match"] == [{"port": 5432}]
    assert "tcp" not in spec(a_service(ports=(HTTP, TCP)))


def test_hosts_are_fully_qualified_with_the_clusters_domain() -> None:
    assert spec(a_service(), mesh=a_mesh(cluster_domain="k8s.example.com"))["hosts"] == [
        "checkout.shop.svc.k8s.example.com"
    ]


def test_service_outside_the_cluster_is_routed_by_the_host_that_callers_dial() -> None:
    found = spec(a_service(in_mesh=False, outside=Outside(host="pay.example.com")))
    assert found["hosts"] == ["pay.example.com"]
    assert {route["route"][0]["destination"]["host"] for route in found["http"]} == {"pay.example.com"}


@pytest.mark.parametrize(
    ("service", "mesh"),
    [
        (a_service(ports=(TCP,)), a_mesh()),
        (a_service(), a_mesh(routing="gateway-api")),
        (a_service(), a_mesh(data_plane="ambient")),
    ],
    ids=["no requests", "routed by the Gateway API", "no waypoint"],
)
def test_none_where_there_is_nothing_to_route_or_nobody_who_would(service: Service, mesh: Mesh) -> None:
    assert made(service, mesh=mesh) is None


def test_service_without_a_proxy_is_routed_by_its_callers() -> None:
    assert made(a_service(in_mesh=False)) is not None


def test_no_annotation_repeats_what_the_origins_say() -> None:
    found = made(a_service(route=Route(timeout=4_000)))
    assert found is not None
    assert "annotations" not in found["metadata"]


def test_origin_of_a_value_is_where_it_was_decided() -> None:
    service = a_service(route=Route(timeout=4_000))
    inventory = an_inventory(service)
    found = virtual_service(inventory, Graph(inventory), service)
    assert found is not None
    origins = {leaf.path[-1]: leaf.origin for leaf in leaves(found["spec"]["http"][0]) if leaf.origin}
    assert (origins["timeout"].why, origins["timeout"].path) == (
        "own choice",
        ("services", "checkout", "route", "timeout"),
    )
    assert (origins["attempts"].why, origins["attempts"].path) == ("role sync", ("services", "checkout", "role"))
    assert origins["perTryTimeout"].why == "an even share of the timeout"


def test_route_of_a_gateway_is_matched_by_prefix_and_not_by_the_services_port() -> None:
    exposures = (Exposure(gateway="web", host="a.example.com", path="/v1", port=80),)
    service = a_service(ports=(HTTP, GRPC), exposures=exposures)
    inventory = an_inventory(service)
    first, last = (plain(http_route(inventory, service, one, in_mesh=False)) for one in exposed(inventory, service, 0))
    assert first["match"] == [{"uri": {"prefix": "/v1"}, "method": {"regex": "GET|HEAD|OPTIONS|PUT|DELETE"}}]
    assert last["match"] == [{"uri": {"prefix": "/v1"}}]
    assert last["route"][0]["destination"]["port"] == {"number": 80}
